import Archives
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Stages that take pinned inputs into the store.
@Suite struct FetchStageTests {
    let command: D3LLMCommand
    let server: LoopbackServer
    static let model = Fixtures.path("golden/models/llada_b")
    static let commit = String(repeating: "c0ffee12", count: 5)
    var cache: FilePath { command.scratch.path.appending("hf") }
    var environment: [String: String] {
        [
            "HF_HOME": cache.string, "D3LLM_CACHE": command.scratch.path.appending("d3").string,
            "HF_ENDPOINT": server.url(""), "HF_TOKEN": "hf_SECRETTOKEN",
        ]
    }

    init() throws {
        command = try D3LLMCommand()
        let text = Array(String(repeating: "{\"question\": 1}\n", count: 100).utf8)
        let packed = command.scratch.path.appending("set.tar.zst")
        try Packer.pack(text, into: packed)
        let archive = try FileSystem.read(packed)
        let prefix = "/org/name/resolve/\(Self.commit)/"
        server = try LoopbackServer { request in
            if request.target == "/set.tar.zst" { return request.file(archive) }
            guard request.target.hasPrefix(prefix) else { return request.reply(404) }
            let name = String(request.target.dropFirst(prefix.count))
            guard let bytes = try? FileSystem.read(Self.model.appending(name)) else {
                return request.reply(404)
            }
            return request.file(bytes)
        }
        let files: [JSONValue] = try FileSystem.list(Self.model).map { name in
            let path = Self.model.appending(name)
            return [
                "path": .string(name), "size": .integer(try FileSystem.status(path)?.size ?? 0),
                "sha256": .string(try SHA256.hex(ofFile: path)),
            ]
        }
        let lock: JSONValue = [
            "format": 1,
            "inputs": [
                "tiny": [
                    "repository": "org/name", "type": "model", "revision": .string(Self.commit),
                    "include": ["*"],
                    "files": .array(files),
                ],
                "set": [
                    "files": [
                        [
                            "path": "set.tar.zst", "urls": [.string(server.url("/set.tar.zst"))],
                            "size": .integer(archive.count), "sha256": .string(SHA256.hex(of: archive)),
                        ]
                    ]
                ],
                "new": [
                    "files": [
                        ["path": "x", "urls": ["https://example.invalid/x"], "size": nil, "sha256": nil]
                    ]
                ],
            ],
        ]
        try FileSystem.writeAtomically(lock.prettyBytes(), to: command.scratch.path.appending("data.lock"))
    }

    private func call(_ arguments: String...) throws -> Command.Outcome {
        try command.start(arguments, environment: environment).wait()
    }

    private func config(_ stages: String) throws -> String {
        try command.config("{\"name\": \"x\", \"seed\": 1, \"stages\": {\(stages)}}")
    }

    private func artifact(_ stage: String, in store: FilePath) throws -> FilePath {
        let folder = store.appending("x")
        return folder.appending(try #require(try FileSystem.list(folder).first { $0.hasPrefix("\(stage)-") }))
    }

    @Test func aModelIsInTheStoreWithoutASecondCopy() throws {
        let config = try config(#""model": {"kind": "checkpoint", "input": "tiny"}"#)
        let run = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(run.code == 0, "\(run.log)")
        let folder = try artifact("model", in: command.store)
        for name in try FileSystem.list(folder) where name.hasSuffix(".safetensors") {
            // The same file under two names.
            var info = stat()
            #expect(stat(folder.appending(name).string, &info) == 0 && info.st_nlink == 2)
        }
        let verified = try call("verify", "x", "--store", command.store.string)
        #expect(
            verified.code == 0 && verified.output.contains("llada, 3 layers, 3 files of weights"),
            "\(verified.output)")
        let again = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(again.log.contains("Everything is cached"), "\(again.log)")
        // Without weights, but with what it takes to have them again: no server's name of here, no token.
        let bundle = command.scratch.path.appending("x.tar.zst")
        let export = try call("export", "x", "--store", command.store.string, "--output", bundle.string)
        let address =
            "https://huggingface.co/org/name/resolve/\(Self.commit)/model-00001-of-00003.safetensors"
        #expect(export.output.contains("from \(address)"), "\(export.output)")
        let other = command.scratch.path.appending("other")
        #expect(try call("import", bundle.string, "--store", other.string).code == 0)
        let completed = try call("run", config, "--store", other.string, "--no-forecast")
        #expect(completed.code == 0 && completed.log.contains("1 made"), "\(completed.log)")
        for store in [command.store, other, cache] {
            for file in try ScratchFolder.files(below: store) {
                let bytes = try FileSystem.read(store.pushing(FilePath(file)))
                #expect(!String(decoding: bytes, as: UTF8.self).contains("SECRET"), "\(file)")
            }
        }
        #expect(![run, verified, export, completed].contains { ($0.log + $0.output).contains("SECRET") })
    }

    @Test(.enabled(if: Tmpfs.isAvailable)) func onAnotherFileSystemWeightsAreReferences() throws {
        let disk = try #require(Tmpfs(kibibytes: 600))
        let store = disk.path.appending("store")
        let config = try config(#""model": {"kind": "checkpoint", "input": "tiny"}"#)
        let run = try call("run", config, "--store", store.string, "--no-forecast")
        // The weights alone wouldn't fit.
        #expect(run.code == 0, "\(run.log)")
        let folder = try artifact("model", in: store)
        let name = "model-00001-of-00003.safetensors"
        #expect(try FileSystem.status(folder.appending(name), followingLinks: false)?.kind == .link)
        #expect(try FileSystem.status(folder.appending("config.json"), followingLinks: false)?.kind == .file)
        #expect(try call("verify", "x", "--store", store.string).code == 0)
        // The artifact's identity is the same as with hard links.
        let plain = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(plain.code == 0)
        let folders = try [store, command.store].map { try artifact("model", in: $0).lastComponent }
        #expect(folders[0] == folders[1])
        let bundle = command.scratch.path.appending("with.tar.zst")
        #expect(
            try call("export", "x", "--store", store.string, "--with-weights", "--output", bundle.string).code
                == 0)
        // The cache is gone: that is noticed, and mended by running again.
        try FileSystem.remove(cache)
        let verified = try call("verify", "x", "--store", store.string)
        #expect(
            verified.code == 1 && verified.output.contains("isn't in the cache any more"),
            "\(verified.output)")
        #expect(try call("gc", "--store", store.string, "--yes").code == 0)
        #expect(try call("run", config, "--store", store.string, "--no-forecast").code == 0)
        #expect(try call("verify", "x", "--store", store.string).code == 0)
    }

    @Test func archivesAreUnpacked() throws {
        let config = try config(
            #""data": {"kind": "fetch", "input": "set"}, "raw": {"kind": "fetch", "input": "set", "unpack": false}"#
        )
        let run = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(run.code == 0, "\(run.log)")
        #expect(
            try FileSystem.list(artifact("data", in: command.store).appending("set")) == ["train.jsonl"])
        #expect(try FileSystem.list(artifact("raw", in: command.store)) == ["artifact.json", "set.tar.zst"])
        #expect(try call("verify", "x", "--store", command.store.string).code == 0)
    }

    @Test func whatIsNotPinnedOrNotKnownIsTold() throws {
        let unpinned = try config(#""data": {"kind": "fetch", "input": "new"}"#)
        #expect(try call("validate", unpinned).code == 0)
        let run = try call("run", unpinned, "--store", command.store.string, "--no-forecast")
        #expect(run.code == 1 && run.log.contains("Run `d3llm fetch new`"), "\(run.log)")
        let unknown = try call("validate", try config(#""data": {"kind": "fetch", "input": "tinny"}"#))
        #expect(unknown.code == 2 && unknown.log.contains("Did you mean \"tiny\"?"), "\(unknown.log)")
        let data = try config(#""data": {"kind": "checkpoint", "input": "set"}"#)
        let refused = try call("run", data, "--store", command.store.string, "--no-forecast")
        #expect(refused.code == 1 && refused.log.contains("so it is no model"), "\(refused.log)")
    }

    @Test func otherBytesNeverEnterTheStore() throws {
        let lock = command.scratch.path.appending("data.lock")
        let text = try FileSystem.readText(lock)
        let config = try config(#""model": {"kind": "checkpoint", "input": "tiny"}"#)
        let hash = try SHA256.hex(ofFile: Self.model.appending("config.json"))
        try FileSystem.writeAtomically(
            text.replacing(hash, with: String(repeating: "ab", count: 32)), to: lock)
        let run = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(run.code == 1 && run.log.contains(hash), "\(run.log)")
        let stored = try ScratchFolder.files(below: command.store)
        #expect(!stored.contains { $0.hasSuffix("artifact.json") })
        // A recipe holds the hashes, so that another pin is another artifact.
        let plan = try call("plan", config, "--store", command.store.string, "--no-forecast")
        #expect(plan.output.contains("will run"))
    }
}

extension Packer {
    /// One file, `train.jsonl`.
    static func pack(_ bytes: [UInt8], into file: FilePath) throws {
        try pack([.init("train.jsonl", .bytes(bytes))], into: file)
    }
}
