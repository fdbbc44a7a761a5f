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
    /// - Parameters:
    ///   - id: Part of the name that the file has first.
    ///   - name: A plain name in the folder.
    package static func place(
        _ bytes: [UInt8], _ id: String, in folder: Folder, as name: FilePath
    ) throws(FileError) -> FileDescriptor? {
        let prefix = String(name.string.unicodeScalars.prefix { $0 != "." })
        let claim = FilePath("\(prefix).\(id).claim")
        guard let file = try create(claim, in: folder) else {
            throw FileError("lock", folder.path.pushing(claim), .fileExists)
        }
        do throws(FileError) {
            try write(bytes, to: file, folder.path.pushing(claim))
            var refusal: FileError?
            do throws(FileError) { try folder.link(claim, to: name) } catch { refusal = error }
            let isLinked = refusal == nil || names(of: claim, in: folder) == 2
            try folder.remove(claim)
            if isLinked { return file }
            switch refusal?.errno {
            case .fileExists?, .noSuchFileOrDirectory?:
                try? file.close()
                return nil
            case .notPermitted?, .notSupported?, .noFunction?, .tooManyLinks?, .improperLink?: break
            default: throw FileError("lock", folder.path.pushing(name), refusal?.errno ?? .ioError)
            }
        } catch {
            try? file.close()
            try? folder.remove(claim)
            throw error
        }
        try? file.close()
        return try placeWithoutLinks(bytes, in: folder, as: name)
    }

    /// Where a file can't have two names: the name is there first and the content a moment later.
    static func placeWithoutLinks(
        _ bytes: [UInt8], in folder: Folder, as name: FilePath
    ) throws(FileError) -> FileDescriptor? {
        guard let file = try create(name, in: folder) else { return nil }
        do throws(FileError) {
            try write(bytes, to: file, folder.path.pushing(name))
            return file
        } catch {
            try? file.close()
            try? folder.remove(name)
            throw error
        }
    }

    /// How many names a file has; it is opened anew, so that clients of NFS ask the server.
    private static func names(of name: FilePath, in folder: Folder) -> Int {
        guard let file = try? folder.openFile(name, .readOnly, "lock") else { return 0 }
        defer { try? file.close() }
        var facts = stat()
        return fstat(file.rawValue, &facts) == 0 ? Int(facts.st_nlink) : 0
    }

    /// A new file; nil where anything stands already.
    private static func create(_ name: FilePath, in folder: Folder) throws(FileError) -> FileDescriptor? {
        do {
            return try folder.openFile(
                name, .readWrite, options: [.create, .exclusiveCreate],
                permissions: FilePermissions(rawValue: 0o644), "lock")
        } catch {
            if error.errno == .fileExists { return nil }
            throw error
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
