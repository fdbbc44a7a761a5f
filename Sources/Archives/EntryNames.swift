/// The names that were seen in an archive, so that none comes twice.
struct EntryNames {
    private enum Kind { case file, folder, impliedFolder }
    /// By the name as systems see it that don't tell cases apart; Swift's strings don't tell Unicode forms apart.
    private var seen: [String: (exact: String, kind: Kind)] = [:]

    var count: Int { seen.count }

    /// Notes an entry and the folders that it is in.
    mutating func add(_ parts: [String], isFolder: Bool) throws(EntryPath.Refusal) {
        for end in 1..<max(1, parts.count) {
            let path = parts[..<end].joined(separator: "/")
            guard let known = seen[path.lowercased()] else {
                seen[path.lowercased()] = (path, .impliedFolder)
                continue
            }
            try compare(known.exact, path)
            guard known.kind != .file else { throw .init(reason: "lies in \(path), which is a file") }
        }
        let path = parts.joined(separator: "/")
        if let known = seen[path.lowercased()] {
            try compare(known.exact, path)
            guard known.kind == .impliedFolder, isFolder else { throw .init(reason: "is there twice") }
        }
        seen[path.lowercased()] = (path, isFolder ? .folder : .file)
    }

    private func compare(_ known: String, _ path: String) throws(EntryPath.Refusal) {
        guard known.utf8.elementsEqual(path.utf8) else {
            throw .init(
                reason: "has a name that differs from \(known) only in case or in the form of its letters")
        }
    }
}
