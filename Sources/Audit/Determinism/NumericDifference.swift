import Files
import JSON
import Recipes
import SystemPackage

/// The largest difference of numbers in files of JSON.
enum NumericDifference {
    /// Nil when a file holds no JSON, or when the two have other places than numbers that differ.
    static func largest(_ a: FilePath, _ b: FilePath) -> Double? {
        guard let x = values(a), let y = values(b), x.count == y.count else { return nil }
        return zip(x, y).reduce(0) { result, pair in
            guard let result, let next = largest(pair.0, pair.1) else { return nil }
            return max(result, next)
        }
    }

    /// The largest difference of two values of the same form; nil where anything but numbers differs.
    static func largest(_ a: JSONValue, _ b: JSONValue) -> Double? {
        var result = 0.0
        for difference in ValueDifference.between(a, b) {
            guard let old = difference.old.flatMap({ Double($0) }),
                let new = difference.new.flatMap({ Double($0) })
            else { return nil }
            result = max(result, abs(old - new))
        }
        return result
    }

    /// A document, or one per line.
    private static func values(_ path: FilePath) -> [JSONValue]? {
        let isLines = path.extension == "jsonl"
        guard isLines || path.extension == "json",
            let bytes = try? FileSystem.read(path, limit: FileLimit.data)
        else { return nil }
        let texts = isLines ? bytes.split(separator: UInt8(ascii: "\n")).map(Array.init) : [bytes]
        let values = texts.compactMap { try? JSONValue(JSONDocument(parsing: $0, name: "").root) }
        return values.count == texts.count ? values : nil
    }
}
