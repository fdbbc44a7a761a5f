package import JSON
internal import SystemPackage

extension LaunchStatus {
    /// For people: one line per stage.
    package var text: String {
        let counts = State.allCases.compactMap { state in
            count(state) > 0 ? "\(count(state)) \(state.rawValue)" : nil
        }
        var text = "\(experiment): \(entries.count) stages, \(counts.joined(separator: ", ")).\n"
        if !hasRecords { return text + "Nothing of it was handed to a queue from this store.\n" }
        let stages = entries.map(\.stage.count).max() ?? 0
        let jobs = entries.map { $0.job?.count ?? 0 }.max() ?? 0
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        for entry in entries {
            let words = [
                padded(entry.stage, stages), padded(entry.state.rawValue, 12), padded(entry.job ?? "", jobs),
                entry.detail,
            ]
            let line = words.joined(separator: "  ")
            text += String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
            if entry.state == .failed, let log = entry.log { text += "    log: \(log)\n" }
        }
        if count(.failed, .lost) > 0 {
            text +=
                "What failed or is lost is handed in again by running the same `d3llm launch slurm` again.\n"
        }
        return text
    }

    /// What `--json` prints.
    package var value: JSONValue {
        [
            "experiment": .string(experiment),
            "stages": .array(
                entries.map {
                    [
                        "stage": .string($0.stage), "state": .string($0.state.rawValue),
                        "job": .orNull($0.job),
                        "detail": .string($0.detail), "log": .orNull($0.log?.string),
                    ]
                }),
        ]
    }
}
