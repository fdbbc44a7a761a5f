internal import Base

/// Paths that come from files or servers and are to stay inside a folder.
enum SafePath {
    /// Whether every system takes a path for the same file below the folder that it is put in.
    static func isSafe(_ path: String) -> Bool {
        let parts = path.byteText.split("/", keepingEmpty: true)
        return path.utf8.count <= 1024 && parts.count <= 32
            && path.utf8.allSatisfy {
                $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: ":")
            }
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." && $0.count <= 255 }
    }
}

/// Paths of files that can all be in one folder.
///
/// Names in two Unicode forms are taken for one name, as some systems do.
struct SafePaths {
    private var files: Set<String> = []
    private var folders: Set<String> = []

    /// Adds a path; false when it isn't safe, is there already, or one of the two would be a folder of the other.
    mutating func insert(_ path: String) -> Bool {
        guard SafePath.isSafe(path), !folders.contains(path), !files.contains(path) else { return false }
        var above: [String] = []
        var rest = path.byteText
        while let (folder, _) = rest.cut(atLast: "/") {
            guard !files.contains(folder.text) else { return false }
            above.append(folder.text)
            rest = folder
        }
        files.insert(path)
        folders.formUnion(above)
        return true
    }
}
