internal import Base
package import Documents
internal import Files
internal import JSON
package import SystemPackage

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

extension Tolerances {
    /// Reads `configs/published/tolerances.json`.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError` with the place of the mistake.
    package init(file: FilePath) throws {
        let root = try NodeReader(file: file)
        try root.allow(["benchmarks", "tables", "metrics"])
        benchmarks = try Self.benchmarks(root.required("benchmarks"))
        tables = Dictionary(
            uniqueKeysWithValues: try root.required("tables").members().map {
                ($0.key, try Self.benchmarks($0.value))
            })
        metrics = Dictionary(
            uniqueKeysWithValues: try root.required("metrics").members().map { ($0.key, try Rule($0.value)) })
    }

    private static func benchmarks(_ reader: NodeReader) throws -> [String: Benchmark] {
        Dictionary(
            uniqueKeysWithValues: try reader.members().map { name, entry in
                try entry.allow(["problems", "reason"])
                let problems = try entry.required("problems")
                guard let count = problems.node.int, count > 0 else {
                    throw problems.error("A benchmark has a whole number of problems, at least 1.")
                }
                return (name, Benchmark(problems: count, reason: try entry.required("reason").string()))
            })
    }
}

extension Tolerances.Rule {
    /// The names of the kinds of noise.
    private enum NoiseName: String, CaseIterable {
        case binomial
        case mean
        case derived
        case machine
    }

    init(_ reader: NodeReader) throws {
        try reader.allow([
            "tolerance", "unit", "noise", "variation", "share", "skipped", "sensitivity", "reason",
        ])
        reason = try reader.required("reason").string()
        let name: NoiseName = try reader.choice("noise")
        guard name != .machine else {
            (noise, tolerance, unit) = (.machine, 0, .points)
            return
        }
        tolerance = try Self.positive("tolerance", reader)
        unit = try reader.choice("unit")
        noise =
            switch name {
            case .binomial: .binomial
            case .machine: .machine
            case .derived: .derived(sensitivity: try Self.positive("sensitivity", reader))
            case .mean:
                .mean(
                    variation: try Self.positive("variation", reader),
                    share: try Self.positive("share", reader),
                    skipped: try reader.required("skipped").node.int ?? 0)
            }
    }

    private static func positive(_ key: String, _ reader: NodeReader) throws -> Double {
        let value = try reader.required(key)
        guard try value.number() > 0 else { throw value.error("This has to be greater than 0.") }
        return try value.number()
    }
}

/// A value of a data file; every mistake is named with its place.
typealias NodeReader = DocumentValue<PublishedDataError>

extension DocumentValue<PublishedDataError> {
    /// The root object of a file, in which comments may stand.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError`.
    init(file: FilePath) throws {
        let document = try JSONDocument(
            parsing: FileSystem.read(file), name: file.string, allowComments: true)
        self.init(document.root, subject: "this file")
        _ = try members()
    }

    /// The values of an object, without their places.
    func values() throws(PublishedDataError) -> JSONObject {
        JSONObject(try members().map { ($0.key, JSONValue($0.value.node)) })
    }

    /// A text that is one of the raw values of a type.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String
    ) throws(PublishedDataError) -> Choice {
        try required(key).choice()
    }
}

extension PublishedDataError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let (source, offset) = (flaw.origin.source, flaw.origin.range.lowerBound)
        self.init(
            file: source.name,
            "\(flaw.origin.place.visible): \(flaw.message.capitalizedFirst.visible)\n\(source.excerpt(at: offset))"
        )
    }
}

/// What a comparison of a published with a reproduced number says.
package enum Verdict: String, Sendable, Hashable, CaseIterable {
    /// They differ by at most the tolerance.
    case match
    /// They differ by more than the tolerance, but not by more than two runs do by chance.
    case withinNoise = "within noise"
    /// They differ by more than that.
    case differs
    /// Nothing was computed that could be compared.
    case notRun = "not run"
    /// There is a number, but it isn't of the same thing.
    case notComparable = "not comparable"
}
