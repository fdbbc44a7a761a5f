internal import Base
package import JSON

/// A field in which two recipes differ.
package struct RecipeDifference: Sendable, Hashable, CustomStringConvertible {
    /// The key as the configuration has it; "kind", "kind version" or "seed" outside the stage's own keys.
    package let field: String
    /// Nil where the old recipe has no such field.
    package let old: String?
    /// Nil where the new recipe has no such field.
    package let new: String?
    /// Whether the field refers to the artifact of another stage: then both are fingerprints.
    package let isInput: Bool

    package init(field: String, old: String?, new: String?, isInput: Bool = false) {
        self.field = field
        self.old = old
        self.new = new
        self.isInput = isInput
    }

    package var description: String { description(of: "") }

    /// The same with the stage that the field is of behind it: "steps of @teacher: 300 → 600".
    package func description(of owner: String) -> String {
        func shown(_ value: String?) -> String {
            value.map { isInput ? InputReference($0).short : $0 } ?? "(none)"
        }
        return "\(isInput ? "input " : "")\(field)\(owner): \(shown(old)) → \(shown(new))"
    }

    /// All fields that differ, in the order of the new recipe, then those that are gone; inputs after the stage's
    /// own keys.
    package static func between(_ old: JSONValue, _ new: JSONValue) -> [RecipeDifference] {
        let before = RecipeFields(old)
        let after = RecipeFields(new)
        return differences(before.own, after.own) + inputDifferences(before.inputs, after.inputs)
            + differences(before.seed, after.seed)
    }

    private static func differences(_ before: [(String, String)], _ after: [(String, String)])
        -> [RecipeDifference]
    {
        let old = Dictionary(before, uniquingKeysWith: { first, _ in first })
        let new = Set(after.map(\.0))
        let changed = after.compactMap { field, value in
            old[field] == value ? nil : RecipeDifference(field: field, old: old[field], new: value)
        }
        let gone = before.filter { !new.contains($0.0) }
            .map { RecipeDifference(field: $0.0, old: $0.1, new: nil) }
        return changed + gone
    }

    /// References are compared as a set first: one more point of a curve is one difference, not a shift of all.
    private static func inputDifferences(
        _ before: [(String, [String])], _ after: [(String, [String])]
    ) -> [RecipeDifference] {
        let fields = after.map(\.0) + before.map(\.0).filter { field in !after.contains { $0.0 == field } }
        return fields.flatMap { field -> [RecipeDifference] in
            let old = before.first { $0.0 == field }?.1 ?? []
            let new = after.first { $0.0 == field }?.1 ?? []
            let gone = old.filter { !new.contains($0) }
            let added = new.filter { !old.contains($0) }
            if gone.isEmpty, added.isEmpty {
                guard old != new else { return [] }
                func text(_ references: [String]) -> String {
                    references.map { InputReference($0).short }.joined(separator: ", ")
                }
                return [RecipeDifference(field: "order of \(field)", old: text(old), new: text(new))]
            }
            return (0..<max(gone.count, added.count)).map { index in
                RecipeDifference(
                    field: field, old: index < gone.count ? gone[index] : nil,
                    new: index < added.count ? added[index] : nil, isInput: true)
            }
        }
    }
}

/// A reference as a recipe holds it: a fingerprint, with a part after a dot.
package struct InputReference {
    package let fingerprint: String
    package let part: String?

    package init(_ text: String) {
        let pieces = text.byteText.split(".", maxSplits: 1).map(\.text)
        fingerprint = pieces.first ?? ""
        part = pieces.count > 1 ? String(pieces[1]) : nil
    }

    /// Cut to the length that folders have.
    package var short: String { fingerprint.prefix(12) + (part.map { ".\($0)" } ?? "") }
}

/// A recipe taken apart into fields with text for a value.
private struct RecipeFields {
    /// Format, kind, version and the stage's keys.
    let own: [(String, String)]
    let inputs: [(String, [String])]
    let seed: [(String, String)]

    init(_ recipe: JSONValue) {
        var own: [(String, String)] = []
        func visit(_ path: String, _ value: JSONValue) {
            switch value {
            case .object(let object) where !object.members.isEmpty:
                for member in object.members {
                    visit(path.isEmpty ? member.key : "\(path).\(member.key)", member.value)
                }
            case .array(let elements) where elements.contains { $0.object != nil }:
                for (index, element) in elements.enumerated() { visit("\(path)[\(index)]", element) }
            case .object where path.isEmpty: break
            default: own.append((path, value.string ?? value.oneLine))
            }
        }
        for (key, name) in [("format", "recipe format"), ("kind", "kind"), ("version", "kind version")] {
            visit(name, recipe[key] ?? .null)
        }
        visit("", recipe["config"] ?? [:])
        var inputs: [(String, [String])] = []
        for member in recipe["inputs"]?.object?.members ?? [] {
            switch member.value {
            case .string(let reference): inputs.append((member.key, [reference]))
            case .array(let elements):
                let labels = elements.compactMap { $0["label"]?.string }
                guard !labels.isEmpty else {
                    inputs.append((member.key, elements.compactMap(\.string)))
                    continue
                }
                for element in elements {
                    let references = element["artifacts"]?.array?.compactMap(\.string) ?? []
                    inputs.append(("\(member.key).\(element["label"]?.string ?? "")", references))
                }
                // Their order counts too: it is the order of the rows of a table.
                own.append(("labels of \(member.key)", labels.joined(separator: ", ")))
            default: break
            }
        }
        self.own = own
        self.inputs = inputs
        seed = [("seed", recipe["seed"]?.oneLine ?? "null")]
    }
}

/// A place in which two JSON values differ.
package struct ValueDifference: Sendable, Hashable, CustomStringConvertible {
    /// Dotted, with [n] for elements; empty for the whole.
    package let path: String
    /// As JSON on one line; nil where there is nothing.
    package let old: String?
    package let new: String?

    package init(path: String, old: String?, new: String?) {
        self.path = path
        self.old = old
        self.new = new
    }

    package var description: String {
        "\(path.isEmpty ? "" : "\(path): ")\(old ?? "(none)") → \(new ?? "(none)")"
    }

    /// All places, in the order of `old`, then those that only `new` has.
    ///
    /// Numbers are equal when their values are; the order of an object's keys doesn't count.
    package static func between(_ old: JSONValue, _ new: JSONValue) -> [ValueDifference] {
        var found: [ValueDifference] = []
        func visit(_ path: String, _ a: JSONValue?, _ b: JSONValue?) {
            switch (a, b) {
            case (.object(let x)?, .object(let y)?):
                for key in x.keys + y.keys.filter({ x[$0] == nil }) {
                    visit(path.isEmpty ? key : "\(path).\(key)", x[key], y[key])
                }
            case (.array(let x)?, .array(let y)?):
                for i in 0..<max(x.count, y.count) {
                    visit(
                        "\(path)[\(i)]", i < x.count ? x[i] : nil, i < y.count ? y[i] : nil)
                }
            default:
                if a == b { return }
                if let x = a?.double, let y = b?.double, x == y { return }
                found.append(ValueDifference(path: path, old: a?.oneLine, new: b?.oneLine))
            }
        }
        visit("", old, new)
        return found
    }
}

/// Numbers and durations for people.
package enum Readable {
    /// `2121` as "2,121".
    package static func count(_ number: Int) -> String {
        var text = ""
        for (index, digit) in String(number.magnitude).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return (number < 0 ? "-" : "") + String(text.reversed())
    }

    /// "0.03 s", "4.2 s", "38 s", "2 min 05 s", "3 h 07 min".
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "?" }
        if seconds < 1 { return "\(decimal(seconds, places: 2)) s" }
        if seconds < 9.95 { return "\(decimal(seconds, places: 1)) s" }
        let whole = Int(min(seconds.rounded(), 1e15))
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }

    /// "12.3", "1,234": three digits or so.
    package static func rate(_ perSecond: Double) -> String {
        guard perSecond.isFinite, perSecond < 1e15 else { return "?" }
        if perSecond >= 100 { return count(Int(perSecond.rounded())) }
        return decimal(perSecond, places: perSecond < 1 ? 2 : 1)
    }

    /// A duration that may be very long: "3 days 4 h", "12 years".
    package static func span(_ seconds: Double) -> String {
        let days = seconds / 86_400
        guard days >= 2, days.isFinite else { return duration(seconds) }
        if days < 14 {
            let hours = Int((seconds / 3600).rounded())
            return "\(hours / 24) days \(hours % 24) h"
        }
        return days < 730
            ? "\(count(Int(days.rounded()))) days" : "\(count(Int(min(days / 365, 1e12).rounded()))) years"
    }

    /// "512 B", "12.3 kB", "310 MB": three digits or so, in powers of ten.
    package static func size(_ bytes: Int) -> String {
        guard bytes >= 1000 else { return "\(bytes) B" }
        var value = Double(bytes)
        var units = ["kB", "MB", "GB", "TB"][...]
        value /= 1000
        while value >= 999.5, units.count > 1 {
            value /= 1000
            units = units.dropFirst()
        }
        return "\(rate(value)) \(units.first ?? "")"
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        let scale = places == 2 ? 100 : 10
        let scaled = Int((value * Double(scale)).rounded())
        let fraction = String(scaled % scale)
        return "\(scaled / scale)." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Duration {
    /// In seconds.
    package var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
