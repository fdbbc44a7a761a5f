internal import Base
import JSON

/// The values that `"${name}"` stands for.
///
/// A string that is nothing but `"${name}"` becomes the value, of whatever type; inside a longer string a text, a
/// number or a truth value is written out. `$${` stands for `${` itself.
struct Variables {
    /// What a configuration may grow by through substitution: values, and bytes of one text.
    static let nodeLimit = 200_000
    static let textLimit = 100_000

    /// The names that something uses.
    private(set) var used: Set<String> = []
    private(set) var problems: [Diagnostic] = []
    private let members: [JSONMember]
    private var resolved: [String: JSONNode] = [:]
    /// The names being resolved, each asked for by the one before it.
    private var chain: [String] = []
    private var room = nodeLimit
    /// Variables that have no value yet: `"${name}"` stays as it is, and so does `$${` in every text, so that what
    /// results is a configuration to put them into.
    private let postponed: Set<String>
    private var isExhausted = false

    /// Takes the `variables` of a configuration; nil when it has none.
    package init(_ node: JSONNode?, postponing postponed: Set<String> = []) {
        members = node?.members ?? []
        self.postponed = postponed
        if let node, node.members == nil {
            problems.append(
                Diagnostic(
                    at: node.origin, "\"variables\" should be an object; this is \(node.shown).",
                    hint: #"For example: "variables": {"blockLength": 8}"#))
        }
        for member in members where !Self.isName(member.key) {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "\"\(member.key)\" can't be the name of a variable.",
                    hint: "Use letters, digits, - and _."))
        }
    }

    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// Resolves every variable, also those that nothing uses, so that all mistakes are found.
    mutating func checkAll() {
        for member in members where Self.isName(member.key) { _ = resolve(member, depth: 0) }
    }

    /// The same value with all variables put in.
    mutating func substitute(_ node: JSONNode, depth: Int = 0) -> JSONNode {
        guard depth <= JSONDocument.maximumDepth else {
            exhaust(node.origin)
            return JSONNode(value: .null, origin: node.origin)
        }
        var node = node
        switch node.value {
        case .array(let elements):
            node.value = .array(elements.map { substitute($0, depth: depth + 1) })
        case .object(let members):
            node.value = .object(
                members.map {
                    JSONMember(
                        key: $0.key, keyOrigin: $0.keyOrigin, value: substitute($0.value, depth: depth + 1))
                })
        case .string(let text) where text.utf8.contains(UInt8(ascii: "$")):
            return expand(text, at: node.origin, depth: depth)
        default: break
        }
        return node
    }

    private mutating func expand(_ text: String, at origin: Origin, depth: Int) -> JSONNode {
        let unchanged = JSONNode(value: .string(text), origin: origin)
        guard let pieces = Self.pieces(of: text) else {
            problems.append(
                Diagnostic(
                    at: origin, "This text has a \"${\" that is never closed.",
                    hint: "Write ${name} for a variable and $${ for the characters themselves."))
            return unchanged
        }
        if case .variable(let name)? = pieces.first, pieces.count == 1 {
            if postponed.contains(name) {
                used.insert(name)
                return unchanged
            }
            guard let value = value(of: name, at: origin, depth: depth) else { return unchanged }
            return used(value, at: origin, depth: depth)
        }
        // Written out for good, or, while some are postponed, so that it can be read again.
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += postponed.isEmpty ? text : Self.escaped(text)
            case .variable(let name) where postponed.contains(name):
                used.insert(name)
                guard result.utf8.last != UInt8(ascii: "$") else {
                    problems.append(
                        Diagnostic(at: origin, "A dollar sign can't stand before a variable that is varied."))
                    return unchanged
                }
                result += "${\(name)}"
            case .variable(let name):
                guard let value = value(of: name, at: origin, depth: depth) else { return unchanged }
                switch value.value {
                case .string(let string): result += string
                case .number, .bool: result += value.shown
                default:
                    problems.append(
                        Diagnostic(
                            at: origin,
                            "\"\(name)\" is \(value.shown), which can't stand inside a text.",
                            hint:
                                "A text can hold texts, numbers, true and false; \"${\(name)}\" alone is the value."
                        ))
                    return unchanged
                }
            }
            guard result.utf8.count <= Self.textLimit else {
                exhaust(origin)
                return unchanged
            }
        }
        return JSONNode(value: .string(result), origin: origin)
    }

    /// The value of a variable that something uses; nil after a report.
    private mutating func value(of name: String, at origin: Origin, depth: Int) -> JSONNode? {
        used.insert(name)
        guard !isExhausted else { return nil }
        if let start = chain.firstIndex(of: name) {
            let circle = (chain[start...] + [name]).joined(separator: " → ")
            problems.append(
                Diagnostic(at: origin, "Variables stand for one another in a circle: \(circle)."))
            return nil
        }
        guard let member = members.first(where: { $0.key == name }) else {
            let hint =
                members.isEmpty
                ? "Variables are set in the object \"variables\" of the experiment."
                : NearestName.hint(for: name, among: members.map(\.key), what: "Variables")
            problems.append(Diagnostic(at: origin, "There is no variable \"\(name)\".", hint: hint))
            return nil
        }
        return resolve(member, depth: depth + 1)
    }

    /// The values of the postponed variables, the others put in; nil without any.
    mutating func postponedValues() -> [JSONMember]? {
        guard !postponed.isEmpty else { return nil }
        return members.filter { postponed.contains($0.key) }.map { member in
            JSONMember(
                key: member.key, keyOrigin: member.keyOrigin, value: substitute(member.value))
        }
    }

    private mutating func resolve(_ member: JSONMember, depth: Int) -> JSONNode? {
        if let known = resolved[member.key] { return known }
        chain.append(member.key)
        defer { chain.removeLast() }
        let value = substitute(member.value, depth: depth)
        resolved[member.key] = value
        return value
    }

    /// A copy of a variable's value whose places know where it is used.
    private mutating func used(_ value: JSONNode, at use: Origin, depth: Int) -> JSONNode {
        room -= 1
        guard room >= 0, depth <= JSONDocument.maximumDepth else {
            exhaust(use)
            return JSONNode(value: .null, origin: use)
        }
        var copy = value
        copy.origin.uses.append(use)
        switch value.value {
        case .array(let elements):
            copy.value = .array(elements.map { used($0, at: use, depth: depth + 1) })
        case .object(let members):
            copy.value = .object(
                members.map { member in
                    var keyOrigin = member.keyOrigin
                    keyOrigin.uses.append(use)
                    return JSONMember(
                        key: member.key, keyOrigin: keyOrigin,
                        value: used(member.value, at: use, depth: depth + 1))
                })
        default: break
        }
        return copy
    }

    /// Refuses to go on: variables that hold one another could grow without limit.
    private mutating func exhaust(_ origin: Origin) {
        guard !isExhausted else { return }
        isExhausted = true
        problems.append(
            Diagnostic(
                at: origin,
                "The variables make the configuration larger or deeper than any experiment needs.",
                hint: "Check which variables stand for one another."))
    }
}

/// Texts with variables in them.
extension Variables {
    enum Piece {
        case text(String)
        case variable(String)
    }

    /// The text with every `${` written so that it isn't a variable.
    static func escaped(_ text: String) -> String { text.byteText.replacing("${", with: "$${").text }

    /// The text cut at its variables; nil if a `${` isn't closed.
    static func pieces(of text: String) -> [Piece]? {
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        let bytes = Array(text.utf8)
        let (dollar, open, close) = (UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "}"))
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            if rest.starts(with: [dollar, dollar, open]) {
                plain += [dollar, open]
                index += 3
            } else if rest.starts(with: [dollar, open]) {
                guard let end = rest.firstIndex(of: close) else { return nil }
                if !plain.isEmpty { pieces.append(.text(String(decoding: plain, as: UTF8.self))) }
                plain = []
                pieces.append(.variable(String(decoding: bytes[index + 2..<end], as: UTF8.self)))
                index = end + 1
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        if !plain.isEmpty || pieces.isEmpty {
            pieces.append(.text(String(decoding: plain, as: UTF8.self)))
        }
        return pieces
    }
}
