import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

@Suite struct DreamFamilyTests {
    private func configuration(_ change: (String) -> String = { $0 }) throws -> TransformerConfiguration {
        let text = try FileSystem.readText(Fixtures.path("golden/models/dream_b/config.json"))
        let document = try JSONDocument(parsing: Array(change(text).utf8), name: "config.json")
        return try DreamFamily.configuration(document.root)
    }

    @Test("the options of a Dream checkpoint are read")
    func reading() throws {
        let c = try configuration()
        #expect(c.layers == 3 && c.width == 96 && c.heads == 4 && c.keyValueHeads == 2)
        #expect(c.feedForwardWidth == 224 && c.vocabulary == 320 && c.ropeTheta == 1_000_000)
        #expect(c.tiedHead && c.queryKeyValueBias && c.logitShift && c.attention == .bidirectional)
        #expect(c.maskToken == 319 && c.endToken == 318)
    }

    @Test("what is not implemented is refused by name")
    func refused() {
        for (found, put, expected) in [
            ("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"yarn\"}", "rope_scaling"),
            ("\"silu\"", "\"gelu\"", "hidden_act"),
            ("\"use_sliding_window\": false", "\"use_sliding_window\": 1", "use_sliding_window"),
        ] {
            #expect {
                _ = try configuration { $0.replacing(found, with: put) }
            } throws: {
                "\($0)".contains(expected)
            }
        }
    }

    @Test("a configuration survives being written and read", arguments: [false, true])
    func roundTrip(tied: Bool) throws {
        var c = try configuration()
        c.tiedHead = tied
        let bytes = try DreamFamily.document(for: c, type: .float32).prettyBytes()
        #expect(try DreamFamily.configuration(JSONDocument(parsing: bytes, name: "config.json").root) == c)
    }
}
