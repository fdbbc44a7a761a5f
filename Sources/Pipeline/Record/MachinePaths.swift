import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Takes the folders of this machine out of texts: a record shouldn't tell under whose account it was made.
struct MachinePaths {
    private let shortened: [(folder: String, text: String)]

    /// - Parameters:
    ///   - store: Becomes `store`.
    ///   - current: The working directory: paths below it become relative.
    ///   - home: Becomes `~`.
    init(store: FilePath, current: FilePath? = Self.currentFolder, home: FilePath? = Self.home) {
        var folders: [(folder: String, text: String)] = []
        if store.isAbsolute { folders.append((store.lexicallyNormalized().string, "store")) }
        if let current, current != "/" { folders.append((current.string, "")) }
        if let home, home != "/" { folders.append((home.string, "~")) }
        // The longest first, because one may lie in another.
        shortened = folders.sorted { $0.folder.count > $1.folder.count }
    }

    /// The same text with every absolute path shortened: to one that begins at a known place, or to its last part.
    func hidden(in text: String) -> String {
        var result = ""
        var rest = text[...]
        while let start = rest.indices.first(where: { isStart($0, in: rest, after: result.last) }) {
            result += rest[..<start]
            let end = rest[start...].firstIndex { $0.isWhitespace || ",;()\"'<>|:=".contains($0) }
            result += short(String(rest[start..<(end ?? rest.endIndex)]))
            rest = rest[(end ?? rest.endIndex)...]
        }
        return result + rest
    }

    /// A slash that begins a path, not one inside a relative path, a fraction or an address of the web.
    private func isStart(_ index: Substring.Index, in text: Substring, after last: Character?) -> Bool {
        guard text[index] == "/" else { return false }
        let before = index == text.startIndex ? last : text[text.index(before: index)]
        guard let before else { return true }
        if before == ":" {
            // "file:/x" and "a:/x" are paths; "https://x" is none.
            let next = text.index(after: index)
            return next == text.endIndex || text[next] != "/"
        }
        return before.isWhitespace || "\"'(=,;<|".contains(before)
    }

    private func short(_ path: String) -> String {
        for (folder, text) in shortened {
            if path == folder { return text.isEmpty ? "." : text }
            guard path.hasPrefix(folder + "/") else { continue }
            let rest = path.dropFirst(folder.count + 1)
            return text.isEmpty ? String(rest) : "\(text)/\(rest)"
        }
        // What ends in a slash names a folder; what is only slashes names nothing of the machine.
        guard let last = path.split(separator: "/").last else { return path }
        return "…/\(last)"
    }

    /// The working directory.
    static var currentFolder: FilePath? {
        guard let text = getcwd(nil, 0) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }

    private static var home: FilePath? { getenv("HOME").map { FilePath(platformString: $0) } }
}
