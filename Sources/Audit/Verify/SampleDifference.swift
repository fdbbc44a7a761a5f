internal import Base
import JSON
import Recipes

/// How the record of a sample differs from the one computed again.
enum SampleDifference {
    /// Phrases, one per field: for lists and texts where they begin to differ.
    static func list(_ recorded: JSONValue, _ again: JSONValue) -> [String] {
        let fields = recorded.object?.keys ?? []
        let more = (again.object?.keys ?? []).filter { !fields.contains($0) }
        return (fields + more).compactMap { field in
            phrase(field, recorded[field] ?? .null, again[field] ?? .null)
        }
    }

    private static func phrase(_ field: String, _ old: JSONValue, _ new: JSONValue) -> String? {
        guard old != new else { return nil }
        if let a = old.array, let b = new.array {
            return divergence(field, "position", a.map(\.oneLine), b.map(\.oneLine))
        }
        if let a = old.string, let b = new.string {
            let (x, y) = (words(a), words(b))
            if x.count > 1, y.count > 1, x != y { return divergence(field, "token", x, y) }
        }
        if let x = old.double, let y = new.double, x == y { return nil }
        return "\(field) was \(old.oneLine), is \(new.oneLine)"
    }

    private static func words(_ text: String) -> [String] {
        text.byteText.split(" ").map { "\"\($0)\"" }
    }

    private static func divergence(_ field: String, _ unit: String, _ a: [String], _ b: [String]) -> String {
        let index = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
        let (old, new) = (index < a.count ? a[index] : "the end", index < b.count ? b[index] : "the end")
        return "\(field) differs from \(unit) \(index) on: was \(old), is \(new)"
    }
}
