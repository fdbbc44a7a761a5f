import JSON
import TestSupport
import Testing

/// The numbers that Python's json writes and JSON doesn't have.
struct NonFiniteTests {
    private func parse(_ text: String, allow: Bool = true) throws(JSONSyntaxError) -> JSONNode {
        try JSONDocument(parsing: Array(text.utf8), name: "t", allowNonFinite: allow).root
    }

    @Test func theyAreReadWhereTheyAreAllowed() throws {
        let text = #"{"a": [NaN, Infinity, -Infinity, -1], "b": -Infinity}"#
        let value = JSONValue(try parse(text))
        #expect(value["a"]?.array?[0].double?.isNaN == true)
        #expect(value["a"]?.array?.dropFirst().map(\.double) == [.infinity, -.infinity, -1])
        #expect(value["a"]?.array?[1].int == nil)
        // Who asks for a number gets none that isn't finite.
        #expect(try parse(text)["b"]?.double == nil && parse(text)["b"]?.int == nil)
        #expect(throws: JSONSyntaxError.self) { try parse(text, allow: false) }
        for word in ["NaN", "Infinity", "-Infinity"] {
            #expect(throws: JSONSyntaxError.self, "\(word)") { try parse(word, allow: false) }
            #expect(throws: Never.self, "\(word)") { try parse(word) }
        }
    }

    @Test(arguments: [
        "-NaN", "+Infinity", "--Infinity", "Infinit", "-Infinit", "Infinityx", "infinity", "nan", "inf",
        "-inf", "1Infinity",
        "Infinity1", "- Infinity", "-", "-Infinity Infinity", "[NaN,]",
    ])
    func nothingElseIsOne(text: String) {
        #expect(throws: JSONSyntaxError.self) { try parse(text) }
    }

    @Test func theyAreWrittenWhereTheyAreAllowed() throws {
        let value: JSONValue = [.number(.nan), .number(.infinity), ["a": .number(-.infinity)], 1.5, 2]
        #expect(throws: JSONWritingError.self) { try value.compactBytes() }
        #expect(throws: JSONWritingError.self) { try value.canonicalBytes() }
        let text = String(decoding: try value.compactBytes(allowNonFinite: true), as: UTF8.self)
        #expect(text == #"[NaN,Infinity,{"a":-Infinity},1.5,2]"#)
        let finite: JSONValue = ["a": [1, 2.5, "x"]]
        #expect(try finite.compactBytes(allowNonFinite: true) == finite.compactBytes())
    }
}

/// Whatever bytes come, the parser reads them or says where they are wrong.
struct JSONFuzzTests {
    private static let tokens =
        [
            "null", "true", "NaN", "-Infinity", "-", "-0", "1e999", "1e-999", "9223372036854775808", "0.1",
            "{", "}", "[", "]", ":",
            ",", "\"", "\\", "\\u0000", "\\ud800", "\\ud834\\udd1e", "\\u12", "//", "/*", "*/", "\u{FEFF}",
            "\u{0}", "\u{301}",
            "[[[[[[[[[[[[", "{\"a\":{\"a\":",
        ].map { Array($0.utf8) } + [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]

    @Test func everyTextIsReadOrRefusedWithItsPlace() throws {
        let seeds = [
            #"{"a": [1, -2.5e3, true, null], "b": {"c\u00e9\n": "\ud834\udd1e x"}, "d": []}"#,
            "// c\n[1, /* d */ {\"k\": [[[]]]}, NaN, -Infinity, \"é你\"]",
        ].map { Array($0.utf8) }
        var mutations = Mutations(Self.tokens)
        let count = Int(Command.number("D3LLM_FUZZ") ?? 20_000)
        var read = 0
        for round in 0..<count {
            let bytes = mutations.mutated(seeds[mutations.next(seeds.count)])
            do throws(JSONSyntaxError) {
                let document = try JSONDocument(
                    parsing: bytes, name: "t", allowComments: round % 2 == 0, allowNonFinite: round % 3 == 0)
                read += 1
                let value = JSONValue(document.root)
                // What is written is read again as the same, if it can be written.
                guard let written = try? value.compactBytes() else { continue }
                let again = JSONValue(try JSONDocument(parsing: written, name: "t").root)
                #expect((try? again.canonicalBytes()) == (try? value.canonicalBytes()))
            } catch {
                #expect(error.line >= 1 && error.column >= 1 && !error.message.isEmpty)
            }
        }
        #expect(read > count / 100 && read < count)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":["])
    func nestingOfAnyDepthIsReadOrRefused(opening: String) {
        for count in [1, 85, 128, 255, 256, 257, 100_000] {
            let text = String(repeating: opening, count: count)
            #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: Array(text.utf8), name: "t") }
        }
    }
}
