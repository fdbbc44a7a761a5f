internal import ArtifactStore
internal import JSON

/// How many answers each way to find them takes for right.
struct ExtractionCounts {
    private var counts: [(name: String, correct: Int)] = []
    private var outcomes: [(name: String, count: Int)] = []

    /// Counts verdicts; records of generated problems have none.
    init(_ records: [JournalRecord]) {
        for record in records {
            for (name, verdict) in (record.value["verdicts"]?.object?.members ?? []).map({
                ($0.key, $0.value)
            }) {
                let correct = verdict["correct"]?.bool == true ? 1 : 0
                if let index = counts.firstIndex(where: { $0.name == name }) {
                    counts[index].correct += correct
                } else {
                    counts.append((name, correct))
                }
                guard let outcome = verdict["outcome"]?.string else { continue }
                if let index = outcomes.firstIndex(where: { $0.name == outcome }) {
                    outcomes[index].count += 1
                } else {
                    outcomes.append((outcome, 1))
                }
            }
        }
    }

    /// The metrics with these counts, if there are any.
    func added(to metrics: JSONObject) -> JSONValue {
        guard !counts.isEmpty else { return .object(metrics) }
        var metrics = metrics
        metrics["correctBy"] = .object(JSONObject(counts.map { ($0.name, .integer($0.correct)) }))
        if !outcomes.isEmpty {
            let sorted = outcomes.sorted { $0.name < $1.name }
            metrics["outcomes"] = .object(JSONObject(sorted.map { ($0.name, .integer($0.count)) }))
        }
        return .object(metrics)
    }
}
