import Files
import JSON
import SystemPackage
import TestModels
import TestSupport

/// A server on this machine that has what the experiments at full scale download: model folders with the real names and
/// layouts but of no size, and the first problems of the benchmarks.
struct HubMirror {
    /// Repositories that are stood in for, with the recorded model whose shape is taken.
    static let models = [
        "llada-8b-instruct": "llada_a", "d3llm-llada": "llada_a", "dparallel-llada": "llada_a",
        "dream-7b-instruct": "dream_a", "d3llm-dream": "dream_a", "dream-7b-base": "dream_a",
        "dream-coder-7b-instruct": "dream_a", "d3llm-dream-coder": "dream_a",
    ]
    /// Data sets of trajectories and of the prompts that they answer (made up, written by pyarrow), with the files of fixtures
    /// that they have.
    static let trajectories = [
        "llada-trajectories": [
            "trajectories/data-00000-of-00002.arrow", "trajectories/data-00001-of-00002.arrow",
        ],
        "dream-trajectories": ["trajectories/rows.parquet"],
        "dparallel-llada-data": ["prompts/train.parquet"], "dparallel-dream-data": ["prompts/train.parquet"],
    ]
    /// Adapters, with the recorded one that stands in.
    static let adapters = ["d2f-llada": "llada_a_lora", "d2f-dream": "dream_a_lora"]
    private static let commit = String(repeating: "5eed", count: 10)

    let server: LoopbackServer
    /// The project's own lock file, with this server in place of the others and nothing pinned.
    let lock: JSONValue

    /// - Parameter folder: Where the models are made.
    init(_ folder: FilePath) throws {
        let bytes = try FileSystem.read(
            Fixtures.path("").removingLastComponent().removingLastComponent().appending("data.lock"))
        let root = try JSONDocument(parsing: bytes, name: "data.lock").root
        var repositories: [String: FilePath] = [:]
        var inputs: JSONObject = [:]
        for entry in root["inputs"]?.members ?? [] {
            let (name, input) = (entry.key, entry.value)
            inputs[name] = JSONValue(input)
            guard let repository = input["repository"]?.string else { continue }
            let place = folder.appending(name)
            if let model = Self.models[name] {
                try TinyCheckpoint.write(model, to: place)
                repositories[repository] = place
            } else if let files = Self.trajectories[name] {
                try FileSystem.createDirectory(place)
                for file in files {
                    let source = Fixtures.path("stages/\(file)")
                    try FileSystem.writeAtomically(
                        FileSystem.read(source), to: place.appending(source.lastComponent ?? "rows"))
                }
                repositories["datasets/\(repository)"] = place
            } else if let adapter = Self.adapters[name] {
                repositories[repository] = Fixtures.path("golden/models/\(adapter)")
            } else if name == "math" {
                repositories["datasets/\(repository)"] = Fixtures.path("columnar/math")
            }
        }
        let data = [
            "/gsm8k/train.jsonl": try Self.trainingRows(),
            "/gsm8k/test.jsonl": try Self.fixture("gsm8k-test.jsonl"),
            "/humaneval/HumanEval.jsonl": try Self.fixture("humaneval.jsonl"),
            "/mbpp/mbpp.jsonl": try Self.fixture("mbpp.jsonl"),
        ]
        let places = repositories
        let server = try LoopbackServer { request in
            if let bytes = data[request.target] { return request.file(bytes) }
            let parts = request.target.prefix { $0 != "?" }.split(separator: "/").map(String.init)
            for (repository, place) in places {
                let id = repository.split(separator: "/").map(String.init)
                let listed = (id.count == 3 ? ["api"] : ["api", "models"]) + id + ["revision"]
                if parts.starts(with: listed), parts.count == 6 {
                    // A branch is at some commit; a commit is itself.
                    let commit = parts[5].utf8.count == 40 ? parts[5] : Self.commit
                    return request.reply(200, [:], (try? Self.listing(place, commit)) ?? [])
                }
                if parts.starts(with: id + ["resolve"]), parts.count >= id.count + 3,
                    let bytes = try? FileSystem.read(
                        place.pushing(FilePath(parts.dropFirst(id.count + 2).joined(separator: "/"))))
                {
                    return request.file(bytes)
                }
            }
            return request.reply(404)
        }
        for (name, files) in [
            ("gsm8k", ["train.jsonl", "test.jsonl"]), ("humaneval", ["HumanEval.jsonl"]),
            ("mbpp", ["mbpp.jsonl"]),
        ] {
            inputs[name] = [
                "files": .array(
                    files.map {
                        [
                            "path": .string($0), "urls": [.string(server.url("/\(name)/\($0)"))],
                            "size": .null,
                            "sha256": .null,
                        ]
                    })
            ]
        }
        self.server = server
        lock = ["format": 1, "inputs": .object(inputs)]
    }

    private static func fixture(_ name: String) throws -> [UInt8] {
        try FileSystem.read(Fixtures.path("tasks/\(name)"))
    }

    /// As many lines as GSM8K's training file has, so that the same examples are drawn; only those are real.
    private static func trainingRows() throws -> [UInt8] {
        let root = try JSONDocument(parsing: fixture("gsm8k-train-rows.json"), name: "rows").root
        var lines: [UInt8] = []
        let filler: JSONValue = ["question": "How much is 1 + 1?", "answer": "It is 1 + 1 = 2.\n#### 2"]
        for index in 0..<7473 {
            lines +=
                try (root["\(index)"].map { JSONValue($0) } ?? filler).compactBytes() + [UInt8(ascii: "\n")]
        }
        return lines
    }

    /// What the hub's interface says of a repository.
    private static func listing(_ folder: FilePath, _ commit: String) throws -> [UInt8] {
        let files: [JSONValue] = try ScratchFolder.files(below: folder).map { name in
            let bytes = try FileSystem.read(folder.pushing(FilePath(name)))
            return [
                "rfilename": .string(name), "size": .integer(bytes.count),
                "blobId": .string(String(repeating: "0", count: 40)),
                "lfs": ["sha256": .string(SHA256.hex(of: bytes)), "size": .integer(bytes.count)],
            ]
        }
        let value: JSONValue = ["sha": .string(commit), "siblings": .array(files)]
        return try value.compactBytes()
    }
}
