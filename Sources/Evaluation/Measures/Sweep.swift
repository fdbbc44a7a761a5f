/// The settings of one method on one set of problems.
package struct Sweep: Sendable {
    /// One setting with its per-sample results.
    package struct Setting: Sendable {
        /// What distinguishes it, for people: "threshold 0.1".
        package let name: String
        package let records: [SampleRecord]

        package init(name: String, records: [SampleRecord]) {
            self.name = name
            self.records = records
        }
    }

    package let label: String
    package let settings: [Setting]

    package init(label: String, settings: [Setting]) {
        self.label = label
        self.settings = settings
    }
}

/// Why sweeps can't be compared.
package enum SweepError: Error, Sendable, Hashable, CustomStringConvertible {
    case empty(label: String)
    case differentProblems(label: String, setting: String)
    case tooFewProblems(Int)

    package var description: String {
        switch self {
        case .empty(let label): "The curve \"\(label)\" has no setting."
        case .differentProblems(let label, let setting):
            "The curve \"\(label)\", setting \(setting), was measured on other problems than the first curve; "
                + "all curves of a table must be evaluated on the same problems."
        case .tooFewProblems(let count):
            "\(count) problems can't be halved for choosing and reporting; at least 2 are needed."
        }
    }
}

/// Sums over one half of the problems, for one setting; what every measure is a ratio of.
struct HalfSums: Sendable {
    var tokens: [Double]
    var nfe: [Double]
    var correct: [Double]

    init(_ records: [SampleRecord]) {
        tokens = records.map { Double($0.tokensBeforeEnd) }
        nfe = records.map { Double($0.nfe) }
        correct = records.map { $0.correct ? 100 : 0 }
    }

    /// Tokens per forward and accuracy (percent) with problem i counted `weights[i]` times.
    func point(_ weights: [Double]) -> (tpf: Double, accuracy: Double) {
        var (t, n, c, total) = (0.0, 0.0, 0.0, 0.0)
        for i in weights.indices {
            t += weights[i] * tokens[i]
            n += weights[i] * nfe[i]
            c += weights[i] * correct[i]
            total += weights[i]
        }
        return (n > 0 ? t / n : 0, total > 0 ? c / total : 0)
    }
}
