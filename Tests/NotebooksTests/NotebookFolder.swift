import ArtifactStore
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

/// A folder with recorded results and a notebook, as an experiment has them.
struct NotebookFolder {
    let scratch: ScratchFolder
    var path: FilePath { scratch.path }
    var notebook: FilePath { path.appending("README.md") }
    var results: FilePath { path.appending("results") }
    /// A store without runs.
    var store: Store { Store(path.appending("store")) }

    static let files = [
        "table.md": "**Title**\n\n| a | b |\n| :--- | ---: |\n| x | 1 |\n",
        "table.txt": "a b\nx 1\n",
        "table.csv":
            "Method,AUP,Each,Note\nfirst,593.758,10.5 / -2.5 / 3,fast\n\"second, [cached]\",-0.25,1 / 2 / 3,\"says \"\"so\"\"\"\n",
        "groups.csv": "g,h,n\na,x,1\na,y,2\nb,x,3\n",
        "figure.svg": "<svg><title>Accuracy &amp; speed [all]</title></svg>\n",
        "metrics.json":
            #"{"methods": [{"label": "first", "aup": 1.25, "each": [1, 2, 4.5]}], "empty": null}"#,
    ]

    init() throws {
        scratch = try ScratchFolder()
        try FileSystem.createDirectory(results)
        for (name, text) in Self.files { try write(text, name) }
        try writeArtifact(files: Self.files.keys.sorted())
    }

    /// Writes the record of an artifact that has some of the files, and of the run that made it.
    func writeArtifact(files: [String], metrics: JSONValue = [:], config: JSONValue? = nil) throws {
        var recipe: JSONValue = ["kind": "aup", "seed": 1]
        if let config { recipe = ["kind": "aup", "seed": 1, "config": config] }
        let fingerprint = SHA256.hex(of: try recipe.canonicalBytes())
        let record: JSONValue = [
            "fingerprint": .string(fingerprint), "finished": "2026-01-02T03:04:06Z", "recipe": recipe,
            "metrics": metrics,
            "files": .array(
                try files.map {
                    [
                        "path": .string($0),
                        "sha256": .string(try SHA256.hex(ofFile: results.appending($0))),
                    ]
                }),
        ]
        try write(String(decoding: try record.prettyBytes(), as: UTF8.self), "table-artifact.json")
        let run: JSONValue = [
            "format": 2, "experiment": "mini/test", "status": "finished",
            "stages": [
                [
                    "stage": "table", "artifact": .string("mini/test/table-\(fingerprint.prefix(12))"),
                    "fingerprint": .string(fingerprint), "status": "made",
                ]
            ],
            "started": "2026-01-02T03:04:05Z", "finished": "2026-01-02T03:04:06Z",
            "config": ["file": "configs/mini/test.json", "overrides": ["name=it's"]],
            "code": ["version": "0.1.0", "commit": "0123456789abcdef", "dirty": true],
            "machine": [
                "processor": "Some CPU", "cores": 2, "threads": 3, "memoryBytes": 8_589_934_592,
                "kernels": "x86-64-v4", "system": "Debian, kernel 6",
            ],
        ]
        try write(String(decoding: try run.prettyBytes(), as: UTF8.self), "run.json")
    }

    func write(_ text: String, _ name: String) throws {
        try FileSystem.writeAtomically(text, to: results.appending(name))
    }

    /// Lists all files of the results with their digests.
    func writeChecksums() throws {
        let lines = try FileSystem.list(results).filter { $0 != "SHA256SUMS" }
            .map { "\(try SHA256.hex(ofFile: results.appending($0)))  \($0)\n" }
        try write("# mini/test/runs/20260102T030405Z-1\n" + lines.joined(), "SHA256SUMS")
    }

    func rendered(_ text: String) -> Notebook.Rendering {
        Notebook(notebook, bytes: Array(text.utf8)).rendered(store: store)
    }

    /// The text of a notebook after rendering, where nothing but stale blocks was found.
    func text(_ text: String) throws -> String {
        let rendering = rendered(text)
        #expect(rendering.findings.allSatisfy { $0.kind == .stale }, "\(rendering.findings)")
        return String(decoding: rendering.bytes, as: UTF8.self)
    }

    /// What a value is rendered as, else the message of what is wrong.
    func value(_ expression: String) throws -> String {
        let rendering = rendered("It is <!-- d3llm: value \(expression) -->?<!-- /d3llm -->.")
        if let finding = rendering.findings.first(where: { $0.kind != .stale }) { return finding.message }
        let text = String(decoding: rendering.bytes, as: UTF8.self)
        return String(text.split(separator: "-->")[1].split(separator: "<!--")[0])
    }
}
