public import Base
public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A text file whose bytes are no UTF-8.
public struct FileEncodingError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// The file.
    public let path: FilePath

    public var description: String { "\(path) isn't UTF-8 text. Save it as UTF-8." }
}

extension FileSystem {
    /// All bytes of a file.
    ///
    /// Pipes and other files without a size are read to their end.
    public static func read(_ path: FilePath) throws(FileError) -> [UInt8] {
        let file = try open(path, .readOnly, "read")
        defer { try? file.close() }
        return try read(file, path)
    }

    /// All bytes of an open file from where it is read next.
    ///
    /// - Parameter path: Names it in an error.
    public static func read(_ file: FileDescriptor, _ path: FilePath) throws(FileError) -> [UInt8] {
        var info = stat()
        let expected = fstat(file.rawValue, &info) == 0 ? max(0, Int(info.st_size)) : 0
        var bytes: [UInt8] = []
        // One byte more than the size, so that the end of an unchanged file is seen without a second buffer.
        var room = expected + 1
        while true {
            let start = bytes.count
            do {
                let part = try [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                    count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
                }
                if part.isEmpty { return bytes }
                if bytes.isEmpty { bytes = part } else { bytes += part }
            } catch {
                throw FileError("read", path, error as? Errno ?? .ioError)
            }
            room = max(expected + 1 - bytes.count, min(bytes.count - start, 1 << 20), 4096)
        }
    }

    /// Gives a file's bytes to `body` a part at a time; the parts are valid during the call.
    public static func readParts(_ path: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        let file = try open(path, .readOnly, "read")
        defer { try? file.close() }
        try readParts(file, path, body)
    }

    /// The same for an open file, from where it is read next.
    ///
    /// - Parameter path: Names it in an error.
    public static func readParts(
        _ file: FileDescriptor, _ path: FilePath, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while true {
                let count: Int
                do {
                    count = try file.read(into: buffer)
                } catch {
                    throw FileError("read", path, error as? Errno ?? .ioError)
                }
                if count == 0 { break }
                try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
        }
    }

    /// A whole file as text.
    ///
    /// - Throws: `FileError`, or `FileEncodingError` when the bytes aren't UTF-8.
    public static func readText(_ path: FilePath) throws -> String {
        guard let text = String(validating: try read(path), as: UTF8.self) else {
            throw FileEncodingError(path: path)
        }
        return text
    }

    static func open(
        _ path: FilePath, _ mode: FileDescriptor.AccessMode, _ operation: String,
        options: FileDescriptor.OpenOptions = []
    ) throws(FileError) -> FileDescriptor {
        do {
            return try FileDescriptor.open(
                path, mode, options: options.union(.closeOnExec),
                permissions: options.contains(.create) ? FilePermissions(rawValue: 0o666) : nil)
        } catch {
            throw FileError(operation, path, error as? Errno ?? .ioError)
        }
    }
}
