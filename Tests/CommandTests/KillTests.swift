import Base
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
///
/// `D3LLM_TORTURE=100` (`make torture`) goes on with further stores until that many were killed, and kills between stages
/// too; `D3LLM_TEST_SEED` repeats the moments as far as a machine allows.
@Suite struct KillTests {
    /// Which stage to kill and how often, in running order; the second number where it goes on for long.
    static let plan = [
        ("problems", 0, 0), ("tokenizer", 0, 0), ("teacher", 4, 9), ("trajectories", 3, 7),
        ("student", 3, 9), ("vanilla", 3, 7), ("cached[threshold=0.1]", 3, 7), ("tuned", 2, 5),
    ]
    /// A checkpoint after each step, and stages long enough to be hit several times.
    static let settings =
        [
            "teacher.checkpointSeconds=0", "teacher.model.width=48", "teacher.model.layers=3",
            "trajectories.groupSize=1", "student.checkpointSeconds=0", "student.steps=60",
            "problems.test=200",
            "vanilla.groupSize=2", "cached.groupSize=2",
            "tuned.checkpointSeconds=0", "tuned.steps=40",
        ].flatMap { ["--set", "stages.\($0)"] }
        + plan.filter { $0.1 > 0 }.flatMap { ["--only", $0.0] }

    @Test func killedAgainAndAgainGivesTheSameFiles() throws {
        let seed = Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max)
        print("KillTests: D3LLM_TEST_SEED=\(seed)")
        let clock = ContinuousClock.now
        let straight = try D3LLMCommand()
        let undisturbed = try straight.start(Self.arguments(straight)).wait()
        #expect(undisturbed.code == 0)
        let expected = try ScratchFolder.hashes(below: straight.store)
        #expect(expected.count > 15)

        var tally = KillTally()
        var draws = Draws(state: seed)
        let isLong = Command.number("D3LLM_TORTURE") != nil
        let wanted = Command.number("D3LLM_TORTURE").map(Int.init) ?? 10
        var stores = 0
        // On a busy machine a stage may be done before its kill comes: then another store is made.
        repeat {
            let command = try D3LLMCommand()
            for killing in Self.killings(isLong: isLong) { try kill(command, killing, &draws, &tally) }
            let last = try command.start(Self.arguments(command)).wait()
            #expect(last.code == 0, "\(last.log)")
            for folder in [".tmp", ".work"] {
                #expect(try FileSystem.list(command.store.appending(folder)) == [])
            }
            #expect(!FileSystem.exists(command.store.appending(".damaged")))
            let found = try ScratchFolder.hashes(below: command.store)
            for (file, hash) in expected { #expect(found[file] == hash, "\(file), seed \(seed)") }
            #expect(found.count == expected.count)
            try compareRecords(command, straight)
            stores += 1
        } while !(tally.kills >= wanted && tally.coversStages) && stores < 50

        print("KillTests: \(tally), \(stores) stores, \(clock.duration(to: .now))")
        #expect(tally.kills >= wanted && tally.coversStages, "\(tally)")
    }

    private static func arguments(_ command: D3LLMCommand) -> [String] {
        ["run", D3LLMCommand.tuned, "--store", command.store.string] + settings
    }

    /// A moment at which a process is killed.
    private enum Moment: String {
        /// In the middle of a stage's work.
        case working = "in the middle"
        /// When files of an artifact are in its temporary folder: while they are flushed, hashed, renamed.
        case publishing = "while its artifact was put in its place"
        /// When the artifact is in its place: while that is noted, what it was made from removed, the next one begun.
        case done = "right after"
    }

    private static func killings(isLong: Bool) -> [(stage: String, moment: Moment)] {
        plan.flatMap { stage, short, long in
            Array(repeating: (stage, Moment.working), count: isLong ? long : short)
                + (isLong ? [(stage, Moment.publishing), (stage, .done)] : [])
        }
    }

    /// Starts a process and kills it at the next such moment; does nothing when the stage is done already.
    private func kill(
        _ command: D3LLMCommand, _ killing: (stage: String, moment: Moment), _ draws: inout Draws,
        _ tally: inout KillTally
    ) throws {
        let (stage, moment) = killing
        guard !isDone(stage, command) else { return }
        let process = try command.start(Self.arguments(command) + ["--threads", "\(1 + draws.next() % 2)"])
        if process.waitForLog("] \(stage): started") != nil { return }
        switch moment {
        case .working:
            // A kill before anything was kept would show nothing: some steps or samples come first.
            command.waitForProgress(process, changes: Int(1 + draws.next() % 5))
            usleep(UInt32(draws.next() % 20_000))
        case .publishing:
            wait { !((try? ScratchFolder.files(below: command.store.appending(".tmp"))) ?? []).isEmpty }
            usleep(UInt32(draws.next() % 4000))
        case .done:
            wait { isDone(stage, command) }
            usleep(UInt32(draws.next() % 4000))
        }
        process.send(SIGKILL)
        let outcome = process.wait()
        if outcome.ending == .signal(Int(SIGKILL)) { tally.add(moment.rawValue, log: outcome.log) }
    }

    private func isDone(_ stage: String, _ command: D3LLMCommand) -> Bool {
        let prefix = stage.prefix { $0 != "[" } + "-"
        return ((try? FileSystem.list(command.experiment)) ?? []).contains { $0.hasPrefix(prefix) }
    }

    private func wait(for condition: () -> Bool) {
        let start = ContinuousClock.now
        while !condition(), start.duration(to: .now) < .seconds(900) { usleep(200) }
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

/// What was killed, as the logs of the processes tell.
struct KillTally: CustomStringConvertible {
    private(set) var kills = 0
    /// Stages that were going on, with how often they were killed.
    private(set) var stages: [String: Int] = [:]
    /// Stages that went on from what a killed process had left.
    private(set) var resumed: [String: Int] = [:]
    private var moments: [String: Int] = [:]
    private var twoAtOnce = 0

    /// Whether several stages were hit, and went on.
    var coversStages: Bool { stages.count >= 4 && resumed.count >= 3 }

    /// Counts a process by its log.
    mutating func add(_ moment: String, log: String) {
        kills += 1
        moments[moment, default: 0] += 1
        var running: [String] = []
        for line in log.split(separator: "\n") where line.hasPrefix("[") {
            let parts = line.drop { $0 != " " }.dropFirst().split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let (stage, message) = (String(parts[0]), parts[1].dropFirst())
            if message.hasPrefix("going on from") { resumed[stage, default: 0] += 1 }
            if message == "started" { running.append(stage) }
            // A stage that is done tells how long it took.
            if message.first?.isNumber == true { running.removeAll { $0 == stage } }
        }
        for stage in running { stages[stage, default: 0] += 1 }
        if running.count > 1 { twoAtOnce += 1 }
    }

    var description: String {
        func list(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        return
            "\(kills) killed, \(list(moments)), \(twoAtOnce) with two stages at once: \(list(stages)); went on: \(list(resumed))"
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

/// A command of the configuration when d3llm is killed.
@Suite struct KilledCommandTests {
    @Test func whatItStartedEndsWithD3LLM() throws {
        let command = try D3LLMCommand()
        let started = command.scratch.path.appending("started")
        let script =
            "setsid sh -c 'echo $$ > \(started).part; mv \(started).part \(started); while :; do sleep 1; done' & while :; do sleep 1; done"
        let config = try command.config(
            """
            {"name": "own", "seed": 1, "stages": {"own": {"kind": "command", "command": ["sh", "-c", "\(script)"]}}}
            """)
        let run = ["run", config, "--store", command.store.string, "--no-forecast"]
        let refused = try command.start(run).wait()
        #expect(refused.code == 64 && refused.log.contains("--allow-commands"), "\(refused.log)")
        #expect(!FileSystem.exists(command.store.appending("own")))
        let process = try command.start(run + ["--allow-commands"])
        for _ in 0..<6000 where !FileSystem.exists(started) { usleep(10_000) }
        let grandchild = try #require(pid_t(try FileSystem.readText(started).byteText.trimmed.text))
        #expect(kill(grandchild, 0) == 0)
        process.send(SIGKILL)
        #expect(process.wait().ending == .signal(Int(SIGKILL)))
        for _ in 0..<6000 where kill(grandchild, 0) == 0 { usleep(10_000) }
        #expect(kill(grandchild, 0) != 0)
        // The next run removes what was begun.
        let again = try command(
            "run", config, "--store", command.store.string, "--no-forecast", "--allow-commands", "--set",
            "stages.own.command=[\"sh\", \"-c\", \"echo 1 > output/a\"]")
        #expect(again.code == 0, "\(again.log)")
        #expect(try FileSystem.list(command.store.appending(".tmp")) == [])
    }
}
