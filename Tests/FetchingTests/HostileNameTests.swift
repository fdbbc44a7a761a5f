import Base
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// Paths of lock files and of hubs' listings, as the kernel will read them.
@Suite struct HostileNameTests {
    /// Whether the kernel would stay below the folder, and every part is a name.
    private func isBelow(_ path: String) -> Bool {
        let parts = Array(path.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return parts.allSatisfy { !$0.isEmpty && !$0.elementsEqual("..".utf8) && !$0.elementsEqual(".".utf8) }
    }

    /// Ways to hide that a path leads out, for every mark.
    private static let paths: [String] = HiddenMarks.all.flatMap { mark in
        HiddenMarks.beside("/", mark).flatMap { slash in
            ["..\(slash)..", "a\(slash)../../b", "../\(mark)/..", "../\(slash)x.gz"]
        }
    }

    @Test func noLockFileLeadsOut() throws {
        #expect(Self.paths.count > 10_000)
        for path in Self.paths {
            let lock: JSONValue = [
                "format": 1,
                "inputs": ["data": ["files": [["path": .string(path), "urls": ["https://example.org/x"]]]]],
            ]
            let read = try? DataLock(parsing: lock.compactBytes(), path: "data.lock")
            #expect(read == nil || isBelow(path), "\(path.visible)")
        }
    }

    @Test func noListingLeadsOut() throws {
        let hash = String(repeating: "a", count: 40)
        for path in Self.paths {
            let listing: JSONValue = [
                "sha": .string(hash),
                "siblings": [["rfilename": .string(path), "size": 1, "blobId": .string(hash)]],
            ]
            let read = try? HubListing(parsing: listing.compactBytes())
            #expect(read == nil || isBelow(path), "\(path.visible)")
        }
    }

    @Test func pathsThatStayAreTaken() {
        for path in ["a", "a/b.txt", "data/train-00000-of-00001.parquet", "été/x", "a..b", "..a/b"] {
            #expect(SafePath.isSafe(path), "\(path)")
        }
    }

    @Test func noTwoPathsAreOneFile() {
        for (first, second) in [
            ("a", "a"), ("a", "a/b"), ("a/b", "a"), ("a/b/c", "a"), ("a", "a/b/c"), ("é", "e\u{301}"),
            ("é/x", "e\u{301}"), ("é", "e\u{301}/x"),
        ] {
            var paths = SafePaths()
            #expect(paths.insert(first) && !paths.insert(second), "\(first) \(second)")
        }
        var paths = SafePaths()
        #expect(["a/b", "a/c", "ab", "a.b"].allSatisfy { paths.insert($0) })
    }

    @Test func aListingOfManyFilesIsReadInTime() throws {
        let hash = String(repeating: "a", count: 40)
        let siblings: [JSONValue] = (0..<20_000).map {
            ["rfilename": .string("data/part-\($0)"), "size": 1, "blobId": .string(hash)]
        }
        let listing: JSONValue = ["sha": .string(hash), "siblings": .array(siblings)]
        #expect(try HubListing(parsing: listing.compactBytes()).files.count == 20_000)
    }
}

/// Addresses are read by the one who will connect to them.
@Suite struct HostileAddressTests {
    private static let own = "http://127.0.0.1:18801"

    @Test func noMarkHidesWhoIsConnectedTo() throws {
        let own = try #require(PublicAddress(Self.own + "/x"))
        var count = 0
        for mark in HiddenMarks.all {
            for sign in ["/", "?", "#", "@", ":", "\\"] {
                for hidden in HiddenMarks.beside(sign, mark) {
                    count += 1
                    let address = "http://127.0.0.2:18802\(hidden)@127.0.0.1:18801/x"
                    // Nothing outside of printable ASCII is an address.
                    #expect(PublicAddress(address) == nil, "\(address.visible)")
                    #expect(PublicAddress("https\(hidden)//127.0.0.1/x") == nil)
                }
            }
        }
        #expect(count > 10_000)
        #expect(own.isSameOrigin(as: own))
    }

    @Test func theHostIsTheOneThatLibcurlConnectsTo() {
        var generator = SplitMix(seed: 11)
        let pieces = [
            "127.0.0.1", "127.0.0.2", "a.example", ":18801", ":18802", "/", "?", "#", "@", "\\", "//", "%40",
            "%2f", "[::1]", "x", ".", "..", " ", "\t", ":", "user:pw@", "0x7f.1", "&",
        ]
        for _ in 0..<20_000 {
            let count = 1 + Int(generator.next() % 7)
            let rest = (0..<count).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            let url = "http://\(rest)"
            guard let address = PublicAddress(url), let parts = CurlAddress(url) else { continue }
            #expect(parts.host.byteText.asciiLowercased == address.host.byteText, "\(url)")
            #expect((parts.port ?? "80") == "\(address.port)", "\(url)")
            #expect(!parts.hasUser || address.hasUser, "\(url)")
            #expect(!address.host.utf8.contains(UInt8(ascii: "%")), "\(url)")
        }
    }

    @Test(arguments: [
        "http:/a/x", "http:///a/x", "http://a%2eb/x", "http://a\\b/x", "http://ä.example/x", "http://a b/",
        "http://a:0/", "http://a:70000/", "http://a\u{7F}/", "http://[::1%25eth0]/", "HTTP//a",
        "http://0x7f.1/", "http://127.1/",
    ])
    func whatCouldBeReadInTwoWaysIsNoAddress(url: String) {
        #expect(PublicAddress(url) == nil)
    }

    @Test func theTokenStaysWithTheHub() throws {
        let content = FetchBench.content(1000)
        let thief = try LoopbackServer { $0.file(content) }
        for mark in ["\u{301}", "\u{600}", "%CC%81", ""] {
            let hub = try LoopbackServer { request in
                request.reply(
                    302,
                    [
                        "Location":
                            "http://127.0.0.1:\(thief.port)/\(mark)@127.0.0.1:\(request.fields["host"]?.byteText.cut(at: ":")?.after.text ?? "")/x"
                    ])
            }
            let bench = try FetchBench()
            bench.variables = ["HF_ENDPOINT": hub.url(""), "HF_TOKEN": "hf_SECRETTOKEN"]
            try bench.lockFile(HubBench.pinned(content))
            _ = bench.failure()
            #expect(hub.requests.first?.fields["authorization"] == "Bearer hf_SECRETTOKEN")
        }
        #expect(thief.requests.allSatisfy { $0.fields["authorization"] == nil })
    }

    @Test func aRedirectNamesNoUser() throws {
        let content = FetchBench.content(1000)
        let other = try LoopbackServer { $0.file(content) }
        let server = try LoopbackServer { request in
            request.reply(302, ["Location": other.url("/x", user: "me:word")])
        }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        #expect(bench.failure()?.description.byteText.contains("user's name") == true)
        #expect(other.requests.isEmpty)
    }
}
