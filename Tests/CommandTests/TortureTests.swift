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

/// Imports and collections that are killed at random moments: half of `make torture`, see KillTests for the other.
///
/// `D3LLM_TORTURE=100` sets how many, `D3LLM_TEST_SEED` what the moments are drawn from.
@Suite(.enabled(if: Command.number("D3LLM_TORTURE") != nil, "D3LLM_TORTURE sets the number of kills"))
struct TortureTests {
    /// Stages that keep their work often, as in KillTests, and all that belongs to them.
    static let settings =
        [
            "teacher.checkpointSeconds=0", "teacher.model.width=32", "trajectories.groupSize=1",
            "student.checkpointSeconds=0", "student.steps=40", "problems.test=120", "vanilla.groupSize=2",
            "cached.groupSize=2", "tuned.checkpointSeconds=0", "tuned.steps=40",
        ].flatMap { ["--set", "stages.\($0)"] } + KillTests.plan.flatMap { ["--only", $0.0] }

    private func arguments(_ command: D3LLMCommand, jobs: Int) -> [String] {
        ["run", D3LLMCommand.tuned, "--store", command.store.string, "--jobs", "\(jobs)", "--threads", "2"]
            + Self.settings
    }

    @Test func killedImportsAndCollectionsLeaveAWholeStore() throws {
        let wanted = Int(Command.number("D3LLM_TORTURE") ?? 100) / 4
        let seed = Command.number("D3LLM_TEST_SEED") ?? UInt64.random(in: 0 ... .max)
        var draws = Draws(state: seed)
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
            let rest = try ScratchFolder.files(below: command.store)
            #expect(rest == [], "seed \(seed)")
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
