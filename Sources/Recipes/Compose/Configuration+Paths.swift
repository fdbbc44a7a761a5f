internal import Base
import JSON

extension Configuration {
    /// Reads a path and checks that something is or could be there.
    package func path(_ text: String) throws(UnknownPathError) -> ConfigPath {
        guard let path = ConfigPath(text) else {
            throw UnknownPathError(description: "The path \"\(text)\" has an empty part between its dots.")
        }
        let lookup = FieldLookup(registry, root)
        for count in 1...path.parts.count {
            let prefix = ConfigPath(Array(path.parts.prefix(count)))
            if isKnown(prefix, lookup) { continue }
            let above = ConfigPath(Array(path.parts.prefix(count - 1)))
            let place = above.parts.isEmpty ? "The experiment" : "\"\(above)\""
            switch path.parts[count - 1] {
            case .key(let key):
                let hint = NearestName.hint(for: key, among: keys(at: above), what: "Its keys") ?? ""
                throw UnknownPathError(description: "\(place) has no key \"\(key)\". \(hint)".trimmed)
            case .index(let index):
                let count = root[above]?.array?.count
                throw UnknownPathError(
                    description: count.map {
                        "\(place) has \($0) elements, counted from 0; [\(index)] isn't one."
                    }
                        ?? "\(place) is no list, so that it has no element [\(index)].")
            }
        }
        return path
    }

    private func isKnown(_ path: ConfigPath, _ lookup: FieldLookup) -> Bool {
        if root[path] != nil || merged[path] != nil { return true }
        if layers.contains(where: { $0.tree[path] != nil }) { return true }
        if case .index? = path.parts.last { return false }
        if lookup.field(at: path) != nil { return true }
        return path.parts.count <= 3 && path.parts.last == .key("matrix") && path.inStage != nil
    }

    /// The keys that an object has or could have, those of the description first.
    package func keys(at path: ConfigPath) -> [String] {
        var keys: [String] = []
        func add(_ names: [String]) { keys += names.filter { !keys.contains($0) } }
        if path.parts.isEmpty { add(ExperimentHead.fields.map(\.key)) }
        add(FieldLookup(registry, root).fields(below: path).map(\.key))
        add((root[path]?.members ?? []).map(\.key))
        return keys
    }
}

extension String {
    /// Without a space at the end.
    fileprivate var trimmed: String { hasSuffix(" ") ? String(dropLast()) : self }
}
