public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Takes the parts of a file that is written piece by piece.
public struct FileSink: ~Copyable {
    let file: FileDescriptor
    let path: FilePath

    /// Appends bytes.
    public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        do {
            _ = try file.writeAll(bytes)
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }

    /// Appends bytes.
    public func append(_ bytes: [UInt8]) throws(FileError) {
        do {
            _ = try file.writeAll(bytes)
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }
}

extension FileSystem {
    /// As ``writeAtomically(_:to:)-(_,FilePath)`` for content that doesn't fit in memory: `body` appends the parts.
    public static func writeAtomically(
        to path: FilePath, parts body: (borrowing FileSink) throws -> Void
    ) throws {
        let folder = path.removingLastComponent()
        let name = path.lastComponent?.string ?? "file"
        let temporary = folder.appending(".\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).tmp")
        do {
            let file = try open(temporary, .writeOnly, "write", options: [.create, .exclusiveCreate])
            defer { try? file.close() }
            try body(FileSink(file: file, path: path))
            guard fsync(file.rawValue) == 0 else { throw FileError("write", path, Errno(rawValue: errno)) }
            try rename(temporary, to: path)
        } catch {
            try? remove(temporary)
            throw error
        }
        try synchronize(folder.isEmpty ? "." : folder)
    }
}
