package import Numerics
package import Transformers

/// TAD's self-distillation along a trajectory (arXiv 2605.09536; BHmingyang/TAD at 5e2aaf8, `train_llada.py`, `train_dream.py`).
///
/// The student sees a state of the trajectory. Positions that the next states decide are near: it learns their tokens. Those
/// decided later are far: it learns the distribution that the teacher, which may have read the answer, has there. Loss =
/// `crossEntropy` · mean CE over near positions + `divergence` · τ² · mean KL(teacher/τ ‖ student/τ) over far ones, each mean over
/// all such positions of the batch.
package struct TemporalDistillation: Sendable {
    /// So many states ahead is near (released code: 8 for LLaDA, 6 for Dream).
    package var reach: Int
    /// τ, of both softmaxes over far positions.
    package var temperature: Float
    /// Factor on near positions.
    package var crossEntropy: Float
    /// Factor on far positions.
    package var divergence: Float

    package init(reach: Int = 8, temperature: Float = 1, crossEntropy: Float = 1, divergence: Float = 1) {
        precondition(reach > 0 && temperature > 0, "something is near, and a softmax has a temperature")
        self.reach = reach
        self.temperature = temperature
        self.crossEntropy = crossEntropy
        self.divergence = divergence
    }

    /// One state of one answer.
    package struct Example: Sendable {
        /// What the student sees: prompt and response with masks.
        package var tokens: [Int32]
        /// What the teacher sees: the same response behind another prompt.
        package var teacherTokens: [Int32]
        /// How much longer the teacher's prompt is.
        package var teacherOffset: Int
        /// Positions of ``tokens`` with the tokens that they are to become, ascending.
        package var near: [Int: Int32]
        /// Positions of ``tokens``, ascending.
        package var far: [Int]

        package init(
            tokens: [Int32], teacherTokens: [Int32], teacherOffset: Int, near: [Int: Int32], far: [Int]
        ) {
            (self.tokens, self.teacherTokens, self.teacherOffset) = (tokens, teacherTokens, teacherOffset)
            (self.near, self.far) = (near, far)
        }
    }

    /// The example of one state.
    ///
    /// - Parameters:
    ///   - response: the answer's tokens.
    ///   - decided: for each of them the first state in which it isn't masked, where state 0 has all masks; below 0 where
    ///     none decides it.
    ///   - state: which state the student sees.
    ///   - last: the last state.
    package func example(
        prompt: [Int32], teacherPrompt: [Int32], response: [Int32], decided: [Int], state: Int, last: Int,
        mask: Int32
    ) -> Example {
        let target = min(state + reach, last)
        var shown = response
        var example = Example(
            tokens: [], teacherTokens: [], teacherOffset: teacherPrompt.count - prompt.count, near: [:],
            far: [])
        for (index, decided) in decided.enumerated() where decided < 0 || decided > state {
            shown[index] = mask
            let position = prompt.count + index
            if decided >= 0, decided <= target {
                example.near[position] = response[index]
            } else {
                example.far.append(position)
            }
        }
        example.tokens = prompt + shown
        example.teacherTokens = teacherPrompt + shown
        return example
    }

    /// The teacher's distributions at the far positions, at ``temperature``, in order of examples and positions (far × V).
    package func teacherDistributions(
        _ examples: [Example], teacher: Transformer, threads: Int = 1
    ) -> Matrix {
        let shift = teacher.configuration.logitShift ? 1 : 0
        return teacher.distributions(
            examples.map { example in
                (example.teacherTokens, rows(example.far, shift).map { $0 + example.teacherOffset - shift })
            }, temperature: temperature, threads: threads)
    }

    /// The student's batch.
    ///
    /// - Parameter teacher: what ``teacherDistributions(_:teacher:threads:)`` gave.
    package func batch(
        _ examples: [Example], _ model: TransformerConfiguration, teacher: Matrix
    ) -> LossBatch {
        let shift = model.logitShift ? 1 : 0
        var next = 0
        let sequences = examples.map { example -> TrainingSequence in
            let near = rows(Array(example.near.keys), shift).map { position in
                LossRow(row: position - shift, target: example.near[position] ?? 0)
            }
            let far = rows(example.far, shift).map { position -> LossRow in
                defer { next += 1 }
                // No token is its target; any stands for none.
                return LossRow(row: position - shift, target: 0, group: 1, softTarget: next)
            }
            return TrainingSequence(tokens: example.tokens, rows: (near + far).sorted { $0.row < $1.row })
        }
        let divergence = divergence * temperature * temperature
        return LossBatch(
            sequences: sequences,
            groups: [
                LossGroup("near", crossEntropy: crossEntropy),
                LossGroup("far", crossEntropy: divergence, offset: meanEntropy(teacher)),
            ],
            temperature: temperature, softTargets: next > 0 ? teacher : nil)
    }

    /// Positions that a row of logits predicts: with shifted logits, none predicts the first.
    private func rows(_ positions: [Int], _ shift: Int) -> [Int] {
        positions.filter { $0 >= shift }.sorted()
    }

    /// What a cross-entropy against the distributions has more than the divergence from them, in nats.
    private func meanEntropy(_ distributions: Matrix) -> Double {
        guard distributions.rows > 0 else { return 0 }
        var sum = 0.0
        for row in 0..<distributions.rows {
            for probability in distributions.row(row) where probability > 0 {
                sum -= Double(probability) * Elementary.log(Double(probability))
            }
        }
        return sum / Double(distributions.rows)
    }
}
