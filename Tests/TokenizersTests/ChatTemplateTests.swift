import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ChatTemplates
@testable import Tokenizers

/// Chat templates against what Hugging Face's `apply_chat_template` makes of them.
///
/// Recorded by `scripts/record-chat-cases.py`.
struct ChatTemplateTests {
    private let folder = Fixtures.path("tokenizer/chat")

    /// What the recorded clock shows.
    private static let date = ChatDate(
        year: 2025, month: 3, day: 9, hour: 15, minute: 4, second: 5, microsecond: 678)

    private func render(_ template: ChatTemplate, _ variables: JSONObject) throws -> String {
        var others = Dictionary(uniqueKeysWithValues: variables.members.map { ($0.key, $0.value) })
        let messages = others.removeValue(forKey: "messages")?.array ?? []
        let prompt = others.removeValue(forKey: "add_generation_prompt")?.bool ?? false
        let tools = others.removeValue(forKey: "tools")?.array
        return try template.render(
            messages: messages.map { ChatMessage($0.object ?? [:]) }, addGenerationPrompt: prompt,
            tools: tools, variables: others, date: Self.date)
    }

    @Test func writesWhatTheLibraryWrites() throws {
        let path = folder.appending("cases.json")
        let root = JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: path.string).root)
        let context = try #require(root["context"]?.object)
        let cases = try #require(root["cases"]?.array)
        #expect(cases.count > 350)
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
    /// Names that aren't known, each with its place; each is an error where it is reached, and only there.
    @Test(arguments: [
        ("{% call f() %}{% endcall %}", "1:4", "The statement `call`"),
        ("a\n  {% include 'x' %}", "2:6", "The statement `include`"),
        ("{% for i in l recursive %}{% endfor %}", "1:15", "Recursive loops"),
        ("{{ x | groupby('a') }}", "1:8", "The filter `groupby`"),
        ("{{ [1] | map('groupby') }}", "1:10", "The filter `groupby`"),
        ("{{ x is callable }}", "1:9", "The test `callable`"),
        ("{{ [1] | select('callable') }}", "1:10", "The test `callable`"),
        ("{{ x.format(1) }}", "1:5", "The method `format`"),
        ("{{ strftime_now('%d') }}", "1:4", "The function `strftime_now`"),
        ("{{ loop.changed(1, 2) }}", "1:8", "The loop variable `changed`"),
        ("{{ x(1) }}", "1:4", "The function `x`"),
        ("{{ x[0](1) }}", "1:8", "Only functions, macros and methods"),
        ("{% raw %}{{ x }}{% endraw %}", "1:4", "The statement `raw`"),
    ]) func unknownPartsAreRefusedByNameAndPlaceWhereTheyAreReached(
        source: String, place: String, part: String
    ) throws {
        func write(_ source: String) throws -> String {
            try ChatTemplate(source, name: "t").render(messages: [], addGenerationPrompt: false)
        }
        let error = #expect(throws: ChatTemplateError.self) { try write(source) }
        #expect(error?.location == "t:\(place)", "\(error.debugDescription)")
        #expect(error?.message.contains(part) == true, "\(error.debugDescription)")
        for around in [
            ("{% if messages %}", "{% endif %}"), ("{% for m in messages %}", "{% endfor %}"),
            ("{% macro g() %}", "{% endmacro %}"), ("{% if 1 %}{% else %}", "{% endif %}"),
        ] {
            #expect(try write("\(around.0)\(source)\(around.1)ok") == "ok", "\(around.0)")
        }
    }

    /// What isn't Jinja is found when the template is read, wherever it stands.
    @Test(arguments: [
        ("{{ 2 ** 3 }}", "1:6", "`}}` should stand here"),
        ("{{ x", "1:1", "never closed"),
        ("{% if x %}y", "1:11", "`endif` is missing"),
        ("{{ 99999999999999999999 }}", "1:4", "out of range"),
        ("{% set a, b %}x{% endset %}", "1:8", "`set` with several names needs values"),
        ("{% macro f(a, a) %}{% endmacro %}", "1:15", "two parameters `a`"),
        ("{% macro f(a=1, b) %}{% endmacro %}", "1:17", "and `b` has none"),
        ("{% if 0 %}{% nosuch %}{% endif %}", "1:14", "The statement `nosuch`"),
    ]) func whatIsNotTheLanguageIsRefusedWhenItIsRead(source: String, place: String, part: String) {
        let error = #expect(throws: ChatTemplateError.self) { try ChatTemplate(source, name: "t") }
        #expect(error?.location == "t:\(place)", "\(error.debugDescription)")
        #expect(error?.message.contains(part) == true, "\(error.debugDescription)")
    }

    /// As Llama 3.2's template does it: without a date the text is the same every day.
    @Test func aTemplateThatAsksForTheDateGetsOneOrWritesItsOwn() throws {
        let template = try ChatTemplate(
            "{% if not date_string is defined %}{% if strftime_now is defined %}{% set date_string = "
                + "strftime_now('%d %b %Y') %}{% else %}{% set date_string = '26 Jul 2024' %}{% endif %}{% endif %}"
                + "{{ date_string }}")
        func text(_ date: ChatDate?, _ variables: [String: JSONValue] = [:]) throws -> String {
            try template.render(messages: [], addGenerationPrompt: false, variables: variables, date: date)
        }
        #expect(try text(nil) == "26 Jul 2024")
        #expect(try text(Self.date) == "09 Mar 2025")
        #expect(try text(Self.date, ["date_string": "today"]) == "today")
    }

    @Test func datesHaveTheirDayOfTheWeekAndOfTheYear() throws {
        // From Python: datetime(y, m, d).strftime("%a %j %-d").
        for (date, text) in [
            (ChatDate(year: 1, month: 1, day: 1), "Mon 001 1"),
            (ChatDate(year: 1970, month: 1, day: 1), "Thu 001 1"),
            (ChatDate(year: 2000, month: 2, day: 29), "Tue 060 29"),
            (ChatDate(year: 2100, month: 3, day: 1), "Mon 060 1"),
            (ChatDate(year: 2024, month: 12, day: 31), "Tue 366 31"),
            (ChatDate(year: 2023, month: 2, day: 31), "Tue 059 28"),
        ] { #expect(try date.text("%a %j %-d") == text) }
        for format in ["%Q", "%", "%-", "%-c", "x%5d"] {
            #expect(throws: ChatDate.UnknownConversion.self) { try Self.date.text(format) }
        }
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
