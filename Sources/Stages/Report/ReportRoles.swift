internal import ArtifactStore
internal import Evaluation
internal import JSON

/// Which curves of a comparison a report speaks of: the one that is judged, and the one that it is measured against.
struct ReportRoles: Hashable {
    let subject: String
    let baseline: String
    /// Whether the experiment names the curve that is judged.
    let namesSubject: Bool
    /// What texts call the baseline.
    let baselineText: String

    /// The labels of this project's own experiments, for comparisons that name no roles.
    static let usual = ReportRoles(subject: nil, baseline: nil)

    private init(subject: String?, baseline: String?) {
        self.subject = subject ?? "d3LLM"
        self.baseline = baseline ?? "vanilla"
        namesSubject = subject != nil
        baselineText = baseline ?? "vanilla decoding of the teacher"
    }

    /// The roles that the stage of a comparison was given.
    init(_ record: ArtifactRecord) {
        let config = record.recipe["config"]
        self.init(subject: config?["subject"]?.string, baseline: config?["baseline"]?.string)
    }

    /// Whether the claim is that the subject is ahead.
    func areAhead(in claim: ReportedComparison.JudgedClaim) -> Bool {
        MeasureName(claim.left)?.label == subject
    }
}

extension [ReportedComparison] {
    /// The comparison that operating points and the order of methods are told of: the first that has its subject in it.
    var main: ReportedComparison? {
        first { comparison in comparison.methods.contains { $0.label == comparison.roles.subject } } ?? first
    }
}
