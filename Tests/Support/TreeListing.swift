internal import Files
public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// All that can be told of a folder's content: what tells whether anything was changed, made or removed.
public enum TreeListing {
    /// A line for everything below a folder: path, kind, mode, size, time of change, and content or target.
    ///
    /// - Parameter hidden: Folders that aren't looked into and whose own times don't count.
    public static func lines(below folder: FilePath, without hidden: [FilePath] = []) throws -> [String] {
        var lines: [String] = []
        func visit(_ path: FilePath) throws {
            for name in try Folder(path).names() {
                let child = path.appending(name)
                var info = stat()
                _ = child.withPlatformString { lstat($0, &info) }
                let isHidden = hidden.contains(child)
                // A folder that holds a hidden one changes with it.
                let time =
                    isHidden || hidden.contains { $0.removingLastComponent() == child }
                    ? "" : "\(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
                var line = "\(child) \(String(info.st_mode, radix: 8)) \(time)"
                switch info.st_mode & S_IFMT {
                case S_IFREG: line += " \(info.st_ino) \(info.st_nlink) \(try SHA256.hex(ofFile: child))"
                case S_IFLNK:
                    var buffer = [CChar](repeating: 0, count: 4096)
                    let count = child.withPlatformString { readlink($0, &buffer, buffer.count) }
                    line += " \(buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) })"
                default: break
                }
                lines.append(line)
                if info.st_mode & S_IFMT == S_IFDIR, !isHidden { try visit(child) }
            }
        }
        try visit(folder)
        return lines
    }
}
