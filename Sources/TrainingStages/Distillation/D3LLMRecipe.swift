package import DecodingStages
internal import ModelStages
internal import Numerics
package import Recipes
internal import Runs
package import Training

/// d3LLM's pseudo-trajectory distillation (paper, section "pseudo-trajectory distillation";
/// `d3llm_llada_train.py`, `d3llm_dream_train.py`).
package struct D3LLMRecipe: DistillationRecipe {
    enum Window: String, CaseIterable {
        case response
        case padded
        case whole
    }

    package let mask: TrajectoryMask.Order
    let window: Window
    let stateIndex: TrajectoryMask.StateIndex
    package let noise: NoiseFields
    package let windowLengths: [Int]
    let ahead: Int
    let objective: D3LLMObjective

    package init(_ fields: Fields) {
        mask = fields.choice(
            "mask", default: TrajectoryMask.Order.trajectory,
            "Which tokens of a window are masked. trajectory: as the teacher's trajectory had them; random: each with "
                + "the probability of the ratio; shuffled: as many as the trajectory has masked, but by a random order "
                + "of each answer (the control for the teacher's order); reversed: as many, but those that the teacher "
                + "decoded first.")
        window = fields.choice(
            "window", default: Window.response,
            "Where windows may lie. response: up to the end token, padding belongs to the last window (released code "
                + "for LLaDA); padded: padding has windows of its own (for Dream); whole: no windows, everything is "
                + "masked at once (for Dream without block-wise loss).")
        stateIndex = fields.choice(
            "stateIndex", default: TrajectoryMask.StateIndex.faithful,
            "Which state of a trajectory shows a mask ratio. faithful: the released code's, in which one token fewer "
                + "is masked than the ratio says and never a whole window; corrected: the state before.")
        noise = fields.object("noise", "Mask ratio over training.") { NoiseFields($0) }
        windowLengths = fields.integers(
            "windowLengths", default: [16, 16, 24, 24, 32, 32], in: 1...65_536, atLeast: 1,
            "Window lengths over training, spread evenly and interpolated; one number keeps it constant. The default is the released training's."
        )
        ahead =
            fields.optionalInteger(
                "ahead", in: 0...64,
                "How many windows behind the first are open too, each masked by its own state at a ratio drawn between that "
                    + "of the window before it and 1: what multi-block decoding meets, half-decoded blocks before others. "
                    + "Absent: 0, everything behind the window is masked (released code).") ?? 0
        if ahead > 0, window == .whole {
            fields.reject("ahead", "Behind the whole response there is no further window.")
        }
        objective = fields.object("loss", "The distillation loss.") { loss in
            D3LLMObjective(
                entropyWeight: Float(
                    loss.number(
                        "entropyWeight", default: 2, in: 0.0..., "Factor on the entropy of right predictions."
                    )),
                temperature: Float(
                    loss.number(
                        "temperature", default: 0.5, in: .above(0),
                        "Temperature of the softmax in the entropy.")),
                usesComplement: loss.flag(
                    "complement", default: true, "Also train on the complementary mask."),
                usesComplementEntropy: loss.flag(
                    "complementEntropy", default: false,
                    "Entropy on the complementary mask as well; released code: off for LLaDA, on for Dream."))
        }
    }

    package func batch(_ step: DistillationStep) -> LossBatch {
        objective.batch(
            rows: step.rows.map(\.tokens), windows: windows(step), step.configuration,
            mask: step.teacher.maskToken)
    }

    /// The windows of a step's rows and their masks.
    func windows(_ step: DistillationStep) -> [TrajectoryMask.Window] {
        windows(of: step.rows, step: step.index, of: step.count, seed: step.seed)
    }

    /// The same for rows of any teacher.
    func windows(of rows: [AnswerRow], step: Int, of count: Int, seed: UInt64) -> [TrajectoryMask.Window] {
        let progress = Double(step) / Double(count)
        let options = TrajectoryMask.Options(
            windowLength: Curriculum.windowLength(
                windowLengths, epoch: progress * Double(windowLengths.count)),
            ratio: noise.ratio(step: step, of: count, seed: seed), order: mask,
            countsPadding: window == .padded, usesWholeResponse: window == .whole, stateIndex: stateIndex)
        return rows.enumerated().map { i, row in
            var place = DistillationStep.draws(.window, seed: seed, step: step, row: i)
            var masks = DistillationStep.draws(.mask, seed: seed, step: step, row: i)
            let range = TrajectoryMask.range(
                length: row.tokens.count, promptLength: row.promptLength, fullLength: row.fullLength, options,
                &place)
            return masked(row, range, options, &masks, step: step, place: i, seed: seed)
        }
    }

    /// The mask of a row's window, and of those behind it that are open too.
    private func masked(
        _ row: AnswerRow, _ first: Range<Int>, _ options: TrajectoryMask.Options, _ masks: inout RandomStream,
        step: Int, place: Int, seed: UInt64
    ) -> TrajectoryMask.Window {
        let (length, keys) = (row.tokens.count, mask == .shuffled ? row.orderKeys(seed: seed) : [])
        func masked(_ range: Range<Int>, _ options: TrajectoryMask.Options) -> TrajectoryMask.Window {
            TrajectoryMask.masked(
                range, length: length, promptLength: row.promptLength, trajectory: row.trajectory,
                orderKeys: keys, options, &masks)
        }
        var result = masked(first, options)
        var options = options
        var draws = DistillationStep.draws(.ahead, seed: seed, step: step, row: place)
        var last = first
        for _ in 0..<ahead {
            guard
                let range = TrajectoryMask.next(
                    after: last, length: length, promptLength: row.promptLength, fullLength: row.fullLength,
                    options)
            else { break }
            options.ratio += draws.nextDouble() * (1 - options.ratio)
            result.masked += masked(range, options).masked
            result.range = first.lowerBound..<range.upperBound
            last = range
        }
        return result
    }
}

/// How one of the teacher's answers is shown to the student at a step of training.
package struct Lesson: Sendable, Hashable {
    /// From 0.
    package let step: Int
    /// The length that windows have then, in tokens, and the share of a window that is masked.
    package let windowLength: Int
    package let ratio: Double
    /// Where the window lies in the response; what is before it is given, what is behind it is masked.
    package let window: Range<Int>
    /// One flag per position of the window.
    package let masked: [Bool]
}

extension D3LLMRecipe {
    /// What a student would see of an answer at some steps, were it the first of the batch.
    ///
    /// - Parameters:
    ///   - end: The token that ends answers.
    ///   - steps: From 0, less than `count`.
    package func lessons(
        of answer: TrajectoryRecord, end: Int32?, at steps: [Int], of count: Int, seed: UInt64
    ) -> [Lesson] {
        let length =
            end.flatMap { answer.response.firstIndex(of: $0) }.map { $0 + 1 } ?? answer.response.count
        let row = AnswerRow(
            tokens: answer.response, promptLength: 0, fullLength: length,
            trajectory: .init(
                states: Int(answer.unmaskStep.max() ?? -1) + 1, unmaskStep: answer.unmaskStep), index: 0)
        return steps.compactMap { step in
            guard let shown = windows(of: [row], step: step, of: count, seed: seed).first else { return nil }
            let progress = Double(step) / Double(count) * Double(windowLengths.count)
            return Lesson(
                step: step, windowLength: Curriculum.windowLength(windowLengths, epoch: progress),
                ratio: noise.ratio(step: step, of: count, seed: seed), window: shown.range,
                masked: shown.masked)
        }
    }
}

/// The mask ratio over training, as configurations write it.
package struct NoiseFields {
    enum Schedule: String, CaseIterable {
        case progressive
        case linear
        case uniform
        case constant
    }

    private let schedule: Schedule
    private let minimum: Double
    private let maximum: Double

    init(_ fields: Fields) {
        schedule = fields.choice(
            "schedule", default: Schedule.progressive,
            "progressive: drawn between a bound that rises from minimum to maximum, and maximum (released code); linear: "
                + "rises from minimum to maximum (as the paper states it); uniform: drawn between minimum and maximum; "
                + "constant: maximum.")
        minimum = fields.number("minimum", default: 0, in: 0.0...1.0, "Smallest ratio.")
        maximum = fields.number("maximum", default: 0.8, in: 0.0...1.0, "Largest ratio.")
        if minimum > maximum {
            fields.reject(
                "minimum", "The smallest ratio \(minimum) should not exceed the largest, \(maximum).")
        }
    }

    /// The ratio of a step; every schedule makes one draw.
    package func ratio(step: Int, of steps: Int, seed: UInt64) -> Double {
        var draws = DistillationStep.draws(.ratio, seed: seed, step: step)
        let draw = draws.nextDouble()
        switch schedule {
        case .constant: return maximum
        case .linear:
            return Curriculum.ratioLowerBound(step: step, of: steps, minimum: minimum, maximum: maximum)
        case .uniform: return minimum + draw * (maximum - minimum)
        case .progressive:
            let lower = Curriculum.ratioLowerBound(step: step, of: steps, minimum: minimum, maximum: maximum)
            return lower + draw * (maximum - lower)
        }
    }
}
