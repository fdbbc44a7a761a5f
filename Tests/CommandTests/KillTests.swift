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

/// Processes that are killed at random moments, again and again, give what an undisturbed one gives.
@Suite struct KillTests {
    /// Which stage to kill and how often, in running order.
    static let plan = [
        ("teacher", 4), ("trajectories", 3), ("student", 3), ("vanilla", 3), ("cached[threshold=0.1]", 3),
    ]
    /// A checkpoint after each step, and stages long enough to be hit several times.
    static let settings =
        [
            "teacher.checkpointSeconds=0", "teacher.model.width=48", "teacher.model.layers=3",
            "trajectories.groupSize=1", "student.checkpointSeconds=0", "student.steps=60",
            "problems.test=200",
            "vanilla.groupSize=2", "cached.groupSize=2",
        ].flatMap { ["--set", "stages.\($0)"] } + plan.flatMap { ["--only", $0.0] }

    @Test func killedAgainAndAgainGivesTheSameFiles() throws {
        let seed = Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max)
        print("KillTests: D3LLM_TEST_SEED=\(seed)")
        var draws = Draws(state: seed)
        let command = try D3LLMCommand()
        let arguments = ["run", D3LLMCommand.micro, "--store", command.store.string] + Self.settings
        var kills: [String: Int] = [:]
        var resumed: Set<String> = []
        for target in Self.plan.flatMap({ Array(repeating: $0.0, count: $0.1) }) {
            let process = try command.start(arguments + ["--threads", "\(1 + draws.next() % 2)"])
            if process.waitForLog("] \(target): started") != nil { continue }
            // A kill before anything was kept would show nothing: some steps or samples come first.
            command.waitForProgress(process, changes: Int(1 + draws.next() % 5))
            usleep(UInt32(draws.next() % 20_000))
            process.send(SIGKILL)
            let outcome = process.wait()
            for line in outcome.log.split(separator: "\n") where line.contains(": going on from ") {
                resumed.insert(String(line.drop { $0 != " " }.dropFirst().prefix { $0 != ":" }))
            }
            guard outcome.ending == .signal(Int(SIGKILL)) else { continue }
            kills[target, default: 0] += 1
        }
        let total = kills.values.reduce(0, +)
        #expect(total >= 10, "\(kills)")
        #expect(kills.count >= 4 && resumed.count >= 3, "\(kills), resumed \(resumed)")
        let last = try command.start(arguments).wait()
        #expect(last.code == 0, "\(last.log)")
        #expect(try FileSystem.list(command.store.appending(".tmp")) == [])
        #expect(try FileSystem.list(command.store.appending(".work")) == [])

        let straight = try D3LLMCommand()
        let undisturbed = try straight.start(
            ["run", D3LLMCommand.micro, "--store", straight.store.string] + Self.settings
        ).wait()
        #expect(undisturbed.code == 0)
        let expected = try ScratchFolder.hashes(below: straight.store)
        #expect(expected.count > 15)
        let found = try ScratchFolder.hashes(below: command.store)
        for (file, hash) in expected { #expect(found[file] == hash, "\(file), seed \(seed)") }
        #expect(found.count == expected.count)
        try compareRecords(command, straight)
        print("KillTests: killed \(kills.sorted { $0.key < $1.key }), resumed \(resumed.sorted())")
    }

    /// Summaries and metrics stand in artifact.json, which also holds times.
    private func compareRecords(_ a: D3LLMCommand, _ b: D3LLMCommand) throws {
        for file in try ScratchFolder.files(below: a.experiment) where file.hasSuffix("artifact.json") {
            let roots = try [a, b].map { command in
                JSONValue(
                    try JSONDocument(
                        parsing: FileSystem.read(command.experiment.pushing(FilePath(file))), name: file
                    ).root)
            }
            for key in ["summary", "metrics", "files", "recipe"] {
                #expect(roots[0][key] == roots[1][key], "\(key) of \(file)")
            }
        }
    }
}

/// SplitMix64: repeatable with the seed that was printed.
struct Draws {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
