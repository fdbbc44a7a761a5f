internal import ArtifactStore
internal import Audit
internal import Evaluation
internal import JSON
internal import Reporting

/// What kinds of errors the evaluations of a run made, of those that counted them.
struct ReportErrors {
    let source: ReportSource

    /// The table; nil where no evaluation counted errors.
    var section: ReportSection? {
        let counted = source.items(.samples).compactMap { item in
            item.artifact.flatMap { ErrorCounts(metrics: $0.record.metrics) }.map { (item, $0) }
        }
        guard !counted.isEmpty else { return nil }
        let kinds = ErrorClass.allCases.filter { kind in
            counted.contains { $0.1.counts.contains { $0.kind == kind } }
        }
        return ReportSection("errors", "Kinds of errors") {
            ReportTable(
                caption: "What went wrong first in each response",
                columns: [.init("Stage")] + kinds.map { .init($0.rawValue, isNumeric: true) },
                rows: counted.map { item, errors in
                    .init(
                        [.element(.code, text: item.entry.stage)]
                            + kinds.map { kind in
                                .text("\(errors.counts.first { $0.kind == kind }?.count ?? 0)")
                            })
                },
                notes: [
                    "early-end: what is there is right, but an end token cut it. digits-together: one forward decided the digits of a result that is wrong. wrong-operand, wrong-sum and wrong-answer: the numbers that a sum takes, its result, and what is given as the answer. docs/tasks.md defines each."
                ]
            ).html
        }
    }
}
