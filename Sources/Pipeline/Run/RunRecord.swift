import Files
import JSON
import SystemPackage

/// One execution of an experiment: `store/<experiment>/runs/<time>-<n>/run.json`.
struct RunRecord: Sendable {
    static let format = 1

    enum Status: String, Sendable { case finished, failed, interrupted }

    let experiment: String
    let status: Status
    /// Why it failed, if it did.
    let message: String?
    let stages: [StageOutcome]
    let started: Timestamp
    let finished: Timestamp
    let seconds: Double
    let arguments: [String]
    let code: JSONValue
    let machine: JSONValue

    var value: JSONValue {
        [
            "format": .integer(Self.format), "experiment": .string(experiment),
            "status": .string(status.rawValue),
            "message": message.map(JSONValue.string) ?? .null,
            "stages": .array(
                stages.map {
                    [
                        "stage": .string($0.stage),
                        "artifact": .string($0.artifact.folder.lastComponent?.string ?? ""),
                        "fingerprint": .string($0.artifact.record.fingerprint),
                        "status": .string($0.wasCached ? "cached" : "made"), "seconds": .number($0.seconds),
                    ]
                }),
            "started": .string(started.text), "finished": .string(finished.text), "seconds": .number(seconds),
            "arguments": .array(arguments.map(JSONValue.string)), "code": code, "machine": machine,
        ]
    }

    /// Writes the record to a folder of its own, and gives that folder.
    func write(to store: Store) throws -> FilePath {
        let runs = store.experimentFolder(experiment).appending("runs")
        try FileSystem.createDirectory(runs)
        for n in 1... {
            let folder = runs.appending("\(started.compact)-\(n)")
            guard try FileSystem.createNewDirectory(folder) else { continue }
            try FileSystem.writeAtomically(try value.prettyBytes(), to: folder.appending("run.json"))
            return folder
        }
        return runs
    }
}
