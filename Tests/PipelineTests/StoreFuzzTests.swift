import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Pipeline

/// Damaged files of a store are refused or read; nothing that a file holds may stop the program.
///
/// `D3LLM_FUZZ=1000000` sets the number of mutations of each kind of file, `D3LLM_FUZZ_SEED` what they are drawn from.
@Suite struct StoreFuzzTests {
    let run: FinishedRun
    let count = Int(Command.number("D3LLM_FUZZ") ?? 10_000)

    init() throws { run = try FinishedRun() }

    private static let tokens: [[UInt8]] = [
        "null", "{}", "[]", "\"\"", "true", "-1", "0", "1e999", "-9223372036854775808", "9223372036854775807",
        "99999999999999999999", ",", ":", "\"", "\\", "\\ud800", "\"..\"", "\"/etc\"", "\"a/../../b\"",
        "\u{0}", "\n",
        "\n\n", "[[[[[[[[", "é", "\"format\": 2", "\"more\":9223372036854775807", "\"more\":-1", "\"key\":",
        "\u{FEFF}",
    ].map { Array($0.utf8) }

    struct Draws {
        var state: UInt64
        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
    }

    /// A few changes: bits, bytes, cuts, repetitions, tokens, lines that change places.
    static func mutated(_ seed: [UInt8], _ draws: inout Draws) -> [UInt8] {
        var bytes = seed
        for _ in 0...draws.next(3) where !bytes.isEmpty {
            let at = draws.next(bytes.count)
            let end = min(bytes.count, at + 1 + draws.next(40))
            switch draws.next(8) {
            case 0: bytes[at] ^= UInt8(1 << draws.next(8))
            case 1: bytes[at] = UInt8(draws.next(256))
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.removeSubrange((draws.next(8) == 0 ? at : max(at, bytes.count - 40))...)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: draws.next(bytes.count))
            case 5: bytes.replaceSubrange(at..<end, with: tokens[draws.next(tokens.count)])
            case 6: bytes.insert(contentsOf: tokens[draws.next(tokens.count)], at: at)
            default:
                let start = bytes[..<at].lastIndex(of: 10).map { $0 + 1 } ?? 0
                let stop = bytes[at...].firstIndex(of: 10).map { $0 + 1 } ?? bytes.count
                let line = Array(bytes[start..<stop])
                bytes.insert(contentsOf: line, at: draws.next(2) == 0 ? 0 : bytes.count)
            }
        }
        return bytes
    }

    /// Gives mutations of the seeds to `read`, which says whether it took them.
    private func fuzz(
        _ name: String, _ seeds: [[UInt8]], share: ClosedRange<Double> = 0.0005...0.999,
        sourceLocation: SourceLocation = #_sourceLocation, _ read: ([UInt8]) throws -> Bool
    ) rethrows {
        var draws = Draws(state: Command.number("D3LLM_FUZZ_SEED") ?? 1)
        var taken = 0
        var slowest = Duration.zero
        for _ in 0..<count {
            let bytes = Self.mutated(seeds[draws.next(seeds.count)], &draws)
            let start = ContinuousClock.now
            if try read(bytes) { taken += 1 }
            slowest = max(slowest, start.duration(to: .now))
        }
        // If none or all were taken, the mutations would test nothing.
        #expect(
            share.contains(Double(taken) / Double(count)), "\(taken) of \(count)",
            sourceLocation: sourceLocation)
        #expect(slowest < .seconds(5), sourceLocation: sourceLocation)
        if count > 10_000 {
            print("fuzz: \(name): \(count) mutations, \(taken) still taken, slowest \(slowest)")
        }
    }

    @Test func journals() throws {
        var groups = try JournalText.header("f")
        groups += try JournalText.lines(of: [
            JournalRecord(1, ["a": [1, 2.5, nil]]), JournalRecord("é", "x"),
        ])
        groups += try JournalText.lines(of: (2..<8).map { JournalRecord(.integer($0), ["correct": true]) })
        let whole = groups
        try fuzz("journals", [whole, try JournalText.header("f")]) { bytes in
            do {
                guard let text = try JournalText(parsing: bytes, path: "j", fingerprint: "f") else {
                    return false
                }
                // What is kept of a journal is a journal of the same records.
                let again = try JournalText(
                    parsing: Array(bytes[..<text.wholeLength]), path: "j", fingerprint: "f")
                #expect(again?.wholeLength == text.wholeLength && again?.records == text.records)
                return true
            } catch is JournalError { return false }
        }
    }

    @Test func recordsOfArtifacts() throws {
        let seeds = try run.location.record.stages.map {
            try FileSystem.read(run.artifact($0.stage).appending("artifact.json"))
        }
        fuzz("artifact.json", seeds) { bytes in
            do throws(ArtifactRecord.Flaw) {
                let record = try ArtifactRecord(parsing: bytes)
                // What was taken can be asked for everything.
                _ = record.inputList
                _ = record.content
                _ = IncompleteMarker(of: record, in: "/nowhere")
                _ = try? record.value.prettyBytes()
                return true
            } catch { return false }
        }
    }

    @Test func recordsOfRuns() throws {
        let folder = run.folder.path.appending("fuzzed")
        try FileSystem.createDirectory(folder)
        let path = folder.appending("run.json")
        let seed = try FileSystem.read(run.location.folder.appending("run.json"))
        try fuzz("run.json", [seed]) { bytes in
            // Not atomically: flushing a file a million times tests the disk.
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: FilePermissions(rawValue: 0o600)
            )
            try file.writeAll(bytes)
            try file.close()
            do {
                let record = try RunRecord.read(folder)
                for entry in record.stages {
                    #expect(entry.artifact.isRelative)
                    #expect(entry.artifact.lexicallyNormalized().components.first?.kind == .regular)
                }
                _ = try? record.value.prettyBytes()
                return true
            } catch is RunRecordError { return false }
        }
    }

    @Test func indexLocksMarkersAndBundles() throws {
        let fingerprint = run.location.record.stages[0].fingerprint
        let record = try ArtifactRecord(
            parsing: FileSystem.read(run.artifact("numbers").appending("artifact.json")))
        let index = try FileSystem.read(run.store.root.appending(".index").appending(fingerprint))
        let lock = Array(#"{"process":12,"host":"h","boot":"b","since":"2026-11-21T00:00:00Z"}"#.utf8)
        let marker = try IncompleteMarker(leftOut: ["data/numbers.txt"]).bytes
        let bundle = try Bundle(
            run: "toy/chain/runs/20261121T000000Z-1", files: [.init(path: "store/x", size: 1, sha256: "0")],
            redacted: []
        ).value.prettyBytes()
        let folder = run.folder.path.appending("fuzzed")
        try FileSystem.createDirectory(folder)
        try FileSystem.createDirectory(run.store.root.appending(".locks"))
        func put(_ bytes: [UInt8], _ path: FilePath) throws {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: FilePermissions(rawValue: 0o600)
            )
            try file.writeAll(bytes)
            try file.close()
        }
        try fuzz("index", [index]) { bytes in
            try put(bytes, run.store.root.appending(".index").appending(fingerprint))
            guard let place = run.store.notedLocation(of: fingerprint) else { return false }
            #expect(place.starts(with: run.store.root) && place != run.store.root)
            return true
        }
        try fuzz("locks", [lock]) { bytes in
            try put(bytes, run.store.lockFile(fingerprint))
            return ArtifactLock.holder(run.store, fingerprint) != "another process"
        }
        try fuzz("incomplete.json", [marker], share: 0...0) { bytes in
            try put(bytes, folder.appending(IncompleteMarker.fileName))
            return IncompleteMarker(of: record, in: folder) != nil
        }
        try fuzz("bundle.json", [bundle]) { bytes in
            try put(bytes, folder.appending(Bundle.indexName))
            do {
                _ = try Bundle(in: folder)
                return true
            } catch is ImportError { return false }
        }
    }
}
