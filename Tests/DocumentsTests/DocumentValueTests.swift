import Documents
import JSON
import Testing

/// The reader of files of others: what isn't as expected is thrown with place, path and expectation.
@Suite struct DocumentValueTests {
    private struct Problem: DocumentProblem, Equatable {
        let place: String
        let path: String
        let message: String

        init(_ flaw: DocumentFlaw) {
            place = flaw.origin.place
            path = flaw.path
            message = flaw.message
        }
    }

    private enum Colour: String, CaseIterable { case red, green }

    private func root(_ text: String) throws -> DocumentValue<Problem> {
        DocumentValue(try JSONDocument(parsing: Array(text.utf8), name: "f").root, subject: "the file")
    }

    @Test func valuesAreReadByTheirTypes() throws {
        let root = try root(
            #"{"a": {"b": [1, 2.0]}, "n": 0.5, "s": "x", "f": true, "t": [7], "c": "green", "null": null}"#)
        #expect(try root.required("a").member("b").integers() == [1, 2])
        #expect(try root.member("a").elements("b").map(\.path) == ["a.b[0]", "a.b[1]"])
        #expect(try root.number("n", in: 0...1) == 0.5 && root.string("s") == "x" && root.flag("f"))
        #expect(try root.member("t").tokens() == [7] && root.member("c").choice() == Colour.green)
        #expect(try root["null"] == nil && root["absent"] == nil && root.member("null").node.isNull)
        #expect(try root.integer("absent", default: 3) == 3 && root.flag("null", default: true))
        #expect(try root.members().map(\.key) == ["a", "n", "s", "f", "t", "c", "null"])
    }

    @Test(
        "a problem has its place, its path and what was expected",
        arguments: [
            (0, "f:1:17", "a.b[1]", #""a.b[1]" of the file should be a whole number; this is "2"."#),
            (1, "f:1:7", "a", #""a" of the file lacks the key "x", text in double quotes."#),
            (2, "f:1:1", "", #"the file lacks the key "z"."#),
            (3, "f:1:29", "n", #""n" of the file is null and should have a value."#),
            (4, "f:1:7", "a", #""a" of the file should be a list; this is an object."#),
            (5, "f:1:8", "a", #""a" of the file has no key "b". Did you mean "bb"?"#),
            (6, "f:1:40", "k", #""k" of the file should be a whole number from 1 to 3; this is 4."#),
            (7, "f:1:40", "k", #""k" of the file should be one of "red", "green"; this is 4."#),
            (8, "f:1:40", "k", #""k" of the file should be an object; this is 4."#),
        ])
    func problems(_ index: Int, place: String, path: String, message: String) throws {
        let root = try root(#"{"a": {"b": [1, "2"]}, "n": null, "k": 4}"#)
        let problem = #expect(throws: Problem.self) {
            switch index {
            case 0: _ = try root.member("a").member("b").integers()
            case 1: _ = try root.member("a").string("x")
            case 2: _ = try root.member("z")
            case 3: _ = try root.required("n")
            case 4: _ = try root.member("a").elements()
            case 5: try root.member("a").allow(["bb"])
            case 6: _ = try root.integer("k", in: 1...3)
            case 7: let _: Colour = try root.member("k").choice()
            default: _ = try root.member("k").member("deeper")
            }
        }
        #expect(problem?.place == place && problem?.path == path && problem?.message == message)
    }

    @Test func aKeyOfAnyLengthGivesAShortMessage() throws {
        let key = String(repeating: "k", count: 100_000)
        let problem = #expect(throws: Problem.self) { try root("{\"\(key)\": 1}").allow(["known"]) }
        #expect(problem.map { $0.message.count < 300 } == true)
    }
}
