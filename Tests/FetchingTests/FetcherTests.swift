import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// Inputs of a lock file: pins, mirrors of caches, the network left alone, secrets.
@Suite struct FetcherTests {
    let content = FetchBench.content(50_000)

    @Test func theFirstUseWritesThePinAndOtherBytesAreRefusedFromThenOn() throws {
        let (content, other) = (content, FetchBench.content(50_000, seed: 9))
        let server = try LoopbackServer { $0.number == 1 ? $0.file(content) : $0.file(other) }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], nil)
        let fetched = try bench.fetcher().fetch(["data"])[0]
        #expect(fetched.isNewlyPinned && fetched.input.isPinned)
        #expect(bench.log.contains { $0.contains("its hashes are in") })
        let text = try FileSystem.readText(bench.lock)
        #expect(text.contains(SHA256.hex(of: content)) && text.contains("50000"))
        #expect(try bench.fetcher().fetch(["data"])[0].isNewlyPinned == false)
        // The cache is gone, and the server has something else by now.
        try FileSystem.remove(bench.cache)
        let failure = bench.failure()
        #expect(failure?.code == .wrongContent)
        #expect(failure?.description.contains(SHA256.hex(of: content)) == true)
        #expect(failure?.description.contains(SHA256.hex(of: other)) == true)
        #expect(try FileSystem.readText(bench.lock) == text && bench.cached().isEmpty)
    }

    @Test func offlineOpensNoSocket() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        #expect(bench.failure(isOffline: true)?.code == .offline)
        bench.variables["HF_HUB_OFFLINE"] = "1"
        #expect(bench.failure()?.description.contains("data/file.bin isn't in the cache") == true)
        try bench.lockFile([server.url("/file.bin")], nil)
        #expect(bench.failure()?.description.contains("isn't pinned yet") == true)
        try bench.lockFile([server.url("/file.bin")], content)
        #expect(try bench.fetcher().check().map(\.state) == [.absent])
        #expect(server.connections == 0)
        bench.variables = [:]
        #expect(try bench.bytes() == content)
        #expect(server.connections == 1)
        #expect(bench.failure(isOffline: true) == nil && server.connections == 1)
    }

    @Test func whatWasBroughtHereInAnotherWayIsTakenIfItIsThePinnedFile() throws {
        let content = content
        let bench = try FetchBench()
        try bench.lockFile(["https://example.invalid/file.bin"], content)
        let folder = bench.scratch.path.appending("brought")
        try FileSystem.createDirectory(folder)
        let file = folder.appending("file.bin")
        // Not there, not whole, other bytes: nothing enters the cache.
        #expect(bench.failure(isOffline: true, from: folder)?.code == .offline)
        try FileSystem.writeAtomically(Array(content.dropLast()), to: file)
        let short = bench.failure(isOffline: true, from: folder)
        #expect(
            short?.code == .wrongContent
                && short?.description.contains(
                    "file.bin isn't the data/file.bin that is pinned: it has 49999 bytes instead of 50000.")
                    == true
        )
        let other = FetchBench.content(50_000, seed: 9)
        try FileSystem.writeAtomically(other, to: file)
        let wrong = bench.failure(isOffline: true, from: folder)
        #expect(
            wrong?.code == .wrongContent
                && wrong?.description.contains(
                    "the SHA-256 \(SHA256.hex(of: other)) instead of \(SHA256.hex(of: content))") == true
        )
        #expect(try bench.cached().isEmpty)
        // Right: from then on the cache has it, a copy of its own.
        try FileSystem.writeAtomically(content, to: file)
        let taken = try bench.fetcher(isOffline: true, from: folder).fetch(["data"])[0].files[0]
        #expect(!taken.wasCached && taken.sha256 == SHA256.hex(of: content))
        #expect(bench.log.contains { $0.contains("data/file.bin: taken from") })
        try FileSystem.writeAtomically(other, to: file)
        let again = try bench.fetcher(isOffline: true, from: folder).fetch(["data"])[0].files[0]
        #expect(again.wasCached)
        #expect(try FileSystem.read(again.location) == content)
    }

    @Test func aCheckFindsWhatWasChangedAndFetchReplacesIt() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        let place = try bench.fetcher().fetch(["data"])[0].files[0].location
        #expect(try bench.fetcher().check().map(\.state) == [.whole])
        var damaged = content
        damaged[7] ^= 1
        try FileSystem.writeAtomically(damaged, to: place)
        let checked = try bench.fetcher().check()[0]
        #expect(checked.state == .damaged && checked.problems[0].contains(SHA256.hex(of: damaged)))
        #expect(bench.failure(isOffline: true)?.code == .offline)
        #expect(try bench.bytes() == content && server.connections == 2)
        #expect(bench.log.contains { $0.contains("damaged") })
    }

    @Test func redirectsAreFollowedAndCredentialsStay() throws {
        let content = content
        let other = try LoopbackServer { $0.file(content) }
        let target = other.url("/signed/file.bin?X-Signature=SECRETQUERY", host: "localhost")
        let hub = try LoopbackServer { request in
            request.target.hasPrefix("/org") && request.target.hasSuffix("config.json")
                ? request.reply(302, ["Location": "/here"])
                : request.target == "/here"
                    ? request.reply(307, ["Location": target]) : request.reply(404)
        }
        let bench = try FetchBench()
        bench.variables = ["HF_ENDPOINT": hub.url(""), "HF_TOKEN": "hf_SECRETTOKEN"]
        try bench.lockFile(HubBench.pinned(content))
        #expect(try bench.bytes() == content)
        #expect(
            hub.requests.map { $0.fields["authorization"] }
                == Array(repeating: "Bearer hf_SECRETTOKEN", count: 3))
        // Whether the repository has files that came after it was pinned.
        #expect(hub.requests.first?.target.hasPrefix("/api/models/") == true)
        #expect(other.requests.count == 1 && other.requests[0].fields["authorization"] == nil)
        #expect(other.requests[0].target.contains("SECRETQUERY"))
        #expect(!bench.log.joined().contains("SECRET"))
    }

    @Test func redirectsThatLeadNowhereEnd() throws {
        let cases: [(String, String)] = [
            ("/file.bin", "more than 10 times"), ("ftp://127.0.0.1/x", "no http address"),
            ("file:///etc/passwd", "no http"),
        ]
        for (location, reason) in cases {
            let server = try LoopbackServer { $0.reply(302, ["Location": location]) }
            let bench = try FetchBench()
            try bench.lockFile([server.url("/file.bin")], content)
            let failure = bench.failure()
            #expect(failure?.description.contains(reason) == true, "\(failure as Any)")
            #expect(server.requests.count <= 11)
        }
    }

    @Test func secretsAreInNoMessage() throws {
        let server = try LoopbackServer { $0.reply(403) }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin?token=SECRETQUERY")], content)
        let failure = bench.failure()
        #expect(failure?.description.contains("/file.bin?…: HTTP 403") == true, "\(failure as Any)")
        bench.variables = [
            "HF_ENDPOINT": server.url("", user: "SECRETUSER:SECRETWORD"), "HF_TOKEN": "hf_SECRETTOKEN",
        ]
        try bench.lockFile(HubBench.pinned(content))
        let refused = bench.failure()
        #expect(refused?.code == .notAllowed)
        for text in [failure?.description ?? "", refused?.description ?? ""] + bench.log {
            #expect(!text.contains("SECRET"), "\(text)")
        }
        #expect(server.requests.last?.fields["authorization"] != nil)
        var dumped = ""
        dump(bench.settings, to: &dumped)
        #expect(!dumped.contains("SECRETTOKEN"), "\(dumped)")
        // A lock file is read by everybody.
        try bench.lockFile([server.url("/file.bin", user: "SECRETUSER:SECRETWORD")], content)
        let refusal = bench.failure()
        #expect(refusal?.code == .lockFile && refusal?.description.contains("SECRET") == false)
    }

    @Test func termsAreNamedBeforeAndAfterAsking() throws {
        let server = try LoopbackServer { $0.reply(403, ["X-Error-Code": "GatedRepo"]) }
        let bench = try FetchBench()
        bench.variables["HF_ENDPOINT"] = server.url("")
        try bench.lockFile(HubBench.pinned(content, terms: "https://huggingface.co/org/name"))
        #expect(
            bench.failure()?.description.contains(
                "accepted its terms. Read them at https://huggingface.co/org/name") == true)
        #expect(server.connections == 0)
        bench.variables["HF_TOKEN"] = "hf_x"
        #expect(
            bench.failure()?.description.contains("accepted at https://huggingface.co/org/name first") == true
        )
    }

    @Test func anOpenAddressCantDecideAPin() throws {
        let bench = try FetchBench()
        try bench.lockFile(["http://example.invalid/file.bin"], nil)
        #expect(bench.failure()?.code == .unpinned)
    }

    @Test func aDiskThatIsTooSmallIsSaidBeforeAnythingIsAsked() throws {
        let server = try LoopbackServer { $0.reply(404) }
        let bench = try FetchBench()
        try bench.lockFile([
            "data": [
                "files": [
                    [
                        "path": "big", "urls": [.string(server.url("/big"))], "size": .integer(1 << 49),
                        "sha256": .string(SHA256.hex(of: [])),
                    ]
                ]
            ]
        ])
        #expect(bench.failure()?.code == .noSpace && server.connections == 0)
    }

    @Test(.enabled(if: Tmpfs.isAvailable)) func aDiskThatFillsUpLeavesAPartThatIsGoneOnFrom() throws {
        let content = content
        let disk = try #require(Tmpfs(kibibytes: 32))
        let server = try LoopbackServer { request in
            // Without a length, nothing is known beforehand.
            var steps = request.file(content)
            if request.rangeStart == nil {
                steps[0] = .send(LoopbackServer.Request.head(200, ["ETag": "\"1\""], length: nil))
            }
            return steps
        }
        let bench = try FetchBench(cache: disk.path.appending("cache"))
        let request = DownloadRequest(
            name: "x",
            sources: [
                .init(
                    url: server.url("/x"), address: try #require(PublicAddress(server.url("/x"))), token: nil)
            ], size: nil, sha256: SHA256.hex(of: content), part: disk.path.appending("part"),
            lock: disk.path.appending("lock"), place: { disk.path.appending($0) })
        func run() throws -> Result<DownloadedFile, any Error> {
            try Downloader(options: bench.options, observer: bench, isCancelled: { false }).run([request])[0]
        }
        #expect { try run().get() } throws: { ($0 as? FileError)?.errno == .noSpace }
        #expect(!FileSystem.exists(disk.path.appending(SHA256.hex(of: content))))
        try disk.resize(kibibytes: 200)
        #expect(try FileSystem.read(run().get().path) == content)
        #expect((server.requests.last?.rangeStart ?? 0) > 0)
    }

    @Test func someFilesFailingDontHoldUpTheOthers() throws {
        let content = content
        let server = try LoopbackServer { $0.target == "/bad" ? $0.reply(404) : $0.file(content) }
        let bench = try FetchBench()
        func file(_ name: String) -> JSONValue {
            [
                "files": [
                    [
                        "path": "f", "urls": [.string(server.url("/\(name)"))],
                        "size": .integer(content.count),
                        "sha256": .string(SHA256.hex(of: content)),
                    ]
                ]
            ]
        }
        try bench.lockFile(["a": file("bad"), "data": file("good")])
        #expect(throws: FetchError.self) { try bench.fetcher().fetch(["a"]) }
        #expect(throws: FetchError.self) { try bench.fetcher().fetch(["nothing"]) }
        #expect(try bench.bytes() == content)
    }

    @Test func interruptedIsGoneOnFrom() throws {
        let content = content
        let server = try LoopbackServer { request in
            request.number == 1
                ? request.file(content, cutAfter: 20_000) + [.pause(milliseconds: 3000)]
                : request.file(content)
        }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        let fetcher = bench.fetcher(isCancelled: { bench.advanced >= 20_000 })
        #expect(throws: FetchInterrupted.self) { try fetcher.fetch(["data"]) }
        #expect(try bench.bytes() == content)
        #expect(
            server.requests.last?.rangeStart == 20_000 && server.requests.last?.fields["if-range"] == "\"1\"")
    }
}
