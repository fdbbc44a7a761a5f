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

/// Kills at random moments, as many as asked for: `make torture`.
///
/// `D3LLM_TORTURE=100` sets how many, `D3LLM_TEST_SEED` what the moments are drawn from.
@Suite(.enabled(if: Command.number("D3LLM_TORTURE") != nil, "D3LLM_TORTURE sets the number of kills"))
struct TortureTests {
    /// Stages that keep their work often, as in KillTests, and all that belongs to them.
    static let settings =
        [
            "teacher.checkpointSeconds=0", "teacher.model.width=32", "trajectories.groupSize=1",
            "student.checkpointSeconds=0", "student.steps=40", "problems.test=120", "vanilla.groupSize=2",
            "cached.groupSize=2",
        ].flatMap { ["--set", "stages.\($0)"] } + KillTests.plan.flatMap { ["--only", $0.0] }
    /// How often one store is killed before a run may end.
    static let killsPerStore = 5

    /// What was going on when a process was killed.
    struct Tally {
        var kills = 0
        var stages: [String: Int] = [:]
        var between = 0
        var several = 0
        var resumed = 0
    }

    @Test func killedAsOftenAsAskedGivesTheSameFiles() throws {
        let wanted = Int(Command.number("D3LLM_TORTURE") ?? 100)
        let seed = Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max)
        print("TortureTests: D3LLM_TEST_SEED=\(seed)")
        var draws = Draws(state: seed)
        let straight = try D3LLMCommand()
        let clock = ContinuousClock.now
        let first = try straight.start(arguments(straight, jobs: 1)).wait()
        #expect(first.code == 0, "\(first.log)")
        let duration = clock.duration(to: .now)
        let expected = try ScratchFolder.hashes(below: straight.store)
        var tally = Tally()
        var stores = 0
        while tally.kills < wanted {
            let command = try D3LLMCommand()
            stores += 1
            // In running order, so that later kills find their stage not yet made; 0 is any moment.
            let targets = (0..<Self.killsPerStore).map { _ in Int(draws.next() % 6) }.sorted()
            for target in targets {
                let stage = target == 0 ? nil : KillTests.plan[target - 1].0
                guard try kill(command, in: stage, within: duration / 6, &draws, &tally) else { break }
            }
            let last = try command.start(arguments(command, jobs: 1 + Int(draws.next() % 2))).wait()
            #expect(last.code == 0, "store \(stores), seed \(seed): \(last.log)")
            tally.resumed += last.log.split(separator: "\n").count { $0.contains(": going on from ") }
            #expect(
                try ScratchFolder.hashes(below: command.store) == expected, "store \(stores), seed \(seed)")
            // One that is killed between putting its artifact in its place and removing its work leaves that behind,
            // and nothing that follows looks at it but this.
            #expect(try command("gc", "--yes", "--store", command.store.string).code == 0)
            #expect(
                try ScratchFolder.hashes(below: command.store) == expected, "store \(stores), seed \(seed)")
            for folder in [".tmp", ".work"] {
                #expect(
                    try FileSystem.list(command.store.appending(folder)) == [],
                    "store \(stores), seed \(seed)")
            }
        }
        print(
            "TortureTests: \(tally.kills) kills over \(stores) stores, in \(tally.stages.sorted { $0.key < $1.key }), \(tally.between) between stages, \(tally.several) in several at once, \(tally.resumed) stages resumed in the end"
        )
        if wanted >= 100 {
            for stage in ["teacher", "trajectories", "student"] {
                #expect(tally.stages[stage] ?? 0 > 0, "\(stage)")
            }
            #expect(tally.stages.keys.contains { $0 == "vanilla" || $0.hasPrefix("cached") })
            #expect(tally.between > 0 && tally.several > 0 && tally.resumed > 0)
        }
    }

    private func arguments(_ command: D3LLMCommand, jobs: Int) -> [String] {
        ["run", D3LLMCommand.micro, "--store", command.store.string, "--jobs", "\(jobs)", "--threads", "2"]
            + Self.settings
    }

    /// Starts a run and kills it some time after a stage has begun, or after the start.
    ///
    /// - Returns: False if it ended before.
    private func kill(
        _ command: D3LLMCommand, in stage: String?, within time: Duration, _ draws: inout Draws,
        _ tally: inout Tally
    ) throws -> Bool {
        let process = try command.start(arguments(command, jobs: 1 + Int(draws.next() % 2)))
        if let stage, process.waitForLog("] \(stage): started") != nil { return false }
        let microseconds = Int(time / .microseconds(1))
        usleep(UInt32(draws.next() % UInt64(max(1, microseconds))))
        process.send(SIGKILL)
        let outcome = process.wait()
        guard outcome.ending == .signal(Int(SIGKILL)) else { return false }
        tally.kills += 1
        let running = Self.running(outcome.log)
        for stage in running { tally.stages[stage, default: 0] += 1 }
        if running.isEmpty { tally.between += 1 }
        if running.count > 1 { tally.several += 1 }
        return true
    }

    /// The stages that had begun and not ended when a log broke off.
    private static func running(_ log: String) -> [String] {
        var running: [String] = []
        for line in log.split(separator: "\n") where line.hasPrefix("[") {
            guard let bracket = line.firstRange(of: "] "), let colon = line.firstRange(of: ": ") else {
                continue
            }
            let name = String(line[bracket.upperBound..<colon.lowerBound])
            let rest = line[colon.upperBound...]
            if rest == "started" {
                running.append(name)
            } else if rest.first?.isNumber == true, !rest.contains("%") || rest.contains(" s, ") {
                running.removeAll { $0 == name }
            }
        }
        return running
    }

    @Test func killedImportsAndCollectionsLeaveAWholeStore() throws {
        let wanted = Int(Command.number("D3LLM_TORTURE") ?? 100) / 4
        var draws = Draws(state: Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max))
        let origin = try D3LLMCommand()
        #expect(try origin.start(arguments(origin, jobs: 2)).wait().code == 0)
        let bundle = origin.scratch.path.appending("b.tar.zst").string
        #expect(
            try origin(
                "export", "micro", "--store", origin.store.string, "--with-weights", "--output", bundle
            ).code == 0)
        let expected = try ScratchFolder.hashes(below: origin.store)
        var kills = 0
        for _ in 0..<wanted {
            let command = try D3LLMCommand()
            let importing = ["import", bundle, "--store", command.store.string]
            kills += try killSoon(command, importing, &draws)
            // What is in its place is whole, and the import can be made again.
            let found = (try? ScratchFolder.hashes(below: command.store)) ?? [:]
            for (file, hash) in found { #expect(expected[file] == hash) }
            let again = try command.start(importing).wait()
            #expect(again.code == 0, "\(again.log)")
            #expect(try ScratchFolder.hashes(below: command.store) == expected)
            let runs = command.experiment.appending("runs")
            for run in try FileSystem.list(runs) { try FileSystem.remove(runs.appending(run)) }
            let collecting = ["gc", "--yes", "--store", command.store.string]
            kills += try killSoon(command, collecting, &draws)
            let left = try ScratchFolder.files(below: command.store).filter {
                $0.hasSuffix("/artifact.json") && !$0.hasPrefix(".")
            }
            for file in left {
                let root = try JSONDocument(
                    parsing: FileSystem.read(command.store.pushing(FilePath(file))), name: file
                ).root
                let folder = FilePath(file).removingLastComponent()
                for entry in root["files"]?.array ?? [] {
                    let path = folder.pushing(FilePath(entry["path"]?.string ?? "")).string
                    #expect(try ScratchFolder.hashes(below: command.store)[path] == entry["sha256"]?.string)
                }
            }
            #expect(try command.start(collecting).wait().code == 0)
            #expect(try ScratchFolder.files(below: command.store) == [])
        }
        print("TortureTests: killed \(kills) of \(2 * wanted) imports and collections")
        #expect(kills > 0)
    }

    private func killSoon(_ command: D3LLMCommand, _ arguments: [String], _ draws: inout Draws) throws -> Int
    {
        let process = try command.start(arguments)
        usleep(UInt32(draws.next() % 60_000))
        process.send(SIGKILL)
        return process.wait().ending == .signal(Int(SIGKILL)) ? 1 : 0
    }
}
