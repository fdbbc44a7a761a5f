import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a store promises of the files in it: whose they are, and that they are what was recorded.
@Suite struct StoreSafetyTests {
    let folder: TemporaryFolder
    var store: Store { Store(folder.path.appending("store")) }
    let small = stages(#""n": {"kind": "source", "count": 3}, "c": {"kind": "curve", "data": "@n"}"#)

    init() throws { folder = try TemporaryFolder() }

    private func run(
        _ text: String? = nil, in store: Store? = nil, set: [String] = [], registry: StageRegistry = toys,
        _ log: Log = Log(), keepsGoing: Bool = false
    ) throws -> RunOutcome {
        let experiment = try Experiment.parse(
            Array((text ?? small).utf8), name: "toy.json", overrides: set, registry: registry)
        return try Runner(
            experiment, store: store ?? self.store, options: .init(jobs: 1, keepsGoing: keepsGoing),
            reporter: log.reporter
        ).run()
    }

    /// Changes a byte of a file without making a new one, and puts its time back as it was.
    private func flip(_ path: FilePath, at offset: Int) throws {
        var info = stat()
        #expect(path.withPlatformString { stat($0, &info) } == 0)
        let bytes = try FileSystem.read(path)
        let file = try FileDescriptor.open(path, .writeOnly)
        try file.writeAll(toAbsoluteOffset: Int64(offset), [bytes[offset] ^ 1])
        try file.close()
        _ = path.withPlatformString { utimensat(AT_FDCWD, $0, [info.st_atim, info.st_mtim], 0) }
    }

    // MARK: Bytes that changed

    @Test("a changed file is never used", arguments: [true, false])
    func changedBytes(hasFacts: Bool) throws {
        let made = try run()
        let source = made.stages[0].artifact
        for file in source.record.files {
            for offset in [0, file.size / 2, file.size - 1] {
                // Stores of earlier versions have no facts.
                if !hasFacts { try FileSystem.remove(store.root.appending(".facts")) }
                try flip(source.folder.pushing(FilePath(file.path)), at: offset)
                let log = Log()
                let again = try run(set: ["stages.c.decoder.threshold=0.\(offset + 2)"], log)
                #expect(!again.stages[0].wasCached)
                #expect(log.text.contains("its file \(file.path) has changed"), "\(log.text)")
                #expect(again.stages[0].artifact.record.content == source.record.content)
            }
        }
        #expect(try run().stages.allSatisfy { $0.wasCached })
    }

    @Test func aFileThatWasOnlyTouchedIsHashedOnceAndUsed() throws {
        let source = try run().stages[0].artifact
        let facts = store.root.appending(".facts").appending(source.record.fingerprint)
        let before = try FileSystem.read(facts)
        try touch(source.folder.pushing(FilePath(source.record.files[0].path)), secondsSince1970: 1)
        #expect(try run().stages.allSatisfy { $0.wasCached })
        let after = try FileSystem.read(facts)
        #expect(after != before)
        #expect(try run().stages.allSatisfy { $0.wasCached })
        #expect(try FileSystem.read(facts) == after)
    }

    @Test func whatAnotherExperimentMadeAndLostIsMadeAgainBesideIt() throws {
        let source = try run().stages[0].artifact
        try flip(source.folder.pushing(FilePath(source.record.files[0].path)), at: 0)
        let again = try run(small.replacing("\"toy\"", with: "\"other\""))
        #expect(!again.stages[0].wasCached && again.stages[0].artifact.folder != source.folder)
        #expect(again.stages[0].artifact.record.content == source.record.content)
    }

    @Test func anInputThatChangesWhileItIsReadIsAnErrorThatNamesIt() throws {
        let registry = StageRegistry([ToySource.self, ToyMeddler.self])
        let text = stages(#""n": {"kind": "source", "count": 3}, "m": {"kind": "meddler", "data": "@n"}"#)
        let error = #expect(throws: StageFailure.self) { try run(text, registry: registry) }
        let description = error?.description ?? ""
        #expect(
            description.contains("The input n") && description.contains("data/numbers.txt"), "\(description)")
    }

    // MARK: A file with the record's name

    @Test func aStageThatLeavesAFileCalledAsTheRecordFailsAlone() throws {
        let registry = StageRegistry([ToySource.self, ToyForger.self])
        let text = stages(
            #""f": {"kind": "forger"}, "d": {"kind": "forger", "asFolder": true}, "n": {"kind": "source", "count": 3}"#
        )
        let error = #expect(throws: RunFailure.self) { try run(text, registry: registry, keepsGoing: true) }
        #expect(
            error?.description.contains("is called artifact.json") == true, "\(error.map { "\($0)" } ?? "")")
        let stage = try #require(
            try Experiment.parse(Array(text.utf8), name: "toy.json", registry: registry)["n"])
        let experiment = try Experiment.parse(Array(text.utf8), name: "toy.json", registry: registry)
        guard case .whole = try store.find(stage, in: experiment) else {
            Issue.record("the other stage is lost")
            return
        }
    }

    // MARK: Journals

    @Test func nothingIsCutOffAFileThatIsNoJournal() throws {
        let fingerprint = String(repeating: "a", count: 64)
        let header = try JournalText.header(fingerprint)
        let path = folder.path.appending("samples.jsonl")
        // What a kill leaves of the first line is one's own.
        for length in 0..<header.count {
            try FileSystem.writeAtomically(header[..<length], to: path)
            #expect(try Journal(path, fingerprint: fingerprint).count == 0)
        }
        var foreign = [
            "hf_token", "x", " ", "{\"journal\":1", "\u{0}\u{1}",
            "{\"journal\":2,\"fingerprint\":\"\(fingerprint)",
        ]
        .map { Array($0.utf8) }
        for index in stride(from: 0, to: header.count - 1, by: 7) {
            var changed = Array(header.dropLast())
            changed[index] ^= 1
            foreign.append(changed)
        }
        for bytes in foreign where !header.starts(with: bytes) {
            try FileSystem.writeAtomically(bytes, to: path)
            #expect(throws: JournalError.self) { try Journal(path, fingerprint: fingerprint) }
            #expect(try FileSystem.read(path) == bytes)
            // Nor through a link, whatever it leads to.
            let linked = folder.path.appending("linked.jsonl")
            try FileSystem.remove(linked)
            try link(path, at: linked)
            #expect(throws: FileError.self) { try Journal(linked, fingerprint: fingerprint) }
            #expect(try FileSystem.read(path) == bytes)
        }
    }

    // MARK: Where artifacts came from

    @Test func importedArtifactsAreSaidToBeImportedAndCanBeLeftOut() throws {
        let made = try run(chain)
        let location = try RunLocation.find("toy/chain", in: store)
        let bundle = folder.path.appending("theirs.tar.zst")
        _ = try Exporter(location).export(to: bundle)
        let other = Store(folder.path.appending("other"))
        _ = try Importer(into: other).run(bundle)
        let hash = try SHA256.hex(ofFile: bundle).prefix(12)
        let sentence = "6 of 6 stages are imported from theirs.tar.zst (SHA-256 \(hash)…): not made here."
        let log = Log()
        let used = try run(chain, in: other, log)
        #expect(used.stages.allSatisfy { $0.wasCached } && log.text.contains(sentence), "\(log.text)")
        #expect(used.stages.allSatisfy { $0.artifact.record.origin?.bundle == "theirs.tar.zst" })
        let plan = try Plan(parse(chain), store: other).text
        #expect(plan.contains("IMPORTED from theirs.tar.zst") && plan.contains("not made here."), "\(plan)")
        let verified = try Verifier(RunLocation.find("toy/chain", in: other), registry: toys).verify()
        #expect(verified.holds && verified.text.contains("6 of 6 artifacts are imported"), "\(verified.text)")
        // Given away again, it is the same bundle.
        let again = folder.path.appending("again.tar.zst")
        let run = try RunLocation.find(location.address, in: other)
        _ = try Exporter(run).export(to: again)
        #expect(try FileSystem.read(again) == FileSystem.read(bundle))
        // Who trusts nobody makes everything again, and what he made is his from then on.
        let own = Store(other, trust: .own)
        #expect(try Plan(parse(chain), store: own).entries.allSatisfy { $0.status != .cached })
        let mine = try self.run(chain, in: own)
        #expect(mine.stages.allSatisfy { !$0.wasCached && $0.artifact.record.origin == nil })
        #expect(mine.stages.map(\.artifact.record.content) == made.stages.map(\.artifact.record.content))
        #expect(try self.run(chain, in: own).stages.allSatisfy { $0.wasCached })
    }

    /// What was made here from what others made isn't one's own either.
    @Test func whatWasMadeFromImportedArtifactsIsNotOwn() throws {
        _ = try run(stages(#""n": {"kind": "source", "count": 3}"#))
        let bundle = folder.path.appending("theirs.tar.zst")
        _ = try Exporter(RunLocation.find("toy", in: store)).export(to: bundle)
        let other = Store(folder.path.appending("other"))
        _ = try Importer(into: other).run(bundle)
        let mixed = try run(in: other)
        #expect(mixed.stages.map(\.wasCached) == [true, false])
        let own = Store(other, trust: .own)
        #expect(try Plan(parse(small), store: own).entries.map(\.status) == [.run, .run])
        #expect(try run(in: own).stages.map(\.wasCached) == [false, true])
    }

    // MARK: Locks

    @Test func whoMayOnlyReadCanNotKeepARunFromGoingOn() throws {
        _ = try run()
        let reader = try FileDescriptor.open(store.root, .readOnly, options: .directory)
        defer { try? reader.close() }
        #expect(flock(reader.rawValue, LOCK_EX | LOCK_NB) == 0)
        // With the lock of the folder held by somebody else all the time.
        #expect(try run().stages.allSatisfy { $0.wasCached })
        #expect(try !run(set: ["seed=2"]).stages[0].wasCached)
        for name in try FileSystem.list(store.locksFolder) {
            var info = stat()
            #expect(lstat(store.locksFolder.appending(name).string, &info) == 0)
            #expect(info.st_mode & 0o077 == 0, "\(name)")
        }
    }

    @Test func theFilesOfLocksAreForThoseWhoMayWrite() throws {
        for (mode, expected) in [(0o755, 0o600), (0o700, 0o600), (0o775, 0o660), (0o777, 0o666)]
            as [(mode_t, mode_t)]
        {
            let place = folder.path.appending("\(mode)")
            try FileSystem.createDirectory(place)
            #expect(chmod(place.string, mode) == 0)
            try FileSystem.writeAtomically("", to: place.appending("old.lock"))
            for name in ["new.lock", "old.lock"] {
                try LockFile.open(FilePath.Component(name), in: Folder(place)).close()
                var info = stat()
                #expect(stat(place.appending(name).string, &info) == 0)
                #expect(info.st_mode & 0o777 == expected, "\(name) \(String(mode, radix: 8))")
            }
        }
    }

    @Test func whoeverWaitsCanBeToldToStop() throws {
        _ = try run()
        let gate = try FileDescriptor.open(store.locksFolder.appending("gate.lock"), .readWrite)
        defer { try? gate.close() }
        #expect(flock(gate.rawValue, LOCK_EX | LOCK_NB) == 0)
        let stopping = StoreGate.Waiting(cancellation: Cancellation { true })
        #expect(throws: Interrupted.self) { try StoreGate(store, stopping) }
        #expect(throws: RunInterrupted.self) {
            try Runner(try parse(small, set: ["seed=2"]), store: store, cancellation: Cancellation { true })
                .run()
        }
    }

    // MARK: Names

    @Test func onlyNamesOfTheProgramAreTakenForItsOwn() {
        let print = String(repeating: "0123456789abcdef", count: 4)
        for name in ["\(print).1f", "\(print).1f.old", "\(print).note-1f", "import.ffffffff"] {
            #expect(StoreName.owner(ofTemporary: name) != nil, "\(name)")
        }
        for name in [
            "", ".", "a.b", "data.csv", print, "\(print).", "\(print).x", "\(print).1F", "\(print).1f.new",
            "\(print).note-",
            "\(print).1f.old.old", "\(print)..old", "\(print.uppercased()).1f", "\(print)0.1f",
            "\(print.dropLast()).1f",
            "import", "import.csv", "\(print).\(String(repeating: "1", count: 17))", "\(print).1f\u{301}",
            "\(print)\u{301}.1f",
        ] {
            #expect(StoreName.owner(ofTemporary: name) == nil, "\(name)")
        }
        let holder = String(repeating: "a", count: 32)
        for name in [
            "\(print).lock", "\(print).lease", "import.lock", "\(print).\(holder).next",
            "\(print).\(holder).claim",
        ] {
            #expect(StoreName.owner(ofLock: name) != nil, "\(name)")
        }
        for name in [
            "a.lock", "\(print).locks", "\(print).x.next", "\(print).\(holder)", "yarn.lock", ".lock",
        ] {
            #expect(StoreName.owner(ofLock: name) == nil, "\(name)")
        }
        for name in ["student-0123456789ab.20260101T000000Z", "a.20260101T000000Z-17"] {
            #expect(StoreName.isDamaged(name), "\(name)")
        }
        for name in [
            "holiday.2023", "a.20260101", "20260101T000000Z", "a.20260101T000000Z-", "a.20260101T000000Z-x",
            "a.2026-01-01",
        ] {
            #expect(!StoreName.isDamaged(name), "\(name)")
        }
        for name in ["gate.lock", "gate.lease", "gate-1f.lease", "gate-1f.\(holder).claim"] {
            #expect(StoreGate.isGate(name), "\(name)")
        }
        for name in ["gate", "gates", "gate-keeper.txt", "gate-x.lease", "gateau.lock"] {
            #expect(!StoreGate.isGate(name), "\(name)")
        }
    }

    // MARK: The marker

    @Test func onlyStoresOfTheProgramAreTidied() throws {
        let name = "\(String(repeating: "0123456789abcdef", count: 4)).1f"
        func leftovers(_ store: Store) throws -> Bool {
            let place = store.temporaryFolder.appending(name)
            try FileSystem.createDirectory(place)
            store.sweepTemporaryFolders()
            return FileSystem.exists(place)
        }
        // A new one has its marker.
        _ = try run()
        #expect(FileSystem.exists(store.root.appending(".d3llm-store")))
        #expect(try !leftovers(store))
        // One of an earlier version is known by what its index leads to, and gets one.
        try FileSystem.remove(store.root.appending(".d3llm-store"))
        #expect(try store.isOwn() && !leftovers(store))
        #expect(FileSystem.exists(store.root.appending(".d3llm-store")))
        // A folder of somebody's own is none.
        let mine = Store(folder.path.appending("mine"))
        try FileSystem.createDirectory(mine.root.appending(".index"))
        try FileSystem.writeAtomically(
            "x/y", to: mine.root.pushing(".index").appending(String(repeating: "a", count: 64)))
        #expect(try !mine.isOwn() && leftovers(mine))
    }

    @Test func aFileWhoseNameIsNoTextIsOneTooMany() throws {
        let made = try run()
        let artifact = made.stages[0].artifact.folder
        var path = Array("\(artifact)/".utf8CString.dropLast())
        path += [CChar(bitPattern: 0xFF), 0]
        let file = path.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o600) } ?? -1
        }
        #expect(file >= 0)
        close(file)
        let text = try Verifier(RunLocation.find("toy", in: store), registry: toys).verify().text
        #expect(text.contains("whose name isn't UTF-8), which its artifact.json doesn't list"), "\(text)")
    }

    @Test func aConfigurationIsGivenAwayWithoutFolders() throws {
        let text = #"""
            {"stages": {"m": {"kind": "model-folder", "path": "/home/ada/secret project/model", "digest": "x"},
            "d": {"kind": "local-files", "path": "../ada/data.jsonl"}, "e": {"kind": "local-files", "path": "data/x.jsonl"},
            "p": {"kind": "x", "prompt": "look at /etc/passwd", "list": [{"path": "~/ada/y"}]}}}
            """#
        let value = JSONValue(try JSONDocument(parsing: Array(text.utf8), name: "").root)
        let cleaned = String(decoding: try Redaction.configuration(value).compactBytes(), as: UTF8.self)
        #expect(!cleaned.contains("ada") && !cleaned.contains("secret"))
        for kept in [
            "/left-out-by-export/model", "/left-out-by-export/y", "\"data/x.jsonl\"", "look at /etc/passwd",
        ] {
            #expect(cleaned.contains(kept), "\(cleaned)")
        }
    }
}

/// Changes its input while it reads it.
private struct ToyMeddler: StageKind {
    static let name = "meddler"
    static let version = 1
    static let summary = "Changes its input."
    static let output = ArtifactType.curve
    let data: ArtifactReference

    init(_ fields: Fields) { data = fields.artifact("data", types: [.numbers], "What is changed.") }

    func run(_ context: StageContext) throws -> StageResult {
        let path = context.folder(of: data).pushing("data/numbers.txt")
        let file = try FileDescriptor.open(path, .writeOnly)
        try file.writeAll("7".utf8)
        try file.close()
        return StageResult(summary: "read")
    }
}

/// Leaves a file with the name of the record.
private struct ToyForger: StageKind {
    static let name = "forger"
    static let version = 1
    static let summary = "Leaves a record of its own."
    static let output = ArtifactType.numbers
    let asFolder: Bool

    init(_ fields: Fields) { asFolder = fields.flag("asFolder", default: false, "As a folder.") }

    func run(_ context: StageContext) throws -> StageResult {
        let path = context.output.appending("artifact.json")
        if asFolder {
            try FileSystem.createDirectory(path)
        } else {
            try FileSystem.writeAtomically("{}", to: path)
        }
        return StageResult(summary: "forged")
    }
}
