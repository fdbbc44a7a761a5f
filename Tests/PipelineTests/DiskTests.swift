import ArtifactStore
import Files
import Runs
import SystemPackage
import TestSupport
import Testing

/// Disks that are full or can't be written, for real: on a small tmpfs, which only root can mount.
@Suite(.enabled(if: Tmpfs.isAvailable, "needs the right to mount a tmpfs")) struct DiskTests {
    /// Enough numbers for the artifact to be larger than the disk.
    static let large = stages(
        #""n": {"kind": "source", "count": 1000}, "c": {"kind": "curve", "data": "@n", "groupSize": 10}"#)

    @Test func aFullDiskLeavesNothingHalfWritten() throws {
        let disk = try #require(Tmpfs(kibibytes: 48))
        let store = Store(disk.path.appending("store"))
        let error = #expect(throws: (any Error).self) {
            try Runner(try parse(Self.large), store: store).run()
        }
        let text = String(describing: error)
        #expect(text.contains("no space left on device") && text.contains("Free some space"), "\(text)")
        #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
        let names = (try? FileSystem.list(store.root.appending("toy"))) ?? []
        for name in names where name != "runs" {
            #expect(FileSystem.exists(store.root.pushing("toy").appending(name).appending("artifact.json")))
        }
        // With room again, the same command goes on from what was kept.
        try disk.resize(kibibytes: 4096)
        #expect(try Runner(try parse(Self.large), store: store).run().stages.count == 2)
    }

    @Test func aReadOnlyStoreSaysSoAndServesWhatItHas() throws {
        let disk = try #require(Tmpfs(kibibytes: 4096))
        let store = Store(disk.path.appending("store"))
        let small = stages(#""n": {"kind": "source", "count": 3}"#)
        _ = try Runner(try parse(small), store: store).run()
        try disk.makeReadOnly()
        #expect(try Runner(try parse(small), store: store).run().stages[0].wasCached)
        #expect(try Plan(try parse(small, set: ["seed=5"]), store: store).entries[0].status == .run)
        let error = #expect(throws: FileError.self) {
            try Runner(try parse(small, set: ["seed=5"]), store: store).run()
        }
        #expect(error?.errno == .readOnlyFileSystem)
        #expect(error?.description.contains("mounted read-only; choose another place") == true)
    }
}
