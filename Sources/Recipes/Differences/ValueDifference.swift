package import JSON

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
