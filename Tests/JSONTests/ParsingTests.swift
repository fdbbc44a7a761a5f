import JSON
import Testing

@Suite struct ParsingTests {
    func parse(_ text: String, comments: Bool = false) throws(JSONSyntaxError) -> JSONNode {
        try JSONDocument(parsing: Array(text.utf8), name: "t.json", allowComments: comments).root
    }

    func failure(_ text: String, comments: Bool = false) -> JSONSyntaxError? {
        do throws(JSONSyntaxError) {
            _ = try parse(text, comments: comments)
            return nil
        } catch { return error }
    }

    @Test func readsEveryKindOfValueWithItsRange() throws {
        let text = #"{"a": [1, -2.5e3, true], "b": null, "c": {"d": "x"}}"#
        let root = try parse(text)
        #expect(root["a"]?.array?.map(\.double) == [1, -2500, nil])
        #expect(root["a"]?.array?[1].int == -2500)
        #expect(root["a"]?.array?[2].bool == true)
        #expect(root["b"]?.isNull == true)
        #expect(root["c"]?["d"]?.string == "x")
        #expect(root["nothing"] == nil)
        let range = try #require(root["a"]?.array?[1].range)
        #expect(String(decoding: Array(text.utf8)[range], as: UTF8.self) == "-2.5e3")
        let member = try #require(root.members?.last)
        #expect(String(decoding: Array(text.utf8)[member.keyRange], as: UTF8.self) == #""c""#)
    }

    @Test func keepsIntegersExactly() throws {
        #expect(try parse("9223372036854775807").int == .max)
        #expect(try parse("-9223372036854775808").int == .min)
        #expect(try parse("9223372036854775808").int == nil)
        #expect(try parse("1e3").int == 1000)
        #expect(try parse("1.5").int == nil)
        #expect(try parse("1e400").double == nil)
        guard case .number(let number) = try parse("1.10").value else {
            Issue.record("no number")
            return
        }
        #expect(number.text == "1.10")
    }

    @Test func resolvesEscapes() throws {
        #expect(try parse(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z""#).string == "a\"\\/\u{8}\u{c}\n\r\té😀z")
        #expect(try parse(#""\u0000""#).string == "\0")
    }

    @Test func tellsComposedFromDecomposedKeys() throws {
        let root = try parse("{\"\u{e9}\": 1, \"e\u{301}\": 2}")
        #expect(root.members?.count == 2)
        #expect(root["\u{e9}"]?.int == 1 && root["e\u{301}"]?.int == 2)
    }

    @Test(arguments: [
        ("", 1, 1, "ends where a value"), ("{", 1, 2, "ends inside an object"),
        ("[1,]", 1, 4, "comma may not"),
        (#"{"a":1,}"#, 1, 8, "comma may not"), ("[1 2]", 1, 4, "comma or ]"), ("[1", 1, 1, "never closed"),
        ("01", 1, 1, "zero"), ("1.", 1, 1, "digit should follow"), ("-", 1, 1, "digit"),
        ("+1", 1, 1, "value"),
        (".5", 1, 1, "value"), ("1e", 1, 1, "exponent"), ("NaN", 1, 1, "finite"),
        ("tru", 1, 1, "double quotes"),
        ("True", 1, 1, "Python"), ("{'a': 1}", 1, 2, "double quotes"), (#"{"a" 1}"#, 1, 6, "colon"),
        (#"{"a":1,"b":2,"a":3}"#, 1, 14, "already set"), ("\"a\nb\"", 1, 1, "line break"),
        ("\"a\u{1}\"", 1, 3, "control"), (#""\x""#, 1, 2, "no escape"), (#""\u12g4""#, 1, 2, "hexadecimal"),
        (#""\ud800""#, 1, 2, "surrogate"), (#""\ud800\u0041""#, 1, 2, "surrogate"),
        (#""\udc00""#, 1, 2, "surrogate"),
        ("1 2", 1, 3, "only one value"), ("// x\n1", 1, 1, "Comments aren't"),
        ("{\n  \"é\": x\n}", 2, 8, "double quotes"),
    ]) func refuses(text: String, line: Int, column: Int, message: String) throws {
        let error = try #require(failure(text))
        #expect(error.line == line && error.column == column, "\(error)")
        #expect(error.message.contains(message), "\(error)")
    }

    @Test func showsTheLineAndACaret() throws {
        let error = try #require(failure("{\n\t\"a\": nope\n}"))
        #expect(
            error.description
                == "t.json:2:7: \"nope\" is no value; text stands in double quotes.\n\t\"a\": nope\n\t     ^")
        let long = try #require(failure("[" + String(repeating: "1,", count: 100_000) + "x]"))
        #expect(long.excerpt.utf8.count < 400)
        #expect(long.column == 200_002)
    }

    @Test func readsCommentsWhereAllowed() throws {
        let root = try parse("/* a */ { // b\n \"k\" /**/ : 1 /* , */ } // end", comments: true)
        #expect(root["k"]?.int == 1)
        #expect(failure("[1 /* x", comments: true)?.message.contains("*/ is missing") == true)
        #expect(failure("[1 / 2]", comments: true)?.column == 4)
    }

    @Test func limitsDepth() throws {
        let deepest = JSONDocument.maximumDepth
        _ = try parse(String(repeating: "[", count: deepest) + String(repeating: "]", count: deepest))
        #expect(failure(String(repeating: "[", count: deepest + 1))?.column == deepest + 1)
        #expect(failure(String(repeating: "[", count: 1_000_000)) != nil)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xE2, 0x82],
            [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22], [0x22, 0xE0, 0x80, 0x80, 0x22],
        ] as [[UInt8]]) func refusesInvalidUTF8(bytes: [UInt8]) throws
    {
        #expect(throws: JSONSyntaxError.self) { try JSONDocument(parsing: bytes, name: "t") }
    }

    @Test func findsDuplicatesInLargeObjects() throws {
        let members = (0..<1000).map { "\"k\($0)\": \($0)" }.joined(separator: ",")
        #expect(try parse("{\(members)}").members?.count == 1000)
        #expect(failure("{\(members),\"k500\":1}")?.message.contains("k500") == true)
    }

    @Test func survivesMutations() throws {
        let seed = Array(
            #"{"a": [1, 2.5e-3, "x\u00e9\ud83d\ude00"], /* c */ "b": {"c": null, "d": true}} // e"#.utf8)
        var state: UInt64 = 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...next(3) where !bytes.isEmpty {
                switch next(3) {
                case 0: bytes[next(bytes.count)] = UInt8(next(256))
                case 1: bytes.remove(at: next(bytes.count))
                default: bytes = Array(bytes[..<next(bytes.count)]) + [UInt8(next(256))]
                }
            }
            // Either outcome is fine; a trap isn't.
            _ = try? JSONDocument(parsing: bytes, name: "t", allowComments: true)
        }
    }
}
