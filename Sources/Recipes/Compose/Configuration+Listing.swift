import JSON

extension Configuration {
    /// All values at and below a path, each with the place that it comes from.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func listing(of text: String) throws(UnknownPathError) -> String {
        let path = try self.path(text)
        guard isContainer(path) else { return explanation(of: path).text }
        let rows = leaves(below: path).map { leaf -> (path: String, value: String, place: String) in
            let explanation = explanation(of: leaf)
            let holding = explanation.holding
            let value = holding?.value?.oneLine ?? "(not set)"
            return (
                explanation.path, value.count > 48 ? "\(value.prefix(47))…" : value,
                [holding?.place, holding?.note].compactMap { $0 }.joined(separator: ", ")
            )
        }
        let widths = (rows.map(\.path.count).max() ?? 0, rows.map(\.value.count).max() ?? 0)
        return rows.map { row in
            let line =
                row.path + String(repeating: " ", count: widths.0 - row.path.count) + "  " + row.value
                + String(repeating: " ", count: widths.1 - row.value.count) + "  " + row.place
            let spaces = line.utf8.reversed().prefix { $0 == UInt8(ascii: " ") }.count
            return String(line.utf8.dropLast(spaces)).map { $0 + "\n" } ?? line
        }.joined()
    }

    /// The same, each value with everything that sets it.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func explanations(of text: String) throws(UnknownPathError) -> [ValueExplanation] {
        let path = try self.path(text)
        return isContainer(path) ? leaves(below: path).map(explanation(of:)) : [explanation(of: path)]
    }

    private func isContainer(_ path: ConfigPath) -> Bool {
        if case .object? = FieldLookup(registry, root).field(at: path)?.type { return true }
        return root[path]?.members != nil
    }

    /// The paths of all values below one, objects opened up, lists as they are.
    private func leaves(below path: ConfigPath) -> [ConfigPath] {
        keys(at: path).flatMap { key -> [ConfigPath] in
            let child = path.appending(.key(key))
            return isContainer(child) ? leaves(below: child) : [child]
        }
    }
}
