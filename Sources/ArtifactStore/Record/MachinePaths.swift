internal import Base
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Takes the folders of this machine out of texts: a record shouldn't tell under whose account it was made.
package struct MachinePaths {
    private let shortened: [(folder: String, text: String)]

    /// - Parameters:
    ///   - store: Becomes `store`.
    ///   - current: The working directory: paths below it become relative.
    ///   - home: Becomes `~`.
    package init(store: FilePath, current: FilePath? = Self.currentFolder, home: FilePath? = Self.home) {
        var folders: [(folder: String, text: String)] = []
        if store.isAbsolute { folders.append((store.lexicallyNormalized().string, "store")) }
        if let current, current != "/" { folders.append((current.string, "")) }
        if let home, home != "/" { folders.append((home.string, "~")) }
        // The longest first, because one may lie in another.
        shortened = folders.sorted { $0.folder.count > $1.folder.count }
    }

    /// The same text with every absolute path shortened: to one that begins at a known place, or to its last part.
    package func hidden(in text: String) -> String {
        var result = ""
        // Scalars: a slash beside a combining mark begins a path too.
        var rest = text.unicodeScalars[...]
        while let start = rest.indices.first(where: {
            isStart($0, in: rest, after: result.unicodeScalars.last)
        }) {
            result.unicodeScalars += rest[..<start]
            rest = rest[start...]
            if let (folder, text) = shortened.first(where: { Self.begins(rest, with: $0.folder) }) {
                // Known folders first, because spaces in their names don't end them.
                rest = rest.dropFirst(folder.unicodeScalars.count)
                let below = rest.prefix { !Self.ends($0) }
                result +=
                    text.isEmpty ? (below.isEmpty ? "." : String(below.dropFirst())) : text + String(below)
                rest = rest[below.endIndex...]
            } else {
                let path = rest.prefix { !Self.ends($0) }
                // What ends in a slash names a folder; what is only slashes names nothing of the machine.
                result += Substring(path).byteText.split("/").last.map { "…/\($0)" } ?? String(path)
                rest = rest[path.endIndex...]
            }
        }
        return result + String(rest)
    }

    private static func begins(_ text: Substring.UnicodeScalarView, with folder: String) -> Bool {
        guard text.starts(with: folder.unicodeScalars) else { return false }
        return text.dropFirst(folder.unicodeScalars.count).first.map { $0 == "/" || ends($0) } ?? true
    }

    /// Whether a character ends a path in a text.
    private static func ends(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || ",;()\"'<>|:=".unicodeScalars.contains(scalar)
    }

    /// A slash that begins a path, not one inside a relative path, a fraction or an address of the web.
    private func isStart(
        _ index: String.Index, in text: Substring.UnicodeScalarView, after last: Unicode.Scalar?
    ) -> Bool {
        guard text[index] == "/" else { return false }
        let before = index == text.startIndex ? last : text[text.index(before: index)]
        guard let before else { return true }
        if before == ":" {
            // "file:/x" and "a:/x" are paths; "https://x" is none.
            let next = text.index(after: index)
            return next == text.endIndex || text[next] != "/"
        }
        return before.properties.isWhitespace || "\"'(=,;<|".unicodeScalars.contains(before)
    }

    /// The working directory.
    static var currentFolder: FilePath? {
        guard let text = getcwd(nil, 0) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }

    private static var home: FilePath? { getenv("HOME").map { FilePath(platformString: $0) } }
}
