import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Chat templates against what Hugging Face's `apply_chat_template` makes of them.
///
/// Recorded by `scripts/record-chat-cases.py`.
struct ChatTemplateTests {
    private let folder = Fixtures.path("tokenizer/chat")

    private func render(_ template: ChatTemplate, _ variables: JSONObject) throws -> String {
        var others = Dictionary(uniqueKeysWithValues: variables.members.map { ($0.key, $0.value) })
        let messages = others.removeValue(forKey: "messages")?.array ?? []
        let prompt = others.removeValue(forKey: "add_generation_prompt")?.bool ?? false
        let tools = others.removeValue(forKey: "tools")?.array
        return try template.render(
            messages: messages.map { ChatMessage($0.object ?? [:]) }, addGenerationPrompt: prompt,
            tools: tools, variables: others)
    }

    @Test func writesWhatTheLibraryWrites() throws {
        let path = folder.appending("cases.json")
        let root = JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: path.string).root)
        let context = try #require(root["context"]?.object)
        let cases = try #require(root["cases"]?.array)
        #expect(cases.count > 150)
        for entry in cases {
            let name = entry["name"]?.string ?? ""
            let source =
                try entry["template"]?.string
                ?? FileSystem.readText(folder.appending(try #require(entry["file"]?.string)))
            let found = Result {
                try render(ChatTemplate(source), entry["variables"]?.object ?? context)
            }
            if let expected = entry["expected"]?.string {
                // Bytes, not strings: canonically equivalent texts are different here.
                let bytes = try? Array(found.get().utf8)
                #expect(bytes == Array(expected.utf8), "\(name): \(source.prefix(300)) gave \(found)")
            } else {
                #expect(throws: ChatTemplateError.self, "\(name): \(source)") { try found.get() }
            }
        }
    }
}

extension ChatTemplateTests {
    /// Names that aren't known, each with its place; all are found when the template is read.
    @Test(arguments: [
        ("{% macro f() %}{% endmacro %}", "1:4", "The statement `macro`"),
        ("a\n  {% include 'x' %}", "2:6", "The statement `include`"),
        ("{% set a, b = 1, 2 %}", "1:8", "`set` needs one name"),
        ("{% set a %}x{% endset %}", "1:8", "`set` needs one name"),
        ("{% for i in l recursive %}{% endfor %}", "1:15", "Recursive loops"),
        ("{{ x | sort }}", "1:8", "The filter `sort`"),
        ("{{ x is callable }}", "1:9", "The test `callable`"),
        ("{{ x.format(1) }}", "1:5", "The method `format`"),
        ("{{ strftime_now('%d') }}", "1:4", "The function `strftime_now`"),
        ("{{ loop.cycle(1, 2) }}", "1:8", "The loop variable `cycle`"),
        ("{{ x(1) }}", "1:4", "The function `x`"),
        ("{{ x[0](1) }}", "1:8", "Only functions and methods"),
        ("{{ 2 ** 3 }}", "1:6", "`}}` should stand here"),
        ("{% raw %}{{ x }}{% endraw %}", "1:4", "The statement `raw`"),
        ("{{ x", "1:1", "never closed"),
        ("{% if x %}y", "1:11", "`endif` is missing"),
        ("{{ 99999999999999999999 }}", "1:4", "out of range"),
    ]) func unknownPartsAreRefusedByNameAndPlace(source: String, place: String, part: String) {
        let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(source, name: "t") }
        #expect(error?.location == "t:\(place)", "\(error.debugDescription)")
        #expect(error?.message.contains(part) == true, "\(error.debugDescription)")
    }

    @Test func valuesThatDoNotFitAreRefusedWithTheirPlace() throws {
        func message(_ source: String) throws -> String {
            let error = #expect(throws: ChatTemplateError.self) {
                try ChatTemplate(source, name: "t").render(
                    messages: [ChatMessage(role: "user", content: "x")], addGenerationPrompt: true)
            }
            return error?.description ?? ""
        }
        #expect(
            try message("{{ raise_exception('No tools.') }}")
                == "t:1:4: The template refuses the conversation: No tools.")
        #expect(try message("{{ 'a' + bos_token }}") == "t:1:10: `bos_token` isn't defined.")
        #expect(try message("\n{{ messages }}").hasPrefix("t:2:4: A list has no plain text; write it with"))
        #expect(try message("{{ messages[0].items }}").contains("write ['items']"))
        #expect(
            try message("{{ messages[0].content + 1 }}").contains(
                "`+` can't be applied to a string and a number"))
    }

    @Test func nestingIsLimited() {
        let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
        #expect(throws: ChatTemplateError.self) { try ChatTemplate("{{ \(deep) }}") }
        let nots = String(repeating: "not ", count: 5000)
        #expect(throws: ChatTemplateError.self) { try ChatTemplate("{{ \(nots) 1 }}") }
        let ifs = String(repeating: "{% if 1 %}", count: 5000) + String(repeating: "{% endif %}", count: 5000)
        #expect(throws: ChatTemplateError.self) { try ChatTemplate(ifs) }
    }
}
