import Files
import JSON
import Recipes
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

    @Test func damagedConfigurationsNeverTrap() throws {
        let seeds = try Self.seeds()
        let extended = try FileSystem.read(Fixtures.path("schema/base.json"))
        let count = Int(Command.number("D3LLM_FUZZ") ?? 20_000)
        var mutations = Mutations(Self.tokens)
        var read = 0
        var slowest: (time: Double, text: [UInt8]) = (0, [])
        for _ in 0..<count {
            let bytes = mutations.mutated(seeds[mutations.next(seeds.count)])
            // What is extended may be damaged too.
            let base =
                mutations.next(4) == 0
                ? mutations.mutated(mutations.next(2) == 0 ? extended : seeds[mutations.next(seeds.count)])
                : extended
            var overrides: [String] = []
            if mutations.next(4) == 0 {
                let text = "stages.curve.decoder.threshold=0.5"
                overrides = [String(decoding: mutations.mutated(Array(text.utf8)), as: UTF8.self)]
            }
            let start = ThreadTime.now()
            let configuration = Configuration(
                parsing: bytes, name: "main.json", overrides: overrides, registry: Stages.registry
            ) { _ in base }
            do throws(ConfigurationError) {
                _ = try configuration.experiment()
                read += 1
            } catch { #expect(!error.diagnostics.isEmpty && !error.description.isEmpty) }
            if mutations.next(500) == 0 {
                _ = try configuration.resolved(withDefaults: true).compactBytes()
                _ = try? configuration.listing(of: "stages")
            }
            let time = ThreadTime.now() - start
            if time > slowest.time { slowest = (time, bytes) }
        }
        // Some damage is harmless; if none or all were, the mutations would test nothing.
        #expect(read > count / 500 && read < count / 2, "\(read) of \(count)")
        #expect(slowest.time < 5, "\(String(decoding: slowest.text.prefix(4000), as: UTF8.self))")
        if count > 20_000 {
            print("fuzz: \(count) mutations, \(read) still valid, slowest \(slowest.time) s")
        }
    }
}
