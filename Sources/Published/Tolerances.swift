/// What counts as the same number, written down before anything was run.
public struct Tolerances: Sendable, Hashable {
    /// How many problems a benchmark has.
    public struct Benchmark: Sendable, Hashable {
        public let problems: Int
        public let reason: String
    }

    /// What one metric may differ by.
    public struct Rule: Sendable, Hashable {
        /// What a tolerance is given in.
        public enum Unit: String, Sendable, Hashable, CaseIterable {
            /// In the metric's own unit.
            case points
            /// Of the published value.
            case percent
        }

        /// How large the sampling noise of two runs is.
        public enum Noise: Sendable, Hashable {
            /// A proportion of the benchmark's problems: Newcombe's interval of a difference.
            case binomial
            /// A mean over a share of the problems, less those left out; `variation` is the coefficient of variation
            /// between problems.
            case mean(variation: Double, share: Double, skipped: Int)
            /// That of tokens per forward and `sensitivity` times that of accuracy.
            case derived(sensitivity: Double)
            /// The metric belongs to a machine and isn't compared.
            case machine
        }

        public let tolerance: Double
        public let unit: Unit
        public let noise: Noise
        public let reason: String
    }

    /// By name.
    public let benchmarks: [String: Benchmark]
    /// By table, benchmarks that are others there.
    public let tables: [String: [String: Benchmark]]
    /// By metric.
    public let metrics: [String: Rule]

    /// The problems of a benchmark in a table; nil for one that isn't known.
    public func problems(of benchmark: String, in table: String) -> Int? {
        (tables[table]?[benchmark] ?? benchmarks[benchmark])?.problems
    }
}
