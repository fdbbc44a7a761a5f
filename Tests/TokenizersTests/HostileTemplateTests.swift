import JSON
import Synchronization
import TestSupport
import Testing

@testable import ChatTemplates
@testable import Tokenizers

/// Templates that nobody means well with: each ends in a text or an error, in bounded time and memory.
struct HostileTemplateTests {
    private static let messages = [ChatMessage(role: "user", content: "Hello, 世界.")]
    /// Small, so that thousands of templates take seconds.
    private static let limits = TemplateLimits(
        steps: 10_000, textBytes: 20_000, outputBytes: 40_000, depth: 40, indent: 50)

    /// What a template writes, or what is said of it.
    @discardableResult
    private static func render(
        _ source: String, limits: TemplateLimits = limits, shouldStop: @escaping () -> Bool = { false }
    ) -> Result<String, ChatTemplateError> {
        Result { () throws(ChatTemplateError) in
            try ChatTemplate(source, name: "t").render(
                messages: messages, addGenerationPrompt: true, variables: ["bos_token": "<s>"],
                limits: limits, shouldStop: shouldStop)
        }
    }

    private static func message(_ source: String, limits: TemplateLimits = limits) -> String {
        switch render(source, limits: limits) {
        case .success(let text): "wrote \(text.utf8.count) bytes"
        case .failure(let error): error.description
        }
    }

    /// What can stand between or behind operands again and again.
    private static let chains: [(first: String, more: String)] = [
        ("1", " + 1"), ("'a'", " ~ 'a'"), ("1", " - 1"), ("1", " * 1"), ("1", " or 1"), ("1", " and 1"),
        ("1", " if 1"), ("1", " // 1"), ("1", " % 2"), ("'a'", " | trim"), ("x", ".a"), ("x", "[0]"),
        ("x", "['a']"), ("x", "[1:]"), ("'a'", ".strip()"), ("1", " is number"), ("'a'", ".split('b')[0]"),
        ("1", " if 1 else 2"), ("'a'", " in 'a'"), ("1", " == 1"), ("'a'", " 'a'"),
    ]

    @Test(arguments: chains.indices)
    func chainsOfAnyLengthEndInATextOrAnError(index: Int) {
        let (first, more) = Self.chains[index]
        for count in [10, 100, 400, 499, 500, 501, 2000, 60_000] {
            let source = "{{ \(first + String(repeating: more, count: count)) }}"
            let result = Self.render(source, limits: TemplateLimits())
            if count <= 100, more != "[0]", more != "['a']", more != ".a", more != "[1:]" {
                #expect(throws: Never.self, "\(source.prefix(60))") { try result.get() }
            }
        }
    }

    @Test func aLongChainSaysItsLimitAndPlace() {
        let source = "\n{{ 1\(String(repeating: " + 1", count: 60_000)) }}"
        #expect(Self.message(source).hasPrefix("t:2:"))
        #expect(Self.message(source).contains("more than 500 others in each other"))
        #expect(
            Self.message("{{ [\(String(repeating: "1, ", count: 60_000))1] | length }}", limits: .init())
                == "wrote 5 bytes")
    }

    private static let openings: [(String, String)] = [
        ("(", ")"), ("[", "]"), ("not ", ""), ("- ", ""), ("x[", "]"), ("{'a': ", "}"), ("range(", ")"),
        ("1 if 1 else ", ""), ("'a'.strip(", ")"), ("x.get(", ")"), ("1 + (", ")"), ("x | default(", ")"),
        ("[1, (", ")]"), ("x is eq(", ")"),
    ]

    @Test(arguments: openings.indices)
    func nestingOfAnyDepthEndsInATextOrAnError(index: Int) {
        let (open, close) = Self.openings[index]
        for count in [1, 50, 150, 199, 200, 201, 5000, 60_000] {
            let source =
                "{{ \(String(repeating: open, count: count))1\(String(repeating: close, count: count)) }}"
            Self.render(source, limits: TemplateLimits())
        }
    }

    @Test func statementsInStatementsEndInATextOrAnError() {
        for (open, close) in [
            ("{% if 1 %}", "{% endif %}"), ("{% for i in [1] %}", "{% endfor %}"),
            ("{% if 0 %}{% else %}", "{% endif %}"), ("{% generation %}", "{% endgeneration %}"),
            ("{% if 0 %}{% elif 1 %}", "{% endif %}"), ("{% set x %}", "{% endset %}"),
            ("{% macro f() %}", "{% endmacro %}{{ f() }}"), ("{% filter upper %}", "{% endfilter %}"),
            ("{% with a = 1 %}", "{% endwith %}"), ("{% call f() %}", "{% endcall %}"),
        ] {
            for count in [100, 199, 201, 20_000] {
                Self.render(
                    String(repeating: open, count: count) + "x" + String(repeating: close, count: count))
            }
        }
        let branches = "{% if 0 %}" + String(repeating: "{% elif 0 %}", count: 20_000) + "{% endif %}x"
        #expect(Self.message(branches, limits: TemplateLimits()) == "wrote 1 bytes")
    }

    /// Around the call of a macro that calls itself: what takes the most of a stack.
    @Test(arguments: [
        ("{% if 1 %}", "{% endif %}", 190), ("{% for i in [1] %}", "{% endfor %}", 190),
        ("{% set x %}", "{% endset %}", 190), ("{{ 'a'.strip(", ") }}", 1), ("{{ ('' if 0 else ", ") }}", 1),
        ("{{ [1] | map('default', ", ", true) | join }}", 1), ("{{ ('' ~ ", ") | trim | trim | trim }}", 1),
    ]) func macrosThatCallThemselvesEndInAnError(open: String, close: String, count: Int) {
        let isOutput = open.utf8.starts(with: "{{".utf8)
        let inner =
            isOutput
            ? open + String(repeating: "'a'.strip(", count: 80) + "f()" + String(repeating: ")", count: 80)
                + close
            : String(repeating: open, count: count) + "{{ f() }}" + String(repeating: close, count: count)
        let message = Self.message(
            "{% macro f() %}\(inner){% endmacro %}{{ f() }}", limits: TemplateLimits())
        #expect(message.contains("nested too deep here"), "\(message)")
    }

    /// Each with what is said of it.
    @Test(arguments: [
        ("{{ [[1]] | tojson(indent=9223372036854775807) }}", "can't indent by more than 50"),
        ("{{ [[1]] | tojson(indent=51) }}", "can't indent by more than 50"),
        ("{{ range(1000000000000000000) | length }}", "more than 100000 numbers"),
        ("{{ range(-9223372036854775807, 9223372036854775807) | length }}", "more than 100000 numbers"),
        ("{{ range(9223372036854775806, 9223372036854775807, 9223372036854775807) | length }}", "wrote 1"),
        ("{{ range(9223372036854775807, -9223372036854775807, -9223372036854775807) | length }}", "wrote 1"),
        ("{{ 'x' * 1000000000000000000 }}", "`*` can't be applied to a string and a number"),
        ("{{ 9223372036854775807 + 1 }}", "out of range"),
        ("{{ (-9223372036854775807 - 1) // -1 }}", "out of range"),
        ("{{ (-9223372036854775807 - 1) % -1 }}", "out of range"),
        ("{{ 'abc'[-9223372036854775807:9223372036854775807:9223372036854775807] }}", "wrote 1"),
        ("{{ 'abc'[::-9223372036854775807] }}", "wrote 1"),
        ("{{ 'abc'[9223372036854775807] }}", "wrote 0"),
        ("{{ 'abc'.split('b', 9223372036854775807) | length }}", "wrote 1"),
        ("{{ 'aaa'.replace('a', 'b', 9223372036854775807) }}", "wrote 3"),
        ("{{ 1e308 * 10 | int }}", "wrote"),
        ("{{ (1e308 * 10) | int }}", "wrote 1"),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            "more than 10000 steps"
        ),
        ("{% for a in range(99999) %}x{% endfor %}", "more than 10000 steps"),
        (
            "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
            "more than 20000 bytes"
        ),
        (
            "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
            "more than 20000 bytes"
        ),
        (
            "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
            "more than 10000 steps"
        ),
        (
            "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}",
            "more than 10000 steps"
        ),
        (
            "{% set n = namespace(x=1) %}{% for a in range(60) %}{% set n.x = [n.x] %}{% endfor %}",
            "nested more than 40 deep"
        ),
        (
            "{% set n = namespace(x=1) %}{% for a in range(60) %}{% set n.x = {'a': n.x} %}{% endfor %}",
            "nested more than 40 deep"
        ),
        ("{% set n = namespace() %}{% set n.x = n %}", "namespace can't be a part"),
        ("{% set n = namespace() %}{% set m = namespace(x=n) %}", "namespace can't be a part"),
        ("{% set n = namespace() %}{{ [n] }}", "namespace can't be a part"),
        ("{{ ('a' * 1) }}", "can't be applied"),
        (
            "{% set n = namespace(x='a,a,a,a,a,a,a,a') %}{% for a in range(9) %}{% set n.x = n.x.replace('a', n.x) %}"
                + "{% endfor %}", "more than 20000 bytes"
        ),
        (
            "{% set n = namespace(x='aaaaaaaa') %}{% for a in range(9) %}{% set n.x = n.x.replace('', n.x) %}"
                + "{% endfor %}", "more than 20000 bytes"
        ),
        (
            "{% set n = namespace(x='aaaaaaaa') %}{% for a in range(9) %}{% set n.x = n.x | list | join(n.x) %}"
                + "{% endfor %}", "more than"
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested too deep here"),
        ("{% macro f(a=f()) %}{% endmacro %}{{ f() }}", "nested too deep here"),
        (
            "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(16) }}",
            "more than 10000 steps"
        ),
        (
            "{% macro f(x) %}{{ x }}{{ x }}{% endmacro %}{% set n = namespace(x='ab') %}"
                + "{% for a in range(60) %}{% set n.x = f(n.x) %}{% endfor %}", "more than 20000 bytes"
        ),
        (
            "{% set n = namespace(x='ab') %}{% for a in range(60) %}{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}"
                + "{% endfor %}", "more than 20000 bytes"
        ),
        (
            "{% for a in range(9999) %}{% set x %}\(String(repeating: "abcdefgh", count: 20)){% endset %}{% endfor %}",
            "more than 10000 steps"
        ),
        ("{% macro f() %}{% endmacro %}{{ [f] }}", "can't be a part"),
        ("{% set n = namespace() %}{% macro f() %}{% endmacro %}{% set n.f = f %}", "can't be a part"),
        ("{{ [[1] | map('string')] }}", "make a list of it first"),
        ("{{ range(9999) | map('string') | list | length }}", "more than 10000 steps"),
        ("{{ range(9999) | select('odd') | list | length }}", "more than 10000 steps"),
        (
            "{% for a in range(99) %}{{ range(99) | map('string') | map('upper') | join }}{% endfor %}",
            "more than 10000 steps"
        ),
        ("{{ range(3000) | unique | list | length }}", "more than 10000 steps"),
        ("{{ range(3000) | sort(reverse=true) | length }}", "more than 10000 steps"),
        (
            "{% set n = namespace(x='a b') %}{% for a in range(60) %}{% set n.x = (n.x ~ n.x) | indent(50) %}{% endfor %}",
            "more than 20000 bytes"
        ),
        ("{{ 'a' | indent(9223372036854775807) }}", "can't indent by more than 50"),
        (
            "{{ [1] | tojson(separators=('\(String(repeating: ",", count: 60))', ':')) }}",
            "more than 50 bytes"
        ),
        ("{{ 'a,b'.rsplit(',', 9223372036854775807) | length }}", "wrote 1"),
        ("{{ 'a b'.split(none, 9223372036854775807) | length }}", "wrote 1"),
        ("{{ 'a b'.split(none, -9223372036854775807) | length }}", "wrote 1"),
        ("{{ [[1, 2]] | map(attribute='9223372036854775808') | list | length }}", "wrote 1"),
        ("{{ [[1, 2]] | map(attribute='0.0.0.0') | list | length }}", "isn't defined"),
    ])
    func whatIsTooMuchIsRefusedWithTheLimit(source: String, part: String) {
        #expect(Self.message(source).contains(part), "\(source): \(Self.message(source))")
    }

    @Test func outputIsLimitedToo() {
        let limits = TemplateLimits(steps: 100_000, outputBytes: 5000)
        for body in ["0123456789", "{{ '0123456789' }}", "{% if 1 %}0123456789{% endif %}"] {
            let source = "{% for a in range(9999) %}\(body){% endfor %}"
            #expect(Self.message(source, limits: limits).contains("writes more than 5000 bytes"), "\(body)")
        }
    }

    /// A format of any length is bounded by the text that it may give.
    @Test func theDateIsWrittenWithinTheLimits() {
        let format = String(repeating: "%c", count: 9000)
        let result = Result { () throws(ChatTemplateError) in
            try ChatTemplate("{{ strftime_now('\(format)') }}").render(
                messages: [], addGenerationPrompt: false, date: ChatDate(year: 2025, month: 3, day: 9),
                limits: Self.limits)
        }
        let error = #expect(throws: ChatTemplateError.self) { try result.get() }
        #expect(error?.message.contains("more than 20000 bytes") == true)
    }

    @Test func renderingCanBeStopped() {
        var count = 0
        let forever = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
        let result = Self.render(forever, limits: TemplateLimits(steps: .max / 2)) {
            count += 1
            return count > 3
        }
        #expect(throws: ChatTemplateError.self) { try result.get() }
        guard case .failure(let error) = result else { return }
        #expect(error.message.contains("was stopped"))
        #expect(count == 4)
    }

    /// 10,000 templates put together of everything that the language has, by chance.
    @Test func whateverIsPutTogetherEndsInATextOrAnError() {
        var generator = TemplateGenerator()
        let small = TemplateLimits(steps: 1000, textBytes: 20_000, outputBytes: 40_000, depth: 40)
        let count = Int(Command.number("D3LLM_FUZZ") ?? 10_000)
        var written = 0
        for _ in 0..<count {
            if case .success = Self.render(generator.template(), limits: small) { written += 1 }
        }
        // The templates aren't all nonsense.
        #expect(written > count / 50 && written < count, "\(written) of \(count)")
    }

    @Test func damagedTemplatesEndInATextOrAnError() throws {
        let seeds = [
            "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message.content | trim }}{% if loop.last "
                + "and add_generation_prompt %}{{ \"<|a|>\" }}{% endif %}{% endfor %}",
            "{%- set ns = namespace(found=false, last=messages|length - 1) -%}{%- for m in messages[::-1] -%}{%- set "
                + "ns.found = m.content is string and not m.content.startswith('a') -%}{%- endfor -%}{{ ns.found }}",
            "{{ messages | tojson(indent=2) }}{# c #}{{ [1, 2.5e3, true, none, {'a': (1, 2)}][-1]['a'][0] }}",
        ].map { Array($0.utf8) }
        var mutations = Mutations(TemplateGenerator.words.map { Array($0.utf8) })
        for _ in 0..<Int(Command.number("D3LLM_FUZZ") ?? 3000) {
            let bytes = mutations.mutated(seeds[mutations.next(seeds.count)])
            Self.render(String(decoding: bytes, as: UTF8.self))
        }
    }
}

/// Puts templates together by chance.
private struct TemplateGenerator {
    static let words = [
        "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "~", "|", "(", ")", "[", "]", "{", "}", ":", ",", ".",
        "'", "\"",
        "\\x", "\\U00110000", "\\ud800", "for", "endfor", "if", "else", "endif", "set", "namespace(",
        "range(",
        "9223372036854775807", "-9223372036854775808", "1e999", "0", "tojson(indent=", "raise_exception('x')",
        "loop",
        "in", "not", "is", "e\u{301}", "\u{0}", "\u{FEFF}", "\r\n", "messages", "|join", "**", "//", "%",
    ]
    private static let atoms = [
        "1", "0", "-1", "9223372036854775807", "2.5", "1e308", "'a'", "'世界'", "''", "\"x\\n\"", "true",
        "none", "x",
        "messages", "messages[0]", "messages[0].content", "bos_token", "loop.index", "n", "n.x", "[]", "{}",
        "range(3)", "range(100000)", "['a', 1]", "{'a': 1, 'b': [2]}",
    ]
    private var random = Mutations([[0]])

    private mutating func pick(_ list: [String]) -> String { list[random.next(list.count)] }

    private mutating func expression(_ depth: Int) -> String {
        guard depth > 0 else { return pick(Self.atoms) }
        let a = expression(depth - 1)
        switch random.next(16) {
        case 13:
            let filter = pick([
                "map", "select", "reject", "selectattr", "rejectattr", "sort", "unique", "dictsort",
            ])
            return
                "\(a) | \(filter)(\(pick(["'upper'", "'odd'", "attribute='role'", "'role', 'eq', \(expression(0))", expression(0)])))"
        case 14: return "m(\(a), b=\(expression(0)))"
        case 15:
            return
                "\(a) | tojson(ensure_ascii=\(expression(0)), indent=\(expression(0)), separators=(\(expression(0)), ':'), sort_keys=true)"
        case 0, 1:
            return
                "\(a) \(pick(["+", "-", "*", "/", "//", "%", "~", "and", "or", "==", "<", "in", "not in"])) \(expression(depth - 1))"
        case 2: return "(\(a))"
        case 3: return "\(a) | \(pick(TemplateLanguage.filters.sorted()))"
        case 4:
            return
                "\(a) | \(pick(["replace('a', \(expression(0)))", "join(\(expression(0)))", "tojson(indent=\(expression(0)))", "default(\(expression(0)), true)", "int(\(expression(0)))"]))"
        case 5: return "\(a) is \(pick(TemplateLanguage.tests.sorted()))"
        case 6:
            return
                "\(a).\(pick(TemplateLanguage.methods.sorted()))(\(random.next(2) == 0 ? "" : expression(0)))"
        case 7: return "\(a)[\(expression(depth - 1))]"
        case 8:
            return
                "\(a)[\(expression(0)):\(random.next(2) == 0 ? "" : expression(0)):\(random.next(2) == 0 ? "" : expression(0))]"
        case 9: return "[\(a), \(expression(depth - 1))]"
        case 10: return "{'k': \(a), \(expression(0)): 1}"
        case 11: return "\(a) if \(expression(0)) else \(expression(depth - 1))"
        default: return "\(pick(["not ", "-", "+"]))\(a)"
        }
    }

    private mutating func statement(_ depth: Int) -> String {
        let value = expression(random.next(4))
        let inner = depth > 0 ? (0..<random.next(3)).map { _ in statement(depth - 1) }.joined() : "t"
        switch random.next(12) {
        case 8: return "{% set x %}\(inner){% endset %}"
        case 9: return "{% macro m(a, b=\(expression(1))) %}\(inner){{ a }}{% endmacro %}{{ m(\(value)) }}"
        case 10: return "{% filter \(pick(TemplateLanguage.filters.sorted())) %}\(inner){% endfilter %}"
        case 11: return "{% with x = \(value) %}\(inner){% endwith %}"
        case 0: return "{% for i in \(value) %}\(inner){% endfor %}"
        case 1: return "{% for a, b in \(value) if \(expression(1)) %}\(inner){% else %}e{% endfor %}"
        case 2: return "{% if \(value) %}\(inner){% elif \(expression(0)) %}{% else %}\(inner){% endif %}"
        case 3: return "{% set x = \(value) %}"
        case 4:
            return
                "{% set n = namespace(x=\(value)) %}{% for i in range(40) %}{% set n.x = \(pick(["n.x + n.x", "[n.x, n.x]", "n.x ~ n.x", "{'a': n.x}", "n.x[1:]", "[n.x]"])) %}{% endfor %}"
        case 5:
            return
                "{%- for i in range(\(pick(["9", "3000", "99999"]))) -%}\(inner){%- \(pick(["break", "continue"])) -%}{%- endfor -%}"
        default: return "{{ \(value) }}"
        }
    }

    mutating func template() -> String {
        (0...random.next(3)).map { _ in statement(random.next(4)) }.joined(separator: "\n")
    }
}
