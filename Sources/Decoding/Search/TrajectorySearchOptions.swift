/// Options of ``TrajectorySearch``; the defaults are those of the published runs with LLaDA on mathematics.
package struct TrajectorySearchOptions: Sendable, Hashable {
    /// The two published programs, which differ in more than the model.
    package enum Form: String, Sendable, Hashable, CaseIterable {
        /// Blocks, counted from position 0; end tokens are never drawn, but written behind a complete answer.
        case llada
        /// All generated positions at once.
        case dream
    }

    /// What the question is about: decides the bonus, the verifier's words and when an answer is complete.
    package enum Subject: String, Sendable, Hashable, CaseIterable {
        case math
        case code
        case reasoning
        case other
    }

    /// What a trajectory's rough answer is worth.
    package enum Reward: String, Sendable, Hashable, CaseIterable {
        /// The probability with which the model itself answers "Yes" when asked whether the answer is right.
        case verifier = "svf"
        /// The geometric mean of the largest probability at each generated position.
        case confidence
    }

    /// One pruning at a fixed step.
    package struct Cut: Sendable, Hashable {
        /// Share of a block's steps before it; nothing is pruned at 0.
        package var fraction: Double
        /// Rows that go on.
        package var width: Int
        /// Rows that they are copies of.
        package var survivors: Int

        package init(fraction: Double, width: Int, survivors: Int) {
            (self.fraction, self.width, self.survivors) = (fraction, width, survivors)
        }
    }

    package var form = Form.llada
    package var subject = Subject.math
    package var reward = Reward.verifier
    /// Tokens to generate; in blocks the last one is filled up.
    package var generationLength = 256
    /// Tokens per block; without effect on ``Form/dream``.
    package var blockLength = 32
    /// Forwards per block, or in all for ``Form/dream``.
    package var steps = 32
    /// Limits the steps to the generation's length over this.
    package var leastTokensPerStep = 1
    /// Rows at the start (N).
    package var trajectories = 16
    /// Rows at the end (K).
    package var width = 8
    /// Rows that each pruning keeps and branches from (S).
    package var survivors = 2
    /// Share of the steps from which on rows are pruned.
    package var pruningStart = 0.1
    /// Share of the steps up to which rows are pruned.
    package var pruningEnd = 0.6
    /// By what the number of rows shrinks with each step.
    package var decay = 1.8
    /// Steps between two prunings.
    package var pruningInterval = 3
    /// Prunings at fixed steps instead of the geometric decay; nil for the decay.
    package var cuts: [Cut]?
    /// 0 takes the most probable token.
    package var temperature = 0.7
    /// Positions whose largest probability is above this are decided at once.
    package var threshold = 0.85
    /// Texts that end an answer.
    package var stops: [String] = []

    package init() {}

    /// What is wrong with the options, in a full sentence; nil for nothing.
    package var problem: String? {
        let counts = [
            generationLength, blockLength, steps, leastTokensPerStep, trajectories, width, survivors,
        ]
        let (limits, shares) = (1...1_000_000, 0.0...1)
        if !counts.allSatisfy(limits.contains) || !(0...1_000_000 ~= pruningInterval) {
            return "Lengths, steps, rows and intervals of a search are whole numbers from 1 to 1,000,000."
        }
        if leastTokensPerStep > generationLength {
            return "A search's steps have more tokens than it generates."
        }
        if !shares.contains(pruningStart) || !shares.contains(pruningEnd) {
            return "A search's prunings begin and end at shares of its steps, from 0 to 1."
        }
        if !(1...1_000_000 ~= decay) { return "The decay of a search is a number from 1 to 1,000,000." }
        let cuts = cuts ?? []
        if !cuts.allSatisfy({
            shares.contains($0.fraction) && limits.contains($0.width) && limits.contains($0.survivors)
        }) {
            return "A search's cuts have shares from 0 to 1 and keep at least one row."
        }
        if !(0...1000 ~= temperature) { return "The temperature of a search is a number from 0 to 1000." }
        return threshold.isFinite ? nil : "The threshold of a search is a finite number."
    }
}
