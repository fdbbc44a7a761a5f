internal import Files
public import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What somebody who wrote a folder can leave where a file is expected: reading it ends never, or gives nothing.
public enum Obstacle: CaseIterable, Sendable {
    /// A link to a device without an end, which a repository can bring.
    case device
    /// A pipe that nobody writes to.
    case pipe
    case linkToPipe
    case socket
    case folder

    /// The system's refusal to make one.
    public struct Refusal: Error { let number: CInt }

    /// Puts it at a path, in place of what is there.
    public func place(at path: FilePath) throws {
        try FileSystem.remove(path)
        switch self {
        case .device: try FileSystem.symbolicLink(to: "/dev/zero", at: path)
        case .folder: try FileSystem.createDirectory(path)
        case .pipe: try check(mkfifo(path.string, 0o600))
        case .socket: try check(mknod(path.string, S_IFSOCK | 0o600, 0))
        case .linkToPipe:
            let pipe = FilePath(path.string + ".pipe")
            try FileSystem.remove(pipe)
            try check(mkfifo(pipe.string, 0o600))
            try FileSystem.symbolicLink(to: FilePath(pipe.lastComponent?.string ?? ""), at: path)
        }
    }

    private func check(_ result: CInt) throws(Refusal) {
        guard result == 0 else { throw Refusal(number: errno) }
    }

    /// What the error says of it.
    public var words: String {
        switch self {
        case .device: "a device is where the link there leads, and only a plain file is read"
        case .pipe: "a pipe stands there, and only a plain file is read"
        case .linkToPipe: "a pipe is where the link there leads, and only a plain file is read"
        case .socket: "a socket or a device stands there, and only a plain file is read"
        case .folder: "a folder stands where a file is needed"
        }
    }
}
