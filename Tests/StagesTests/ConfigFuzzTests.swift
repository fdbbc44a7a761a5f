import Files
import JSON
import Pipeline
import Stages
import SystemPackage
import TestSupport
import Testing

/// Damaged configurations are refused or read; nothing that a file holds may stop the program.
///
/// `D3LLM_FUZZ=1000000` sets the number of mutations, `D3LLM_FUZZ_SEED` what they are drawn from.
@Suite struct ConfigFuzzTests {
    /// All configurations of the repository, and one that uses everything that puts files together.
    static func seeds() throws -> [[UInt8]] {
        let folder = Fixtures.path("").removingLastComponent().removingLastComponent().appending("configs")
        let configs = try ScratchFolder.files(below: folder)
            .filter { $0.hasSuffix(".json") && !$0.hasPrefix("schema/") && !$0.hasPrefix("published/") }
            .map { try FileSystem.read(folder.pushing(FilePath($0))) }
        let micro = try FileSystem.read(Fixtures.path("experiments/micro.json"))
        let composed = #"""
            {"extends": ["base.json", "other.json"], "without": ["stages.table", "stages.curve.matrix"], "name": "x",
             "description": "${t}", "variables": {"n": 1, "t": "a${n}$${x}", "list": [0.5, "${n}"], "o": {"threshold": "${n}"}},
             "stages": {"curve": {"decoder": "${o}", "groupSize": "${n}", "matrix": {"decoder.threshold": "${list}"}}}}
            """#
        // The small ones more often: hundreds of variants take their time and are read like the first.
        let small = [micro, Array(composed.utf8), Array(composed.utf8)]
        return configs + (0..<8).flatMap { _ in small }
    }

    static let tokens: [[UInt8]] = [
        "null", "{}", "[]", "\"\"", "\"@\"", "\"@teacher[\"", "\"@problems.\"", "true", "-1", "0", "1e999",
        "1e-320",
        "99999999999999999999", ",", ":", "{", "}", "[", "]", "\"", "\\", "//", "/*", "*/", "\"${n}\"", "${",
        "$${",
        "\"matrix\": {\"a.b\": [1]},", "\"extends\": \"base.json\",", "\"without\": \"stages.teacher\",",
        "\"variables\": {\"n\": \"${n}\"},", "\"seed\": 1,", "\"kind\": \"evaluate\",", "[[[[[[[[", "\u{0}",
        "\u{FEFF}",
        "\\ud800", "é", ".", "[0]", "-",
    ].map { Array($0.utf8) }

    /// A few changes of one text: bits, bytes, cuts, repetitions, tokens, and pieces of itself.
    static func mutated(_ seed: [UInt8], _ next: (Int) -> Int) -> [UInt8] {
        var bytes = seed
        for _ in 0...next(3) where !bytes.isEmpty {
            let at = next(bytes.count)
            let end = min(bytes.count, at + 1 + next(24))
            switch next(9) {
            case 0: bytes[at] ^= UInt8(1 << next(8))
            case 1: bytes[at] = UInt8(next(256))
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.removeSubrange((next(8) == 0 ? at : max(at, bytes.count - 40))...)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: next(bytes.count))
            case 5: bytes.replaceSubrange(at..<end, with: tokens[next(tokens.count)])
            case 6: bytes.insert(contentsOf: tokens[next(tokens.count)], at: at)
            default: swapTokens(&bytes, at, next(bytes.count))
            }
        }
        return bytes
    }

    /// Exchanges the words around two places: a key, a number, what stands between quotes.
    static func swapTokens(_ bytes: inout [UInt8], _ a: Int, _ b: Int) {
        func word(_ at: Int) -> Range<Int> {
            func ends(_ byte: UInt8) -> Bool { " \n,:{}[]".utf8.contains(byte) }
            let start = bytes[..<at].lastIndex(where: ends).map { $0 + 1 } ?? 0
            return start..<(bytes[at...].firstIndex(where: ends) ?? bytes.count)
        }
        let (first, second) = (word(min(a, b)), word(max(a, b)))
        guard first.lowerBound < first.upperBound, first.upperBound <= second.lowerBound else { return }
        let moved = Array(bytes[first])
        bytes.replaceSubrange(first, with: Array(bytes[second]))
        let shift = second.count - first.count
        bytes.replaceSubrange(second.lowerBound + shift..<second.upperBound + shift, with: moved)
    }

    @Test func damagedConfigurationsNeverTrap() throws {
        let seeds = try Self.seeds()
        let extended = try FileSystem.read(Fixtures.path("schema/base.json"))
        let count = Int(Command.number("D3LLM_FUZZ") ?? 20_000)
        var state = Command.number("D3LLM_FUZZ_SEED") ?? 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var read = 0
        var slowest: (time: Duration, text: [UInt8]) = (.zero, [])
        for _ in 0..<count {
            let bytes = Self.mutated(seeds[next(seeds.count)], next)
            // What is extended may be damaged too.
            let base =
                next(4) == 0
                ? Self.mutated(next(2) == 0 ? extended : seeds[next(seeds.count)], next) : extended
            var overrides: [String] = []
            if next(4) == 0 {
                let text = "stages.curve.decoder.threshold=0.5"
                overrides = [String(decoding: Self.mutated(Array(text.utf8), next), as: UTF8.self)]
            }
            let start = ContinuousClock.now
            let configuration = Configuration(
                parsing: bytes, name: "main.json", overrides: overrides, registry: Stages.registry
            ) { _ in base }
            do throws(ConfigurationError) {
                _ = try configuration.experiment()
                read += 1
            } catch { #expect(!error.diagnostics.isEmpty && !error.description.isEmpty) }
            if next(500) == 0 {
                _ = try configuration.resolved(withDefaults: true).compactBytes()
                _ = try? configuration.listing(of: "stages")
            }
            let time = start.duration(to: .now)
            if time > slowest.time { slowest = (time, bytes) }
        }
        // Some damage is harmless; if none or all were, the mutations would test nothing.
        #expect(read > count / 500 && read < count / 2, "\(read) of \(count)")
        #expect(slowest.time < .seconds(5), "\(String(decoding: slowest.text.prefix(4000), as: UTF8.self))")
        if count > 20_000 { print("fuzz: \(count) mutations, \(read) still valid, slowest \(slowest.time)") }
    }
}
