import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

/// Damaged files of a store are refused, made again or read; nothing that they hold may stop the program.
///
/// `D3LLM_FUZZ=1000000` sets the number of mutations of each kind of file, `D3LLM_FUZZ_SEED` what they are drawn from.
@Suite struct StoreFuzzTests {
    static let tokens: [[UInt8]] = [
        "null", "{}", "[]", "\"\"", "true", "-1", "0", "1e999", "1e300", "-1e300", "1e-320",
        "9223372036854775807",
        "-9223372036854775808", "99999999999999999999", "4611686018427387904", ",", ":", "{", "}", "[", "]",
        "\"", "\\",
        "\n", "\r\n", "\u{0}", "\u{FEFF}", "\\ud800", "\\u0000", "é", ".", "..", "/", "../x", "\"../x\"",
        "\"/etc/passwd\"",
        "\"more\":1,", "\"more\":-9223372036854775808,", "\"key\":1,", "\"format\": 2,", "\"format\": -1,",
        "[[[[[[[[",
        "{\"path\": \"x\", \"size\": 9223372036854775807, \"sha256\": \"\"},", "\"finished\"", "\"files\"",
        "\"stages\"",
    ].map { Array($0.utf8) }

    let count = Int(Command.number("D3LLM_FUZZ") ?? 6_000)

    /// Writes without flushing: a million files are written here.
    static func overwrite(_ path: FilePath, _ bytes: [UInt8]) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate], permissions: FilePermissions(rawValue: 0o644))
        defer { try? file.close() }
        try file.writeAll(bytes)
    }

    static func report(_ what: String, _ count: Int, _ read: Int) {
        if Command.number("D3LLM_FUZZ") != nil {
            print("fuzz: \(count) mutations of \(what), \(read) still read")
        }
    }

    @Test func journals() throws {
        var mutations = Mutations(Self.tokens)
        let groups: [[JournalRecord]] = [
            [JournalRecord(0, ["tokens": [1, 2, 3], "correct": true])],
            [JournalRecord(1, 0.25), JournalRecord("é\n", "text"), JournalRecord(3, .null)],
            [JournalRecord("test-4", ["nfe": 12, "text": "3 + 4 = 7\u{2028}"]), JournalRecord(-5, [])],
        ]
        let seed = try JournalText.header("f") + groups.flatMap { try JournalText.lines(of: $0) }
        let folder = try TemporaryFolder()
        let path = folder.path.appending("samples.jsonl")
        var read = 0
        for _ in 0..<count {
            let bytes =
                mutations.next(8) == 0 ? Array(seed[..<mutations.next(seed.count)]) : mutations.mutated(seed)
            do {
                guard let text = try JournalText(parsing: bytes, path: path, fingerprint: "f") else {
                    continue
                }
                read += 1
                // What counts as whole is whole on its own.
                let again = try #require(
                    try JournalText(parsing: Array(bytes[..<text.wholeLength]), path: path, fingerprint: "f"))
                #expect(again.records == text.records && again.wholeLength == text.wholeLength)
                if mutations.next(20) == 0 {
                    try Self.overwrite(path, bytes)
                    let read = try JournalText(reading: path, fingerprint: "f")
                    #expect(read?.records == text.records && read?.wholeLength == text.wholeLength)
                    try resume(path, bytes, text.records)
                }
            } catch let error as JournalError { #expect(!error.description.isEmpty) }
        }
        #expect(read > count / 100 && read < count, "\(read) of \(count)")
        Self.report("journals", count, read)
    }

    /// Opens a journal, goes on from it, and finds all of it again.
    private func resume(_ path: FilePath, _ bytes: [UInt8], _ records: [JournalRecord]) throws {
        try Self.overwrite(path, bytes)
        let new = JournalRecord("new", ["x": 1])
        do {
            let journal = try Journal(path, fingerprint: "f")
            #expect(journal.records == records)
            try journal.append(new.key, new.value)
        }
        #expect(try Journal(path, fingerprint: "f").records == records + [new])
    }

    @Test func recordsOfArtifacts() throws {
        var mutations = Mutations(Self.tokens)
        let run = try FinishedRun()
        let experiment = try parse(chain)
        let marker = try run.artifact("single").appending("artifact.json")
        let single = try #require(experiment.stages.first { $0.id == "single" })
        let seed = try FileSystem.read(marker)
        var read = 0
        for _ in 0..<count {
            let bytes = mutations.next(2) == 0 ? mutations.replacingValue(of: seed) : mutations.mutated(seed)
            do throws(ArtifactRecord.Flaw) {
                let record = try ArtifactRecord(parsing: bytes)
                read += 1
                _ = (record.content, record.inputList)
                if let written = try? record.value.compactBytes() {
                    #expect(try ArtifactRecord(parsing: written).files == record.files)
                }
            } catch {}
            guard mutations.next(100) == 0 else { continue }
            try Self.overwrite(marker, bytes)
            try look(at: run, experiment, single)
        }
        #expect(read > count / 100 && read < count, "\(read) of \(count)")
        Self.report("artifact.json", count, read)
    }

    /// Does all that reads records of artifacts: the stage itself, and another one that is compared with it.
    private func look(at run: FinishedRun, _ experiment: Experiment, _ stage: Stage) throws {
        do {
            if case .whole(let artifact) = try run.store.find(stage, in: experiment) {
                #expect(artifact.record.fingerprint == stage.fingerprint)
            }
            let forecaster = Forecaster(ToyMeter(), threads: 2)
            for changes in [[], ["stages.single.decoder.delay=3"]] {
                let plan = try Plan(try parse(chain, set: changes), store: run.store, forecaster: forecaster)
                #expect(!plan.text.isEmpty)
                #expect(try !plan.reasons(for: "single").isEmpty)
                _ = try? plan.value.compactBytes()
            }
            #expect(!(try run.verify().text.isEmpty))
            #expect(!(try RunDifference(run.location, run.location).text.isEmpty))
        } catch let error as StoreError { #expect(error.description.contains("Use the newer version")) }
    }

    @Test func recordsOfRuns() throws {
        var mutations = Mutations(Self.tokens)
        let run = try FinishedRun()
        let path = run.location.folder.appending("run.json")
        let new = try FileSystem.read(path)
        let old = Array(
            String(decoding: new, as: UTF8.self).replacing("\"format\": 2", with: "\"format\": 1")
                .replacing("\"toy/chain/", with: "\"").utf8)
        var read = 0
        for _ in 0..<count {
            let seed = mutations.next(4) == 0 ? old : new
            let bytes = mutations.next(2) == 0 ? mutations.replacingValue(of: seed) : mutations.mutated(seed)
            try Self.overwrite(path, bytes)
            do {
                let record = try RunRecord.read(run.location.folder)
                read += 1
                for entry in record.stages { #expect(!entry.artifact.string.hasPrefix("/")) }
                _ = try? record.value.compactBytes()
                guard mutations.next(100) == 0 else { continue }
                _ = try? run.store.artifact(of: record.stages[0])
                let location = try RunLocation.find(run.location.folder.string, in: run.store)
                for (a, b) in [(location, run.location), (run.location, location)] {
                    let difference = try RunDifference(a, b)
                    #expect(!difference.text.isEmpty)
                    _ = try? difference.json.compactBytes()
                }
                #expect(!(try run.verify().text.isEmpty))
            } catch let error as RunRecordError { #expect(!error.description.isEmpty) }
        }
        #expect(read > count / 100 && read < count, "\(read) of \(count)")
        Self.report("run.json", count, read)
    }

    @Test func notesOfPlaces() throws {
        var mutations = Mutations(Self.tokens)
        let run = try FinishedRun()
        let fingerprint = try #require(run.location.record["single"]).fingerprint
        let elsewhere = try parse(chain.replacing("toy/chain", with: "toy/other"))
        let stage = try #require(elsewhere.stages.first { $0.id == "single" })
        let file = run.store.root.appending(".index").appending(fingerprint)
        let seed = try FileSystem.read(file)
        var read = 0
        for _ in 0..<count {
            try Self.overwrite(file, mutations.mutated(seed))
            if let place = run.store.notedLocation(of: fingerprint) {
                #expect(place.starts(with: run.store.root))
                #expect(place.components.allSatisfy { $0.kind == .regular })
            }
            switch try run.store.find(stage, in: elsewhere) {
            case .whole(let artifact):
                read += 1
                #expect(artifact.record.fingerprint == fingerprint)
            case .absent: break
            case .damaged(let reason): Issue.record("\(reason)")
            }
        }
        #expect(read > 0 && read < count)
        Self.report(".index", count, read)
    }

    @Test func locks() throws {
        var mutations = Mutations(Self.tokens)
        let folder = try TemporaryFolder()
        let store = Store(folder.path)
        let file = folder.path.appending(".locks").appending("f.lock")
        let lock = try #require(try ArtifactLock.attempt(store, "f"))
        let seed = try FileSystem.read(file)
        lock.release()
        var read = 0
        for _ in 0..<count {
            try Self.overwrite(file, mutations.mutated(seed))
            #expect(!ArtifactLock.holder(store, "f").isEmpty)
            let lock = try #require(try ArtifactLock.attempt(store, "f"))
            if lock.deadOwner != nil { read += 1 }
            lock.release()
            #expect(try FileSystem.status(file)?.size == 0)
        }
        #expect(read > 0 && read < count)
        Self.report(".locks", count, read)
    }

    @Test func listsOfWhatWasLeftOut() throws {
        var mutations = Mutations(Self.tokens)
        let run = try FinishedRun()
        let record = try ArtifactRecord(
            parsing: FileSystem.read(run.artifact("numbers").appending("artifact.json")))
        let seed = try IncompleteMarker(leftOut: ["data/numbers.txt"]).bytes
        for _ in 0..<count {
            try Self.overwrite(run.folder.path.appending(IncompleteMarker.fileName), mutations.mutated(seed))
            // Only weights may be left out, and this artifact has none.
            #expect(IncompleteMarker(of: record, in: run.folder.path) == nil)
        }
        Self.report("incomplete.json", count, 0)
    }

    @Test func indexesOfBundles() throws {
        var mutations = Mutations(Self.tokens)
        let folder = try TemporaryFolder()
        let seed = try Bundle(
            run: "toy/chain/runs/20261121T000000Z-1", files: [.init(path: "store/x", size: 1, sha256: "0")],
            redacted: []
        ).value.prettyBytes()
        var read = 0
        for _ in 0..<count {
            try Self.overwrite(folder.path.appending(Bundle.indexName), mutations.mutated(seed))
            do {
                _ = try Bundle(in: folder.path)
                read += 1
            } catch let error as ImportError { #expect(!error.description.isEmpty) }
        }
        #expect(read > 0 && read < count)
        Self.report("bundle.json", count, read)
    }
}
