internal import CSandbox
internal import Files
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Two connected descriptors: one for this process, one for the other.
struct Channel {
    private(set) var ours: CInt
    private(set) var theirs: CInt

    static let closed = Channel(ours: -1, theirs: -1)

    /// Both directions; sending to it can be told to raise no signal.
    static func socket() throws(Errno) -> Channel {
        var ends: [CInt] = [-1, -1]
        #if canImport(Glibc)
            let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #else
            let kind = SOCK_STREAM | SOCK_CLOEXEC
        #endif
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Errno(rawValue: errno) }
        return Channel(ours: ends[0], theirs: ends[1])
    }

    /// From the other process to this one; reading never waits.
    static func pipe() throws(Errno) -> Channel {
        var ends: [CInt] = [-1, -1]
        guard sandbox_pipe(&ends) == 0 else { throw Errno(rawValue: errno) }
        return Channel(ours: ends[0], theirs: ends[1])
    }

    /// Closes the end of the other process, which has its own copy.
    mutating func closeTheirs() {
        if theirs >= 0 { close(theirs) }
        theirs = -1
    }

    mutating func closeBoth() {
        closeTheirs()
        if ours >= 0 { close(ours) }
        ours = -1
    }
}

/// An empty folder that programs may use.
struct TemporaryFolder {
    let path: String

    init() throws(Errno) {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/d3llm-program-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o755)
        // Programs of root run as nobody.
        if geteuid() == 0 { chown(path, 65534, 65534) }
    }

    /// Removes the folder with what a program left in it.
    func remove() { try? FileSystem.remove(FilePath(path)) }
}
