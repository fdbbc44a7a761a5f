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

/// `d3llm fetch` as a process: kills, several at once, the environment.
@Suite struct FetchCommandTests {
    let command: D3LLMCommand
    let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    var lock: FilePath { command.scratch.path.appending("data.lock") }
    var cache: FilePath { command.scratch.path.appending("cache") }
    var place: FilePath { cache.appending("files").appending(SHA256.hex(of: content)) }
    var part: FilePath { cache.appending("files").appending(".parts").appending(SHA256.hex(of: content)) }

    init() throws { command = try D3LLMCommand() }

    private func writeLock(_ url: String, pinned: Bool = true) throws {
        let file: JSONValue = [
            "path": "file.bin", "urls": [.string(url)], "size": pinned ? .integer(content.count) : .null,
            "sha256": pinned ? .string(SHA256.hex(of: content)) : .null,
        ]
        let value: JSONValue = ["format": 1, "inputs": ["data": ["files": [file]]]]
        try FileSystem.writeAtomically(value.prettyBytes(), to: lock)
    }

    private func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Command {
        try command.start(
            ["fetch"] + arguments + ["--lock", lock.string, "--cache", cache.string], environment: environment
        )
    }

    /// The file in pieces of 20 kB, ten a second or so.
    private static func slowly(_ request: LoopbackServer.Request, _ content: [UInt8]) -> [LoopbackServer.Step]
    {
        request.file(content).flatMap { step -> [LoopbackServer.Step] in
            guard case .send(let bytes) = step, bytes.count > 20_000 else { return [step] }
            return stride(from: 0, to: bytes.count, by: 20_000).flatMap { start -> [LoopbackServer.Step] in
                [.send(Array(bytes[start..<min(bytes.count, start + 20_000)])), .pause(milliseconds: 60)]
            }
        }
    }

    @Test func killedInTheMiddleItGoesOnFromThere() throws {
        let content = content
        let server = try LoopbackServer { Self.slowly($0, content) }
        try writeLock(server.url("/file.bin"))
        for kill in 1...2 {
            let process = try start(["data"])
            let start = ContinuousClock.now
            while (try FileSystem.status(part)?.size ?? 0) < kill * 60_000,
                start.duration(to: .now) < .seconds(900)
            {
                usleep(2000)
            }
            process.send(SIGKILL)
            #expect(process.wait().ending == .signal(Int(SIGKILL)))
            #expect(!FileSystem.exists(place))
        }
        let outcome = try start(["data"]).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(try FileSystem.read(place) == content)
        let starts = server.requests.map { $0.rangeStart ?? 0 }
        #expect(starts.count == 3 && starts[1] >= 60_000 && starts[2] > starts[1], "\(starts)")
        #expect(server.requests.dropFirst().allSatisfy { $0.fields["if-range"] == "\"1\"" })
    }

    @Test func interruptedItSaysWhatIsKept() throws {
        let content = content
        let server = try LoopbackServer { Self.slowly($0, content) }
        try writeLock(server.url("/file.bin"))
        let process = try start(["data"])
        while try FileSystem.status(part)?.size ?? 0 < 20_000, process.poll() == nil { usleep(2000) }
        process.send(SIGINT)
        let outcome = process.wait()
        #expect(outcome.code == 130 && outcome.log.contains("is kept"), "\(outcome.log)")
    }

    @Test func twoProcessesDownloadOneFileOnce() throws {
        let content = content
        let server = try LoopbackServer { Self.slowly($0, content) }
        try writeLock(server.url("/file.bin"))
        let processes = try (0..<3).map { _ in try start(["data"]) }
        let outcomes = processes.map { $0.wait() }
        #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.log))")
        #expect(server.requests.count == 1)
        #expect(outcomes.count { $0.log.contains("waiting for it") } == 2)
        #expect(try FileSystem.read(place) == content)
    }

    @Test func twoProcessesThatPinAgree() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        try writeLock(server.url("/file.bin"), pinned: false)
        let outcomes = try (0..<3).map { _ in try start(["data"]) }.map { $0.wait() }
        #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.log))")
        #expect(try FileSystem.readText(lock).contains(SHA256.hex(of: content)))
        let check = try start(["--check"]).wait()
        #expect(check.code == 0 && check.output.contains("ok"), "\(check.output)")
    }

    @Test func offlineOpensNoConnection() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        try writeLock(server.url("/file.bin"))
        let outcome = try start(["data", "--offline"]).wait()
        #expect(outcome.code == 1 && outcome.log.contains("isn't in the cache"), "\(outcome.log)")
        #expect(try start(["data"], environment: ["HF_HUB_OFFLINE": "1"]).wait().code == 1)
        #expect(try start(["--check", "data"]).wait().code == 1)
        #expect(try start(["--list"]).wait().output.contains("300.0 kB"))
        #expect(server.connections == 0)
        #expect(try start(["--all"]).wait().code == 0)
        #expect(try start(["data", "--offline"]).wait().output.contains("was in the cache"))
        #expect(server.connections == 1)
    }

    @Test func proxiesOfTheEnvironmentAreUsed() throws {
        let content = content
        let proxy = try LoopbackServer { $0.file(content) }
        try writeLock("http://data.example.invalid/file.bin")
        let environment = ["http_proxy": proxy.url("", user: "me:SECRETWORD")]
        let outcome = try start(["data"], environment: environment).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(proxy.requests.map(\.target) == ["http://data.example.invalid/file.bin"])
        #expect(proxy.requests[0].fields["proxy-authorization"] != nil)
        #expect(!(outcome.output + outcome.log).contains("SECRET"))
    }

    @Test func damageInTheCacheIsFound() throws {
        let content = content
        let server = try LoopbackServer { $0.file(content) }
        try writeLock(server.url("/file.bin"))
        #expect(try start(["data", "--json"]).wait().output.contains("\"cached\": false"))
        var bytes = content
        bytes[1000] ^= 4
        try FileSystem.writeAtomically(bytes, to: place)
        let check = try start(["--check"]).wait()
        #expect(
            check.code == 1 && check.output.contains("DAMAGED") && check.output.contains("replaces it"),
            "\(check)")
        #expect(try start(["data"]).wait().code == 0)
        #expect(try start(["--check", "--json"]).wait().output.contains("\"state\": \"whole\""))
    }

    @Test func wrongUsageIsTold() throws {
        try writeLock("https://example.invalid/file.bin")
        #expect(try start([]).wait().code == 64)
        #expect(try start(["--all", "data"]).wait().code == 64)
        let unknown = try start(["dta"]).wait()
        #expect(unknown.code == 2 && unknown.log.contains("Did you mean \"data\"?"), "\(unknown.log)")
        try FileSystem.writeAtomically("{", to: lock)
        #expect(try start(["data"]).wait().code == 2)
    }
}
