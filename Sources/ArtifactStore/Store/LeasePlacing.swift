import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Gives a file a name that only one process can give.
enum LeasePlacing {
    /// Writes a file and gives it the name; the open file, or nil when the name is taken.
    ///
    /// The file is whole before it has the name. On NFS the answer to link() can be lost and the request be repeated, so
    /// that it fails although it was carried out: what counts is how many names the file has.
    /// - Parameter id: Part of the name that the file has first.
    package static func place(_ bytes: [UInt8], _ id: String, at path: FilePath) throws(FileError)
        -> FileDescriptor?
    {
        let prefix = path.lastComponent.map { String($0.string.unicodeScalars.prefix { $0 != "." }) } ?? ""
        let claim = path.removingLastComponent().appending("\(prefix).\(id).claim")
        guard let file = try create(claim) else { throw FileError("lock", claim, .fileExists) }
        do throws(FileError) {
            try write(bytes, to: file, claim)
            let result = claim.withPlatformString { from in path.withPlatformString { link(from, $0) } }
            let reason = Errno(rawValue: result == 0 ? 0 : errno)
            let isLinked = result == 0 || names(of: claim) == 2
            try FileSystem.remove(claim)
            if isLinked { return file }
            switch reason {
            case .fileExists, .noSuchFileOrDirectory:
                try? file.close()
                return nil
            case .notPermitted, .notSupported, .noFunction, .tooManyLinks, .improperLink: break
            default: throw FileError("lock", path, reason)
            }
        } catch {
            try? file.close()
            try? FileSystem.remove(claim)
            throw error
        }
        try? file.close()
        return try placeWithoutLinks(bytes, at: path)
    }

    /// Where a file can't have two names: the name is there first and the content a moment later.
    static func placeWithoutLinks(_ bytes: [UInt8], at path: FilePath) throws(FileError) -> FileDescriptor? {
        guard let file = try create(path) else { return nil }
        do {
            try write(bytes, to: file, path)
            return file
        } catch {
            try? file.close()
            try? FileSystem.remove(path)
            throw error
        }
    }

    /// How many names a file has; it is opened anew, so that clients of NFS ask the server.
    private static func names(of path: FilePath) -> Int {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return 0 }
        defer { try? file.close() }
        var facts = stat()
        return fstat(file.rawValue, &facts) == 0 ? Int(facts.st_nlink) : 0
    }

    private static func create(_ path: FilePath) throws(FileError) -> FileDescriptor? {
        do {
            return try FileDescriptor.open(
                path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
                permissions: FilePermissions(rawValue: 0o644))
        } catch {
            let reason = error as? Errno ?? .ioError
            if reason == .fileExists { return nil }
            throw FileError("lock", path, reason)
        }
    }

    private static func write(_ bytes: [UInt8], to file: FileDescriptor, _ path: FilePath) throws(FileError) {
        do {
            _ = try file.writeAll(toAbsoluteOffset: 0, bytes)
        } catch {
            throw FileError("lock", path, error as? Errno ?? .ioError)
        }
        guard fsync(file.rawValue) == 0 else { throw FileError("lock", path, Errno(rawValue: errno)) }
    }
}
