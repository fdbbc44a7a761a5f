import Documents
import JSON
import Testing

/// Options leave a trace in a recipe only where they differ from their defaults, or where they always do.
@Suite struct FieldOptionTests {
    private func read(_ text: String, isUsed: Bool = true) throws -> Fields {
        let root = try JSONDocument(parsing: Array(text.utf8), name: "f").root
        let fields = Fields(
            root, anchor: root.origin, path: [], session: ReadingSession(subject: "the object"))
        _ = fields.option("plain", default: 0.5, in: 0...1, "A number.")
        _ = fields.option("kept", default: 2, in: 0...9, "A whole number.", isAlwaysRecorded: true)
        _ = fields.option("open", default: Double?.some(1), in: 0...9, "A number or nothing.")
        fields.condition("kept", "unknown", isUsed: isUsed, with: "the rule", user: "others")
        fields.finish()
        return fields
    }

    @Test(
        arguments: [
            ("{}", ["kept": 2]), (#"{"plain": 0.5, "kept": 2, "open": 1}"#, ["kept": 2]),
            (#"{"plain": -0.0}"#, ["plain": .number(0), "kept": 2]),
            (#"{"open": null}"#, ["kept": 2, "open": nil]), (#"{"kept": 3}"#, ["kept": 3]),
        ] as [(String, JSONObject)])
    func traces(_ text: String, _ recorded: JSONObject) throws {
        let fields = try read(text)
        #expect(fields.session.diagnostics.isEmpty)
        #expect(fields.config == recorded)
    }

    @Test func anOptionWithoutAnEffectIsRefusedAndLeavesNoTrace() throws {
        #expect(try read("{}", isUsed: false).config == [:])
        let fields = try read(#"{"kept": 2}"#, isUsed: false)
        #expect(fields.unused == ["kept"] && fields.config == [:])
        #expect(
            fields.session.diagnostics.map(\.message) == [
                "\"kept\" has no effect with the rule; it is for others."
            ])
    }

    @Test func aBadOptionNamesItsBoundsAndWhetherNullWillDo() throws {
        let messages = try read(#"{"plain": 2, "open": "x", "plan": 1}"#).session.diagnostics
        #expect(
            messages.map(\.message) == [
                "\"plain\" of the object should be a number from 0 to 1; this is 2.",
                "\"open\" of the object should be a number from 0 to 9, or null; this is \"x\".",
                "The object has no key \"plan\".",
            ])
        #expect(messages.last?.hint == "Did you mean \"plain\"?")
        #expect(messages.map(\.line) == [1, 1, 1])
    }
}
