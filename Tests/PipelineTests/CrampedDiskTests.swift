import Files
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

/// Disks that fill up at every place of a run, one page or one file further each time, with what is said where.
@Suite(.enabled(if: Tmpfs.isAvailable, "needs the right to mount a tmpfs")) struct CrampedDiskTests {
    static let text = stages(
        #""n": {"kind": "source", "count": 1000}, "c": {"kind": "curve", "data": "@n", "groupSize": 50}, "t": {"kind": "table", "curves": {"c": "@c"}}"#
    )
    let experiment: Experiment
    /// Of what a run gives that nothing disturbs.
    let expected: [String: String]

    init() throws {
        experiment = try parse(Self.text)
        let folder = try TemporaryFolder()
        _ = try Runner(experiment, store: Store(folder.path)).run()
        expected = try ScratchFolder.hashes(below: folder.path)
    }

    /// Runs on ever larger disks until one suffices; gives what failed on the others.
    private func failures(_ disk: (Int) -> Tmpfs?) throws -> Set<String> {
        var failures: Set<String> = []
        for size in 1..<400 {
            let disk = try #require(disk(size))
            let store = Store(disk.path.appending("store"))
            do {
                _ = try Runner(experiment, store: store).run()
                #expect(try ScratchFolder.hashes(below: store.root) == expected)
                return failures
            } catch {
                let cause = try #require(
                    (error as? StageFailure)?.underlying as? FileError ?? error as? FileError)
                #expect(
                    cause.errno == .noSpace && "\(error)".contains("Free some space on that disk"), "\(error)"
                )
                failures.insert("\(cause.operation) \(Self.plain(cause.path.lastComponent?.string ?? ""))")
                try expectWholeOrAbsent(store)
            }
            try disk.resize(kibibytes: 4096)
            _ = try Runner(experiment, store: store).run()
            #expect(try ScratchFolder.hashes(below: store.root) == expected, "size \(size)")
            for folder in [".tmp", ".work"] {
                #expect(try FileSystem.list(store.root.appending(folder)) == [])
            }
        }
        Issue.record("no disk was large enough")
        return failures
    }

    /// The name of a file without what a temporary name adds: `.run.json.123.456.tmp`.
    private static func plain(_ name: String) -> String {
        guard name.hasPrefix("."), name.hasSuffix(".tmp") else { return name }
        return name.split(separator: ".").dropLast(3).joined(separator: ".")
    }

    private func expectWholeOrAbsent(_ store: Store) throws {
        for stage in experiment.stages {
            if case .damaged(let reason) = try store.find(stage, in: experiment) { Issue.record("\(reason)") }
        }
        #expect(try !FileSystem.exists(store.temporaryFolder) || FileSystem.list(store.temporaryFolder) == [])
        for run in store.runs(of: experiment.name) {
            #expect(try RunRecord.read(run).status == .failed)
        }
    }

    @Test func everyPageThatIsMissingIsSaidAndMadeUpFor() throws {
        let failures = try failures { Tmpfs(kibibytes: 4 * $0) }
        for file in ["numbers.txt", "samples.jsonl", "table.txt", "artifact.json"] {
            #expect(failures.contains("write \(file)"), "\(failures.sorted())")
        }
    }

    @Test func everyFileThatIsMissingIsSaidAndMadeUpFor() throws {
        let failures = try failures { Tmpfs(kibibytes: 4096, inodes: $0 + 1) }
        for operation in ["write artifact.json", "write experiment.json", "open journal samples.jsonl"] {
            #expect(failures.contains(operation), "\(failures.sorted())")
        }
        #expect(
            failures.contains { $0.hasPrefix("create folder ") }
                && failures.contains { $0.hasPrefix("lock ") })
    }

    @Test func aRunWithoutRoomForItsRecordFailsAndTheNextOneIsRecorded() throws {
        let disk = try #require(Tmpfs(kibibytes: 4096))
        let store = Store(disk.path.appending("store"))
        let filler = disk.path.appending("filler")
        // The log tells that the last stage is done before the run writes its record.
        let reporter = ProgressReporter(style: .plain) { text in
            guard text.contains("] t: "), !text.contains("started") else { return }
            let file = try? FileDescriptor.open(
                filler, .writeOnly, options: [.create], permissions: FilePermissions(rawValue: 0o600))
            while let file, (try? file.writeAll([UInt8](repeating: 1, count: 4096))) ?? 0 > 0 {}
            try? file?.close()
        }
        let error = #expect(throws: FileError.self) {
            // More than the room that the lock of the last stage gives back.
            try Runner(
                experiment, store: store,
                options: .init(arguments: [String(repeating: "long ", count: 4000)]), reporter: reporter
            ).run()
        }
        #expect(error?.errno == .noSpace && error?.path.string.contains("/runs/") == true)
        #expect(store.runs(of: experiment.name) == [])
        try FileSystem.remove(filler)
        let outcome = try Runner(experiment, store: store).run()
        #expect(outcome.stages.allSatisfy { $0.wasCached } && outcome.record != nil)
    }

    /// Nothing is written through a link that stands in a store, whoever put it there.
    @Test func aStoreOverTwoDisksSaysSoAndKeepsTheWork() throws {
        let (folder, disk) = (try TemporaryFolder(), try #require(Tmpfs(kibibytes: 4096)))
        let store = Store(folder.path)
        let place = folder.path.appending("toy")
        try link(disk.path, at: place)
        let error = #expect(throws: FileError.self) { try Runner(experiment, store: store).run() }
        #expect("\(try #require(error))".contains("a symbolic link stands there"))
        #expect(try FileSystem.list(disk.path) == [])
        try FileSystem.remove(place)
        #expect(try Runner(experiment, store: store).run().stages.count == 3)
    }
}
