import Files
import SystemPackage
import TestSupport
import Testing

@testable import Fetching

/// Downloads from servers that behave, and from servers that don't.
@Suite struct TransferTests {
    let content = FetchBench.content(300_000)

    /// The bytes that come from a server; nil with the reason where none do.
    private func fetch(
        _ handler: @escaping @Sendable (LoopbackServer.Request) -> [LoopbackServer.Step]
    ) throws -> (bench: FetchBench, server: LoopbackServer, bytes: [UInt8]?, failure: FetchError?) {
        let server = try LoopbackServer(handler)
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        do {
            return (bench, server, try bench.bytes(), nil)
        } catch let error as FetchError {
            return (bench, server, nil, error)
        }
    }

    @Test func aFileComesWholeAndIsNotAskedForAgain() throws {
        let content = content
        let (bench, server, bytes, _) = try fetch { $0.file(content) }
        #expect(bytes == content && bench.advanced == content.count)
        #expect(try bench.cached() == ["files/\(SHA256.hex(of: content))"])
        #expect(try bench.bytes() == content)
        #expect(server.connections == 1)
        // Nothing else stays.
        #expect(try FileSystem.list(bench.cache.pushing("files/.parts")).isEmpty)
    }

    @Test func aConnectionThatIsLostAgainAndAgainGoesOnWhereItWas() throws {
        let content = content
        let (bench, server, bytes, _) = try fetch { $0.file(content, cutAfter: 20_000) }
        // More attempts than are allowed in a row, because each brings something.
        #expect(bytes == content && server.requests.count == 15)
        #expect(
            server.requests.dropFirst().allSatisfy {
                $0.fields["if-range"] == "\"1\"" && $0.rangeStart ?? 0 > 0
            })
        #expect(bench.log.contains { $0.contains("trying again") })
    }

    @Test func aResetIsNotTheEndOfTheFile() throws {
        let content = content
        let (_, server, bytes, _) = try fetch { request in
            request.number == 1
                ? request.file(content, cutAfter: 100_000) + [.pause(milliseconds: 50), .reset]
                : request.file(content)
        }
        #expect(bytes == content && server.requests.count == 2)
    }

    @Test func aFileThatChangesMeanwhileIsBegunAnew() throws {
        let content = content
        let other = FetchBench.content(300_000, seed: 2)
        let (_, server, bytes, _) = try fetch { request in
            request.number == 1
                ? request.file(other, tag: "\"old\"", cutAfter: 100_000)
                : request.file(content, tag: "\"new\"")
        }
        #expect(bytes == content)
        #expect(server.requests.map(\.rangeStart) == [nil, 100_000])
    }

    @Test func aServerThatGivesOtherPartsThanAskedForIsNotBelieved() throws {
        let content = content
        // The tag of another file with a range that would fit, and a range that wasn't asked for.
        for (tag, start) in [("\"2\"", 100_000), ("\"1\"", 5)] {
            let (_, server, bytes, _) = try fetch { request in
                switch request.number {
                case 1: request.file(content, cutAfter: 100_000)
                case 2:
                    request.reply(
                        206,
                        [
                            "ETag": tag,
                            "Content-Range": "bytes \(start)-\(content.count - 1)/\(content.count)",
                        ],
                        Array(content[start...]))
                default: request.file(content)
                }
            }
            #expect(bytes == content && server.requests.count == 3)
        }
    }

    @Test func aServerWithoutRangesSendsEverythingAgain() throws {
        let content = content
        let (_, server, bytes, _) = try fetch { request in
            request.number == 1 ? request.file(content, cutAfter: 100_000) : request.reply(200, [:], content)
        }
        #expect(bytes == content && server.requests.count == 2)
    }

    @Test func tagsThatChangeWithEachAttemptEndSomeTime() throws {
        let content = content
        let (bench, server, bytes, failure) = try fetch { request in
            request.file(content, tag: "\"\(request.number)\"", cutAfter: 50_000)
        }
        #expect(bytes == nil && failure?.code == .unavailable)
        #expect(server.requests.count <= 6, "\(server.requests.count)")
        #expect(try bench.cached().isEmpty)
    }

    @Test func lengthsThatAreLiesAreFoundOut() throws {
        let content = content
        // Shorter and longer than pinned, and a body that goes on although no length was named.
        for length in [content.count - 1, content.count + 1] {
            let (bench, server, bytes, failure) = try fetch { request in
                request.reply(200, ["Content-Length": "\(length)"], content)
            }
            #expect(bytes == nil && failure?.code == .wrongContent)
            #expect(failure?.description.contains("\(length) bytes instead of \(content.count)") == true)
            #expect(try server.requests.count == 2 && bench.cached().isEmpty)
        }
        let (bench, _, bytes, failure) = try fetch { _ in
            [.send(LoopbackServer.Request.head(200, [:], length: nil)), .send(content), .send([1])]
        }
        #expect(try bytes == nil && failure?.code == .wrongContent && bench.cached().isEmpty)
        // Without a length, the connection's end is the file's end only if the size is right.
        let (_, server, whole, _) = try fetch { request in
            [
                .send(LoopbackServer.Request.head(200, [:], length: nil)),
                .send(request.number == 1 ? Array(content.prefix(1000)) : content),
            ]
        }
        #expect(whole == content && server.requests.count == 2)
    }

    @Test func wrongBytesNeverEnterTheCache() throws {
        let content = content
        var wrong = content
        wrong[123_456] ^= 1
        let (bench, server, bytes, failure) = try fetch { [wrong] in $0.file(wrong) }
        #expect(try bytes == nil && server.requests.count == 2 && bench.cached().isEmpty)
        let text = failure?.description ?? ""
        #expect(failure?.code == .wrongContent)
        #expect(text.contains(SHA256.hex(of: wrong)) && text.contains(SHA256.hex(of: content)), "\(text)")
        #expect(text.contains("change its hash in the lock file"), "\(text)")
    }

    @Test func aPartThatWasDamagedOnTheDiskIsThrownAway() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        let part = bench.cache.pushing("files/.parts").appending(SHA256.hex(of: content))
        try FileSystem.createDirectory(part.removingLastComponent())
        for damaged in [
            [UInt8](repeating: 7, count: 5000), [UInt8](repeating: 7, count: content.count), content + [1],
        ] {
            try FileSystem.remove(bench.cache.pushing("files").appending(SHA256.hex(of: content)))
            try FileSystem.writeAtomically(damaged, to: part)
            #expect(try bench.bytes() == content)
        }
        // One that is right needs no network.
        try FileSystem.remove(bench.cache.pushing("files").appending(SHA256.hex(of: content)))
        try FileSystem.writeAtomically(content, to: part)
        let before = server.connections
        #expect(try bench.bytes() == content && server.connections == before)
    }

    @Test(arguments: [400, 401, 403, 404, 410, 501])
    func aRefusalIsNotRepeated(status: Int) throws {
        let (bench, server, _, failure) = try fetch { $0.reply(status, [:], Array("no".utf8)) }
        #expect(failure?.description.contains("HTTP \(status)") == true)
        #expect(try server.requests.count == 1 && bench.cached().isEmpty)
    }

    @Test(arguments: [408, 429, 500, 502, 503, 504])
    func aPassingFailureIsTriedAgain(status: Int) throws {
        let content = content
        let (_, server, bytes, _) = try fetch { request in
            request.number < 3 ? request.reply(status) : request.file(content)
        }
        #expect(bytes == content && server.requests.count == 3)
    }

    @Test func attemptsInARowAreCounted() throws {
        let (bench, server, _, failure) = try fetch { $0.reply(503) }
        #expect(server.requests.count == bench.options.attempts)
        #expect(failure?.description.contains("4 attempts in a row") == true)
    }

    @Test func aServerThatAsksToWaitIsWaitedFor() throws {
        let content = content
        let start = ContinuousClock.now
        let (_, _, bytes, _) = try fetch { request in
            request.number == 1 ? request.reply(429, ["Retry-After": "1"]) : request.file(content)
        }
        #expect(bytes == content && start.duration(to: .now) >= .seconds(1))
        let (_, server, _, failure) = try fetch { $0.reply(429, ["Retry-After": "3600"]) }
        #expect(server.requests.count == 1)
        #expect(failure?.description.contains("asked again in 3600 s") == true, "\(failure as Any)")
    }

    @Test func aRangeBeyondTheEndIsBegunAnew() throws {
        let content = content
        let (_, server, bytes, _) = try fetch { request in
            switch request.number {
            case 1: request.file(content, cutAfter: 1000)
            case 2: request.reply(416)
            default: request.file(content)
            }
        }
        #expect(bytes == content && server.requests.map(\.rangeStart) == [nil, 1000, nil])
    }

    @Test(.timeLimit(.minutes(1))) func stallsAndTricklesAreCutOff() throws {
        let content = content
        let (_, server, bytes, _) = try fetch { request in
            switch request.number {
            // Nothing at all, then far less than the lowest speed.
            case 1: [.pause(milliseconds: 6000)]
            case 2:
                [.send(LoopbackServer.Request.head(200, ["ETag": "\"1\""], length: content.count))]
                    + (0..<60).flatMap { _ in [LoopbackServer.Step.send([0]), .pause(milliseconds: 100)] }
            default: request.reply(200, [:], content)
            }
        }
        #expect(bytes == content && server.requests.count == 3)
    }

    @Test func garbageIsNoResponse() throws {
        let garbage: [[UInt8]] = [
            Array("hello\r\n\r\n".utf8), [0, 1, 2, 3, 255, 254], Array("HTTP/1.1 OK\r\n\r\n".utf8),
            Array("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc".utf8),
            Array("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc".utf8),
            Array("HTTP/1.1 200 OK\r\n".utf8)
                + (0..<3000).flatMap { Array("X-\($0): \(String(repeating: "a", count: 50))\r\n".utf8) }
                + Array("\r\nabc".utf8),
        ]
        for bytes in garbage {
            let (bench, server, found, failure) = try fetch { _ in [.send(bytes)] }
            #expect(found == nil && failure != nil && server.requests.count <= 4)
            #expect(try bench.cached().isEmpty)
        }
    }

    @Test func anEncodedBodyIsRefused() throws {
        let content = content
        let (_, _, bytes, failure) = try fetch { $0.reply(200, ["Content-Encoding": "gzip"], content) }
        #expect(bytes == nil && failure?.description.contains("encoding") == true)
    }

    @Test func nobodyListeningIsAnErrorWithTheAddress() throws {
        let server = try LoopbackServer { _ in [] }
        let bench = try FetchBench()
        try bench.lockFile([server.url("/file.bin")], content)
        server.stop()
        let failure = bench.failure()
        #expect(failure?.code == .unavailable)
        #expect(failure?.description.contains("127.0.0.1:\(server.port)/file.bin") == true)
    }

    @Test func mirrorsAreTriedInOrder() throws {
        let content = content
        let server = try LoopbackServer { request in
            switch request.target {
            case "/gone": request.reply(404)
            case "/wrong": request.file([UInt8](repeating: 0, count: content.count))
            case "/broken": request.file(content, tag: "\"b\"", cutAfter: request.number == 1 ? 100_000 : 0)
            default: request.file(content, tag: "\"good\"")
            }
        }
        let bench = try FetchBench()
        try bench.lockFile(["/gone", "/wrong", "/broken", "/good", "/never"].map { server.url($0) }, content)
        #expect(try bench.bytes() == content)
        let targets = server.requests.map(\.target)
        #expect(targets.first == "/gone" && targets.last == "/good" && targets.count { $0 == "/wrong" } == 2)
        // The next mirror goes on where the one before it stopped: the hash decides in the end.
        #expect(
            server.requests.last?.rangeStart == 100_000 && server.requests.last?.fields["if-range"] == nil)
    }
}
