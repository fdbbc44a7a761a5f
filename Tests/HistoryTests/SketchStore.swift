import ArtifactStore
import Files
import SystemPackage
import TestSupport

/// A store with runs that were written by hand: a record, a configuration and the records of artifacts.
struct SketchStore {
    let scratch: ScratchFolder
    let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    /// Adds a run of one evaluation and one table.
    ///
    /// - Parameters:
    ///   - config: The members of the configuration behind its name.
    ///   - numbers: The metrics of "vanilla" and of "table"; nil for a run that failed before.
    func add(
        _ name: String, of experiment: String = "mini/toy", _ config: String, seconds: Double = 60,
        _ numbers: (vanilla: String, table: String)?
    ) throws {
        let folder = store.root.pushing(FilePath("\(experiment)/runs/\(name)"))
        try FileSystem.createDirectory(folder)
        try FileSystem.writeAtomically(
            #"{"name": "\#(experiment)", \#(config)}"#, to: folder.appending("experiment.json"))
        var stages: [String] = []
        for (stage, metrics) in [("vanilla", numbers?.vanilla), ("table", numbers?.table)] {
            let fingerprint = "\(stage)\(name)"
            let artifact = "\(experiment)/\(stage)-\(name)"
            stages.append(
                #"{"stage": "\#(stage)", "artifact": "\#(artifact)", "fingerprint": "\#(fingerprint)", "status": "\#(metrics == nil ? "failed" : "made")"}"#
            )
            guard let metrics else { continue }
            let place = store.root.pushing(FilePath(artifact))
            try FileSystem.createDirectory(place)
            let report = stage == "table" ? #""table.txt""# : "null"
            if stage == "table" { try FileSystem.writeAtomically("t", to: place.appending("table.txt")) }
            let files = stage == "table" ? #"{"path": "table.txt", "size": 1, "sha256": "00"}"# : ""
            try FileSystem.writeAtomically(
                #"{"format": 1, "experiment": "\#(experiment)", "stage": "\#(stage)", "type": "t", "fingerprint": "\#(fingerprint)", "recipe": {"kind": "k"}, "files": [\#(files)], "summary": "\#(stage) of \#(name)", "metrics": \#(metrics), "report": \#(report), "started": "s", "finished": "f"}"#,
                to: place.appending("artifact.json"))
        }
        let status = numbers == nil ? "failed" : "finished"
        let message = numbers == nil ? #""the disk is full""# : "null"
        try FileSystem.writeAtomically(
            #"{"format": 2, "experiment": "\#(experiment)", "status": "\#(status)", "message": \#(message), "stages": [\#(stages.joined(separator: ", "))], "started": "2026-11-30T10:00:00Z", "finished": "2026-11-30T10:01:00Z", "seconds": \#(seconds), "arguments": []}"#,
            to: folder.appending("run.json"))
    }

    /// Three runs of one experiment, of which the second failed, and one that was killed.
    static func small() throws -> SketchStore {
        let sketch = try SketchStore()
        func config(_ steps: Int, _ thresholds: String = "[0.2, 0.5]") -> String {
            #""stages": {"student": {"kind": "distill", "steps": \#(steps), "mask": "trajectory"}, "d3llm": {"kind": "evaluate", "matrix": {"decoder.threshold": \#(thresholds)}}}"#
        }
        func table(_ aup: Double, _ verdict: String) -> String {
            #"{"target": 41.9, "methods": {"vanilla": {"aup": 27}, "d3LLM": {"aup": \#(aup), "tpf": 4.9}}, "claims": {"d3LLM is faster": "\#(verdict)"}}"#
        }
        let vanilla =
            #"{"tpf": 0.94, "accuracy": 37.5, "n": 64, "nfe": 1959, "accuracyInterval": [26.7, 49.7]}"#
        let other =
            #"{"tpf": 0.95, "accuracy": 28.125, "n": 64, "nfe": 1959, "accuracyInterval": [18.6, 40.1]}"#
        try sketch.add("20261130T100000Z-1", config(60), seconds: 75, (vanilla, table(82, "open")))
        try sketch.add("20261130T110000Z-1", config(120), seconds: 9, nil)
        try sketch.add(
            "20261130T110000Z-2", config(120, "[0.2]"), seconds: 31, (other, table(27, "does not hold")))
        let killed = sketch.store.root.pushing("mini/toy/runs/20261130T120000Z-1")
        try FileSystem.createDirectory(killed)
        try FileSystem.writeAtomically("…", to: killed.appending("log.txt"))
        return sketch
    }
}
