public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension FileSystem {
    /// Writes a file so that readers see the old content or the new one, never a part, even over a power cut.
    ///
    /// The bytes go to a temporary file in the same folder, which is flushed to the disk and renamed; then the
    /// folder is flushed. After an error the temporary file is gone and the old content is still there.
    public static func writeAtomically(_ bytes: some Sequence<UInt8>, to path: FilePath) throws(FileError) {
        do {
            try writeAtomically(to: path) { sink in try sink.append(Array(bytes)) }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("write", path, .ioError)
        }
    }

    /// Writes text as UTF-8, atomically.
    public static func writeAtomically(_ text: String, to path: FilePath) throws(FileError) {
        try writeAtomically(text.utf8, to: path)
    }

    /// Flushes a file or folder to the disk.
    public static func synchronize(_ path: FilePath) throws(FileError) {
        let file = try open(path, .readOnly, "flush", options: .nonBlocking)
        defer { try? file.close() }
        guard fsync(file.rawValue) == 0 else { throw FileError("flush", path, Errno(rawValue: errno)) }
    }
}

extension FileSystem {
    /// Flushes an open file to the disk.
    ///
    /// - Parameter path: Names it in an error.
    public static func synchronize(_ file: FileDescriptor, _ path: FilePath) throws(FileError) {
        guard fsync(file.rawValue) == 0 else { throw FileError("flush", path, Errno(rawValue: errno)) }
    }
}
