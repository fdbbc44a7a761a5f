internal import JSON

/// A golden file that lacks something.
struct GoldenFormatError: Error, CustomStringConvertible {
    let description: String
}

extension JSONNode {
    /// The value under `key`, converted; an error that names the key otherwise.
    func required<T>(_ key: String, _ convert: (JSONNode) -> T?) throws(GoldenFormatError) -> T {
        guard let node = self[key], let value = convert(node) else {
            throw GoldenFormatError(description: "a case has no usable \"\(key)\"")
        }
        return value
    }

    /// An array of token ids.
    var tokens: [Int32]? {
        guard let array else { return nil }
        let ids = array.compactMap { $0.int.flatMap { Int32(exactly: $0) } }
        return ids.count == array.count ? ids : nil
    }

    /// An array of whole numbers.
    var integers: [Int]? {
        guard let array else { return nil }
        let numbers = array.compactMap(\.int)
        return numbers.count == array.count ? numbers : nil
    }
}
