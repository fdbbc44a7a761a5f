/// What counts as the same number, written down before anything was run.
package struct Tolerances: Sendable, Hashable {
    /// How many problems a benchmark has.
    package struct Benchmark: Sendable, Hashable {
        package let problems: Int
        package let reason: String
    }

    /// What one metric may differ by.
    package struct Rule: Sendable, Hashable {
        /// What a tolerance is given in.
        package enum Unit: String, Sendable, Hashable, CaseIterable {
            /// In the metric's own unit.
            case points
            /// Of the published value.
            case percent
        }

        /// How large the sampling noise of two runs is.
        package enum Noise: Sendable, Hashable {
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

        package let tolerance: Double
        package let unit: Unit
        package let noise: Noise
        package let reason: String
    }

    /// By name.
    package let benchmarks: [String: Benchmark]
    /// By table, benchmarks that are others there.
    package let tables: [String: [String: Benchmark]]
    /// By metric.
    package let metrics: [String: Rule]

    /// The problems of a benchmark in a table; nil for one that isn't known.
    package func problems(of benchmark: String, in table: String) -> Int? {
        (tables[table]?[benchmark] ?? benchmarks[benchmark])?.problems
    }
}
