import Files
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

/// Disks that fill up at every point of making an artifact, exporting and importing.
@Suite(.enabled(if: Tmpfs.isAvailable, "needs the right to mount a tmpfs")) struct FullDiskTests {
    /// Fills a disk but for some bytes.
    private func fill(_ disk: FilePath, leaving bytes: Int) throws {
        let path = disk.appending("ballast")
        try FileSystem.remove(path)
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create], permissions: FilePermissions(rawValue: 0o600))
        defer { try? file.close() }
        let free = Store(disk).freeSpace() ?? 0
        let block = [UInt8](repeating: 1, count: 4096)
        for _ in 0..<max(0, (free - bytes) / 4096) { try file.writeAll(block) }
    }

    private func wholeArtifacts(_ store: Store) throws {
        for file in try ScratchFolder.files(below: store.root) where file.hasSuffix("/artifact.json") {
            let folder = store.root.pushing(FilePath(file)).removingLastComponent()
            let record = try ArtifactRecord(parsing: FileSystem.read(folder.appending("artifact.json")))
            #expect(
                try ArtifactInspector(folder: folder, fingerprint: record.fingerprint).inspect().problems
                    == [])
        }
        #expect((try? FileSystem.list(store.temporaryFolder)) ?? [] == [])
    }

    @Test("wherever the disk fills up, what is there is whole and the next run ends the same")
    func everyPoint() throws {
        let disk = try #require(Tmpfs(kibibytes: 2048))
        let text = stages(
            #""n": {"kind": "source", "count": 400}, "c": {"kind": "curve", "data": "@n", "groupSize": 7}"#)
        let straight = Store(disk.path.appending("straight"))
        _ = try Runner(try parse(text), store: straight).run()
        let expected = try ScratchFolder.hashes(below: straight.root)
        var failures = 0
        for blocks in 0..<24 {
            let store = Store(disk.path.appending("store"))
            try FileSystem.remove(store.root)
            try fill(disk.path, leaving: blocks * 4096)
            do {
                _ = try Runner(try parse(text), store: store, options: .init(jobs: 1)).run()
            } catch {
                failures += 1
                #expect("\(error)".lowercased().contains("no space left on device"), "\(error)")
            }
            try wholeArtifacts(store)
            try FileSystem.remove(disk.path.appending("ballast"))
            _ = try Runner(try parse(text), store: store).run()
            #expect(try ScratchFolder.hashes(below: store.root) == expected, "\(blocks) blocks")
        }
        #expect(failures > 8 && failures < 24, "\(failures)")
    }

    @Test func anImportOrExportThatDoesNotFitLeavesNothing() throws {
        let run = try FinishedRun()
        let disk = try #require(Tmpfs(kibibytes: 1024))
        let bundle = run.folder.path.appending("b.tar.zst")
        _ = try Exporter(run.location).export(to: bundle)
        var failures = 0
        for blocks in stride(from: 0, to: 60, by: 4) {
            let store = Store(disk.path.appending("store"))
            try FileSystem.remove(store.root)
            try fill(disk.path, leaving: blocks * 4096)
            let small = disk.path.appending("b.tar.zst")
            if (try? Exporter(run.location).export(to: small)) == nil { #expect(!FileSystem.exists(small)) }
            try FileSystem.remove(small)
            do {
                _ = try Importer(into: store).run(bundle)
                #expect(try Verifier(RunLocation.find("toy/chain", in: store), registry: toys).verify().holds)
            } catch {
                failures += 1
                #expect("\(error)".lowercased().contains("no space left on device"), "\(error)")
                let left = try ScratchFolder.files(below: store.root).filter {
                    !$0.hasPrefix(".locks/") && $0 != Store.markerName
                }
                #expect(left == [], "\(blocks) blocks")
            }
            #expect(try FileSystem.list(disk.path).allSatisfy { ["store", "ballast"].contains($0) })
        }
        #expect(failures > 2 && failures < 15, "\(failures)")
    }

    @Test func aReadOnlyStoreIsCheckedAndExportedButNotImportedInto() throws {
        let disk = try #require(Tmpfs(kibibytes: 1024))
        let store = Store(disk.path.appending("store"))
        _ = try Runner(try parse(chain), store: store).run()
        try disk.makeReadOnly()
        let location = try RunLocation.find("toy/chain", in: store)
        #expect(try Verifier(location, registry: toys).verify().holds)
        let outside = try TemporaryFolder()
        let bundle = outside.path.appending("b.tar.zst")
        _ = try Exporter(location).export(to: bundle)
        let error = #expect(throws: FileError.self) { try Importer(into: store).run(bundle) }
        #expect(error?.errno == .readOnlyFileSystem)
        let collector = GarbageCollector(store, registry: toys)
        let report = try collector.look()
        #expect(report.items.allSatisfy { $0.kind == .lock })
        #expect(throws: FileError.self) { try collector.remove(report) }
    }
}
