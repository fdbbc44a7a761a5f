import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// A small repository as a hub serves it.
struct HubBench {
    static let commit = String(repeating: "c0ffee12", count: 5)
    static let config = Array("{\"model_type\": \"llada\"}\n".utf8)
    static let weights = FetchBench.content(200_000)
    /// `git hash-object` of ``config``.
    static let blob = "1d5f09a29db2fe8d5e5a1e6b0a0e6a1b5a0b8a50"

    /// A lock file's inputs: `data` is a pinned repository with one file.
    static func pinned(_ bytes: [UInt8], terms: String? = nil) -> JSONValue {
        var input: JSONObject = [
            "repository": "org/name", "type": "model", "revision": .string(commit), "branch": "main",
            "include": ["*.json"],
            "files": [
                [
                    "path": "config.json", "size": .integer(bytes.count),
                    "sha256": .string(SHA256.hex(of: bytes)),
                ]
            ],
        ]
        if let terms { input["terms"] = .string(terms) }
        return ["data": .object(input)]
    }

    /// A lock file's inputs: `data` is a repository that isn't pinned.
    static let unpinned: JSONValue = [
        "data": [
            "repository": "org/name", "type": "model", "revision": "main",
            "include": ["config.json", "*.safetensors"], "files": [],
        ]
    ]

    /// Answers as the hub does: the list of files, small ones itself, large ones from a store of contents.
    static func answer(_ request: LoopbackServer.Request, blob: String) -> [LoopbackServer.Step] {
        switch request.target {
        case "/api/models/org/name/revision/main?blobs=true":
            let list: JSONValue = [
                "sha": .string(commit),
                "siblings": [
                    [
                        "rfilename": "sub/model.safetensors", "size": .integer(weights.count),
                        "blobId": .string(String(repeating: "1", count: 40)),
                        "lfs": [
                            "sha256": .string(SHA256.hex(of: weights)), "size": .integer(weights.count),
                            "pointerSize": 134,
                        ],
                    ],
                    ["rfilename": "config.json", "size": .integer(config.count), "blobId": .string(blob)],
                    ["rfilename": "pytorch_model.bin", "size": 5, "blobId": .string(blob)],
                ],
            ]
            return request.reply(200, ["Content-Type": "application/json"], (try? list.compactBytes()) ?? [])
        case "/org/name/resolve/\(commit)/config.json":
            return request.reply(200, ["ETag": "\"\(blob)\""], config)
        case "/org/name/resolve/\(commit)/sub/model.safetensors":
            return request.reply(302, ["Location": "/store?sig=1", "X-Linked-Etag": "\"x\""])
        case "/store?sig=1": return request.file(weights)
        default: return request.reply(404)
        }
    }
}

@Suite struct HubTests {
    @Test func aRepositoryIsPinnedAndLaidOutAsPythonDoes() throws {
        let bench = try FetchBench()
        let scratch = bench.scratch.path.appending("config")
        try FileSystem.writeAtomically(HubBench.config, to: scratch)
        let blob = try #require(try GitBlob.name(ofFile: scratch))
        let server = try LoopbackServer { HubBench.answer($0, blob: blob) }
        bench.variables["HF_ENDPOINT"] = server.url("") + "/"
        try bench.lockFile(HubBench.unpinned)
        let fetched = try bench.fetcher().fetch(["data"])[0]
        #expect(
            fetched.isNewlyPinned && fetched.files.map(\.path) == ["config.json", "sub/model.safetensors"])
        let folder = "hub/models--org--name"
        let sha = SHA256.hex(of: HubBench.weights)
        #expect(
            try bench.cached()
                == [
                    "\(folder)/blobs/\(blob)", "\(folder)/blobs/\(sha)", "\(folder)/refs/main",
                    "\(folder)/snapshots/\(HubBench.commit)/config.json",
                    "\(folder)/snapshots/\(HubBench.commit)/sub/model.safetensors",
                ].sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        let snapshot = bench.cache.pushing(FilePath("\(folder)/snapshots/\(HubBench.commit)"))
        #expect(HubFolder.target(of: snapshot.appending("config.json")) == FilePath("../../blobs/\(blob)"))
        #expect(
            HubFolder.target(of: snapshot.appending("sub").appending("model.safetensors"))
                == FilePath("../../../blobs/\(sha)"))
        #expect(
            try FileSystem.readText(bench.cache.pushing(FilePath("\(folder)/refs/main"))) == HubBench.commit)
        // From now on the list isn't asked for, and nothing else either.
        let before = server.connections
        #expect(try bench.fetcher(isOffline: true).fetch(["data"])[0].files.allSatisfy(\.wasCached))
        #expect(try bench.fetcher().check().map(\.state) == [.whole] && server.connections == before)
        let lock = try DataLock(bench.lock).input("data")
        #expect(lock.isPinned && lock.files.map(\.blob) == [blob, nil])
    }

    /// A hub whose repository has a configuration and a template in a file of its own.
    private func hubWithTemplate(_ bench: FetchBench, commit: String = HubBench.commit) throws
        -> LoopbackServer
    {
        let template = Array("{{ messages }}".utf8)
        func blob(_ bytes: [UInt8]) throws -> String {
            let scratch = bench.scratch.path.appending("content")
            try FileSystem.writeAtomically(bytes, to: scratch)
            return try #require(try GitBlob.name(ofFile: scratch))
        }
        let blobs = try (config: blob(HubBench.config), template: blob(template))
        return try LoopbackServer { request in
            if request.target.hasPrefix("/api/models/") {
                let list: JSONValue = [
                    "sha": .string(commit),
                    "siblings": [
                        [
                            "rfilename": "config.json", "size": .integer(HubBench.config.count),
                            "blobId": .string(blobs.config),
                        ],
                        [
                            "rfilename": "chat_template.jinja", "size": .integer(template.count),
                            "blobId": .string(blobs.template),
                        ],
                        ["rfilename": "README.md", "size": 3, "blobId": .string(blobs.config)],
                    ],
                ]
                return request.reply(
                    200, ["Content-Type": "application/json"], (try? list.compactBytes()) ?? [])
            }
            if request.target.hasSuffix("/config.json") { return request.reply(200, [:], HubBench.config) }
            if request.target.hasSuffix("/chat_template.jinja") { return request.reply(200, [:], template) }
            return request.reply(404)
        }
    }

    @Test(
        "a template in a file of its own comes along with a model, pinned or not, whatever the patterns say")
    func companions() throws {
        for inputs in [HubBench.unpinned, HubBench.pinned(HubBench.config)] {
            let bench = try FetchBench()
            let server = try hubWithTemplate(bench)
            bench.variables["HF_ENDPOINT"] = server.url("")
            try bench.lockFile(inputs)
            let fetched = try bench.fetcher().fetch(["data"])[0]
            #expect(fetched.isNewlyPinned)
            #expect(Set(fetched.files.map(\.path)) == ["chat_template.jinja", "config.json"])
            let lock = try DataLock(bench.lock).input("data")
            #expect(lock.isPinned && lock.files.map(\.path) == ["chat_template.jinja", "config.json"])
            #expect(lock.files[1].sha256 == SHA256.hex(of: HubBench.config))
            // Once it is all there, nobody is asked.
            let before = server.connections
            #expect(try bench.fetcher().fetch(["data"])[0].files.count == 2 && server.connections == before)
        }
    }

    @Test("what is pinned stays as it is where a list is of another commit, or there is none")
    func noCompanions() throws {
        for commit in [String(repeating: "d", count: 40), "none"] {
            let bench = try FetchBench()
            let server = try hubWithTemplate(bench, commit: commit)
            bench.variables["HF_ENDPOINT"] = server.url("")
            try bench.lockFile(HubBench.pinned(HubBench.config))
            let before = try FileSystem.read(bench.lock)
            let fetched = try bench.fetcher().fetch(["data"])[0]
            #expect(!fetched.isNewlyPinned && fetched.files.map(\.path) == ["config.json"])
            #expect(try FileSystem.read(bench.lock) == before)
        }
    }

    @Test func aCachePythonFilledIsUsedWhateverItsContentsAreCalled() throws {
        let bench = try FetchBench()
        try bench.lockFile(HubBench.pinned(HubBench.config))
        let folder = bench.cache.pushing("hub/models--org--name")
        try FileSystem.createDirectory(folder.appending("blobs"))
        try FileSystem.createDirectory(folder.appending("snapshots").appending(HubBench.commit))
        try FileSystem.writeAtomically(HubBench.config, to: folder.appending("blobs").appending("etag"))
        try FileSystem.symbolicLink(
            to: "../../blobs/etag",
            at: folder.appending("snapshots").appending(HubBench.commit).appending("config.json"))
        let file = try bench.fetcher(isOffline: true).fetch(["data"])[0].files[0]
        #expect(file.wasCached && file.location == folder.appending("blobs").appending("etag"))
    }

    @Test func aListThatIsWrongPinsNothing() throws {
        let answers: [[UInt8]] = [
            Array("<html>".utf8), Array("{}".utf8), Array("{\"sha\": \"main\", \"siblings\": []}".utf8),
            Array("{\"sha\": \"\(HubBench.commit)\", \"siblings\": []}".utf8),
            Array(
                "{\"sha\": \"\(HubBench.commit)\", \"siblings\": [{\"rfilename\": \"../../config.json\", \"size\": 1}]}"
                    .utf8),
            Array("{\"sha\": \"\(HubBench.commit)\", \"siblings\": [{\"rfilename\": \"config.json\"}]}".utf8),
        ]
        for answer in answers {
            let server = try LoopbackServer { $0.reply(200, [:], answer) }
            let bench = try FetchBench()
            bench.variables["HF_ENDPOINT"] = server.url("")
            try bench.lockFile(HubBench.unpinned)
            let before = try FileSystem.read(bench.lock)
            #expect(bench.failure()?.description.contains("can't be used") == true)
            #expect(try FileSystem.read(bench.lock) == before && bench.cached().isEmpty)
        }
    }

    @Test func contentThatIsNotWhatTheHubListedIsRefused() throws {
        let server = try LoopbackServer { HubBench.answer($0, blob: HubBench.blob) }
        let bench = try FetchBench()
        bench.variables["HF_ENDPOINT"] = server.url("")
        try bench.lockFile(HubBench.unpinned)
        #expect(bench.failure()?.description.contains("its git hash is") == true)
        #expect(try !DataLock(bench.lock).input("data").isPinned)
    }

    @Test func theEnvironmentIsReadAsPythonReadsIt() {
        func settings(_ variables: [String: String]) -> HubSettings { HubSettings(variables: variables) }
        #expect(settings(["HOME": "/h"]).hubCache == "/h/.cache/huggingface/hub")
        #expect(settings(["HOME": "/h", "XDG_CACHE_HOME": "/x"]).hubCache == "/x/huggingface/hub")
        #expect(settings(["HOME": "/h", "HF_HOME": "~/hf"]).hubCache == "/h/hf/hub")
        #expect(settings(["HF_HOME": "/a", "HF_HUB_CACHE": "/b"]).hubCache == "/b")
        #expect(settings(["HOME": "/h"]).filesCache == "/h/.cache/d3llm/files")
        #expect(settings(["D3LLM_CACHE": "/d"]).filesCache == "/d/files")
        for on in ["1", "true", "YES", "On"] { #expect(settings(["HF_HUB_OFFLINE": on]).isOffline) }
        for off in ["0", "", "no", "2"] { #expect(!settings(["HF_HUB_OFFLINE": off]).isOffline) }
        #expect(settings(["HF_TOKEN": " hf_a\r\n"]).token?.revealed == "hf_a")
        #expect(settings(["HF_TOKEN": "a", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]).token == nil)
        #expect(settings(["HF_ENDPOINT": "https://mirror.example//"]).endpoint == "https://mirror.example")
    }

    @Test func aTokenIsReadFromTheFileThatLoginWrites() throws {
        let scratch = try ScratchFolder()
        try FileSystem.writeAtomically("hf_file\n", to: scratch.path.appending("token"))
        #expect(HubSettings(variables: ["HF_HOME": scratch.path.string]).token?.revealed == "hf_file")
    }

    @Test func patternsMatchAsPythonsDo() {
        #expect(Wildcard.matches("model-00001-of-00006.safetensors", "model*.safetensors"))
        #expect(Wildcard.matches("data/train.parquet", "*.parquet") && Wildcard.matches("a/b", "a/"))
        #expect(
            !Wildcard.matches("pytorch_model.bin", "model*") && !Wildcard.matches("config.json", "config.jso")
        )
        #expect(
            Wildcard.matches("ab", "a?") && !Wildcard.matches("a", "a?") && Wildcard.matches("abab", "*ab"))
    }

    @Test func addressesTellWhoIsWho() throws {
        let address = try #require(PublicAddress("https://me:pw@Host.example:8443/a/b?sig=1#x"))
        #expect(address.description == "https://host.example:8443/a/b?…" && address.hasUser)
        #expect(
            PublicAddress("https://a/x")?.isSameOrigin(as: try #require(PublicAddress("https://a:443/y")))
                == true)
        #expect(
            PublicAddress("https://a/x")?.isSameOrigin(as: try #require(PublicAddress("http://a/x"))) == false
        )
        for open in ["http://127.evil.example/", "http://example.org", "http://localhost.example.org/"] {
            #expect(PublicAddress(open)?.isPrivate == false)
        }
        for wrong in ["ftp://a/b", "a/b", "https://", "https://a b/", "https://a:99999/", "file:///etc"] {
            #expect(PublicAddress(wrong) == nil)
        }
    }
}
