import Archives
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

/// Runs that are given away and taken over, whole or not at all.
@Suite struct ShareTests {
    let origin: FinishedRun
    let folder: TemporaryFolder
    let target: Store

    init() throws {
        origin = try FinishedRun()
        folder = try TemporaryFolder()
        target = Store(folder.path.appending("target"))
    }

    private var bundle: FilePath { folder.path.appending("bundle.tar.zst") }

    private func export() throws { _ = try Exporter(origin.location).export(to: bundle) }

    /// The bundle unpacked, changed, and packed again under the same name.
    private func changeBundle(_ change: (FilePath) throws -> Void) throws {
        let open = folder.path.appending("open")
        try Unpacker().unpack(bundle, into: open)
        let inner = open.appending(try #require(FileSystem.list(open).first))
        try change(inner)
        try FileSystem.remove(bundle)
        let entries = try ScratchFolder.files(below: open).map {
            Packer.Entry($0, .file(open.pushing(FilePath($0))))
        }
        try Packer.pack(entries, into: bundle)
        try FileSystem.remove(open)
    }

    /// Makes the bundle's list true again, as one who wants to hide a change would.
    private func reindex(_ inner: FilePath) throws {
        let path = inner.appending("bundle.json")
        var index = try #require(
            JSONValue(JSONDocument(parsing: FileSystem.read(path), name: "").root).object)
        let files = try ScratchFolder.files(below: inner).filter { $0 != "bundle.json" }
        index["files"] = .array(
            try files.map {
                let bytes = try FileSystem.read(inner.pushing(FilePath($0)))
                return [
                    "path": .string($0), "size": .integer(bytes.count),
                    "sha256": .string(SHA256.hex(of: bytes)),
                ]
            })
        try FileSystem.writeAtomically(JSONValue.object(index).prettyBytes(), to: path)
    }

    private func edit(_ path: FilePath, _ old: String, _ new: String) throws {
        let text = try FileSystem.readText(path)
        try #require(text.contains(old), "\(text)")
        try FileSystem.writeAtomically(text.replacing(old, with: new, maxReplacements: 1), to: path)
    }

    private func refusal(sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let error = #expect(throws: ImportError.self, sourceLocation: sourceLocation) {
            try Importer(into: target).run(bundle)
        }
        #expect(
            try ScratchFolder.files(below: target.root).allSatisfy {
                $0.hasPrefix(".locks/") || $0 == Store.markerName
            },
            sourceLocation: sourceLocation)
        return error?.description ?? ""
    }

    @Test func anImportedRunIsTheSameAndIsVerified() throws {
        try export()
        let summary = try Importer(into: target).run(bundle)
        #expect(summary.isNewRun && summary.artifacts.count == 6)
        #expect(summary.artifacts.allSatisfy { $0.outcome == .imported && $0.missing.isEmpty })
        let location = try RunLocation.find("toy/chain", in: target)
        let verification = try Verifier(
            location, registry: toys, options: .init(samples: 3, seed: 1, threads: 1)
        ).verify()
        #expect(verification.holds, "\(verification.text)")
        let difference = try RunDifference(origin.location, location)
        #expect(difference.text.contains("The runs are the same: 6 stages"), "\(difference.text)")
        // What was imported is whole: a run of it does nothing.
        #expect(try Runner(try parse(chain), store: target).run().stages.allSatisfy { $0.wasCached })
        // Twice is fine and changes nothing.
        let again = try Importer(into: target).run(bundle)
        #expect(!again.isNewRun && again.artifacts.allSatisfy { $0.outcome == .kept })
        // From there it goes on as the same bytes.
        let other = folder.path.appending("other.tar.zst")
        _ = try Exporter(location).export(to: other)
        #expect(try FileSystem.read(other) == FileSystem.read(bundle))
    }

    @Test func whatAnotherExperimentMadeGoesAlong() throws {
        let text = chain.replacing("toy/chain", with: "toy/second").replacing(
            "0.25, 0.5, 1", with: "0.25, 0.75")
        let outcome = try Runner(try parse(text), store: origin.store).run()
        let second = try RunLocation.find(try #require(outcome.record).string, in: origin.store)
        _ = try Exporter(second).export(to: bundle)
        _ = try Importer(into: target).run(bundle)
        let verification = try Verifier(try RunLocation.find("toy/second", in: target), registry: toys)
            .verify()
        #expect(verification.holds, "\(verification.text)")
        #expect(try FileSystem.list(target.root.appending("toy")) == ["chain", "second"])
    }

    @Test func aDamagedArtifactIsNotExported() throws {
        try origin.edit(try origin.artifact("numbers").pushing("data/numbers.txt"), "5", "6")
        let error = #expect(throws: ExportError.self) { try export() }
        #expect(error?.description.contains("data/numbers.txt has the SHA-256") == true)
        #expect(!FileSystem.exists(bundle))
    }

    @Test func nothingOfTheMachineIsExported() throws {
        let run = origin.location.folder
        try origin.edit(
            run.appending("run.json"), #""arguments": []"#, #""arguments": ["/home/alice/bin/d3llm", "run"]"#)
        try FileSystem.writeAtomically(
            "20 [1/6] numbers: waiting for process 12 on alices-laptop, since 20, which makes it\nsee /home/alice/x y\n",
            to: run.appending("log.txt"))
        let location = try RunLocation.find(run.string, in: origin.store)
        _ = try Exporter(location).export(to: bundle)
        try Unpacker().unpack(bundle, into: folder.path.appending("open"))
        var redacted = ""
        for file in try ScratchFolder.files(below: folder.path.appending("open")) {
            let text = try FileSystem.readText(folder.path.appending("open").pushing(FilePath(file)))
            for word in ["alice", origin.store.root.string, Machine.hostName] where word.count > 3 {
                #expect(!text.contains(word), "\(file) has \(word)")
            }
            if file.hasSuffix("bundle.json") { redacted = text }
        }
        #expect(redacted.contains("/log.txt\"") && redacted.contains("/run.json\""))
        _ = try Importer(into: target).run(bundle)
        // In its own store, the run is there already, though its record isn't the same to the byte.
        #expect(try !Importer(into: origin.store).run(bundle).isNewRun)
    }

    enum Fraud: String, CaseIterable {
        case file, fileAndList, recipe, artifactRecord, missing, extra, hidden, content, run, place,
            twoFolders, renamed
    }

    @Test(arguments: Fraud.allCases) func aBundleThatDoesNotHoldIsRefused(fraud: Fraud) throws {
        try export()
        let numbers = try #require(origin.location.record["numbers"]).artifact
        var expected = ""
        try changeBundle { inner in
            let artifact = inner.appending("store").pushing(numbers)
            let file = artifact.pushing("data/numbers.txt")
            let marker = artifact.appending("artifact.json")
            switch fraud {
            case .file:
                try edit(file, "5", "6")
                expected = "isn't what bundle.json says"
            case .fileAndList:
                try edit(file, "5", "6")
                try reindex(inner)
                expected = "has the SHA-256"
            case .recipe:
                try edit(marker, #""order": "rising""#, #""order": "falling""#)
                try reindex(inner)
                expected = "Its recipe has the fingerprint"
            case .artifactRecord:
                try FileSystem.writeAtomically("{", to: marker)
                try reindex(inner)
                expected = "its artifact.json is no JSON"
            case .missing:
                try FileSystem.remove(artifact)
                try reindex(inner)
                expected = "isn't in the store"
            case .extra:
                try FileSystem.writeAtomically("x", to: inner.pushing("store/toy/more.txt"))
                try reindex(inner)
                expected = "belongs neither to the run nor"
            case .hidden:
                try FileSystem.createDirectory(inner.pushing("store/.index"))
                try FileSystem.writeAtomically("toy", to: inner.pushing("store/.index/x"))
                try reindex(inner)
                expected = "belongs neither to the run nor"
            case .content:
                // The metrics of an input, with nothing else to give it away.
                try edit(marker, #""count": 5"#, #""count": 7"#)
                try reindex(inner)
                expected = "isn't what it was made from"
            case .run:
                try edit(inner.appending("bundle.json"), #""run": "toy/chain/"#, #""run": "toy/other/"#)
                expected = "the record of its run can't be read"
            case .place:
                try edit(inner.appending("bundle.json"), #""run": "toy"#, #""run": "../toy"#)
                expected = "isn't inside a store"
            case .twoFolders:
                try FileSystem.writeAtomically("x", to: inner.removingLastComponent().appending("beside"))
                expected = "2 folders instead of one"
            case .renamed:
                try FileSystem.rename(file, to: artifact.pushing("data/other.txt"))
                try reindex(inner)
                expected = "is missing"
            }
        }
        let text = try refusal()
        #expect(text.contains(expected), "\(text)")
    }

    @Test func anotherArtifactOfTheRecipeInTheStoreIsAnError() throws {
        try export()
        _ = try Runner(try parse(chain), store: target).run()
        let numbers = target.root.pushing(try #require(origin.location.record["numbers"]).artifact)
        let marker = numbers.appending("artifact.json")
        try FileSystem.writeAtomically("1\n2", to: numbers.pushing("data/numbers.txt"))
        let damaged = #expect(throws: ImportError.self) { try Importer(into: target).run(bundle) }
        #expect(damaged?.description.contains("something else in the place of numbers") == true)
        let hash = SHA256.hex(of: Array("1\n2".utf8))
        let own = try #require(ArtifactRecord(parsing: FileSystem.read(marker)).files.first)
        try edit(marker, own.sha256, hash)
        try edit(marker, #""size": \#(own.size)"#, #""size": 3"#)
        let other = #expect(throws: ImportError.self) { try Importer(into: target).run(bundle) }
        #expect(other?.description.contains("another artifact of the recipe of numbers") == true)
        #expect(try FileSystem.readText(numbers.pushing("data/numbers.txt")) == "1\n2")
        #expect(try FileSystem.list(target.temporaryFolder) == [])
    }

    @Test func aLinkInTheStoreIsNotFollowed() throws {
        try export()
        let outside = folder.path.appending("outside")
        try FileSystem.createDirectory(outside)
        try FileSystem.createDirectory(target.root)
        try link(outside, at: target.root.appending("toy"))
        let error = #expect(throws: ImportError.self) { try Importer(into: target).run(bundle) }
        #expect(error?.description.contains("is no folder") == true)
        #expect(try FileSystem.list(outside) == [])
    }

    @Test func oneImportAtATime() throws {
        try export()
        let lock = try #require(try ArtifactLock.attempt(target, Store.importName))
        let error = #expect(throws: ImportError.self) { try Importer(into: target).run(bundle) }
        #expect(error?.description.contains("is importing into") == true)
        lock.release()
        _ = try Importer(into: target).run(bundle)
    }
}
