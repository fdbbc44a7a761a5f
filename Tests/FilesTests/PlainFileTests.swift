import Base
import Files
import SystemPackage
import TestSupport
import Testing

/// Readers of files that somebody else chose end: at a device, at a pipe that nobody writes to, at a limit.
@Suite struct PlainFileTests {
    let scratch: ScratchFolder
    var file: FilePath { scratch.path.appending("file") }

    init() throws { scratch = try ScratchFolder() }

    private static let readers: [(name: String, read: @Sendable (FilePath) throws -> Void)] = [
        ("bytes", { _ = try FileSystem.read($0) }),
        ("data", { _ = try FileSystem.read($0, limit: FileLimit.data) }),
        ("text", { _ = try FileSystem.readText($0) }),
        ("parts", { try FileSystem.readParts($0) { _ in } }),
        ("lines", { try FileSystem.forEachLine(of: $0) { _, _ in } }),
        ("digest", { _ = try SHA256.hex(ofFile: $0) }),
        ("memory", { _ = try MappedFile($0) }),
        ("copy", { try Folder($0.removingLastComponent()).copy($0, to: "copy") }),
        ("clone", { _ = try Folder($0.removingLastComponent()).clone($0, to: "copy") }),
    ]

    @Test(arguments: Obstacle.allCases) func nothingButAPlainFileIsRead(obstacle: Obstacle) throws {
        try obstacle.place(at: file)
        for (name, read) in Self.readers {
            let error = #expect(throws: FileError.self, "\(name)") { try read(file) }
            let text = error?.description ?? ""
            #expect(text.lowercased().contains(obstacle.words), "\(name): \(text)")
            #expect(text.contains(file.string), "\(name): \(text)")
        }
        #expect(!FileSystem.exists(scratch.path.appending("copy")))
    }

    /// Below a folder that is held open, a link is refused whatever it leads to.
    @Test(arguments: Obstacle.allCases) func nothingButAPlainFileIsReadBelowAFolder(obstacle: Obstacle) throws
    {
        try obstacle.place(at: file)
        let error = #expect(throws: FileError.self) { try Folder(scratch.path).read("file") }
        let text = error?.description ?? ""
        let words =
            switch obstacle {
            case .device, .linkToPipe: "a symbolic link stands there"
            case .pipe, .socket: "a pipe, a socket or a device stands there, and a plain file is needed"
            case .folder: "A folder stands where a file is needed"
            }
        #expect(text.contains(words), "\(text)")
    }

    @Test func aLinkToAPlainFileIsFollowed() throws {
        try FileSystem.writeAtomically("x", to: scratch.path.appending("real"))
        try FileSystem.symbolicLink(to: "real", at: file)
        #expect(try FileSystem.readText(file) == "x")
        #expect(try FileSystem.read("/proc/self/comm").isEmpty == false, "a file of the kernel has no size")
    }

    /// Holes take no room on a disk, nor in a packed repository.
    @Test func whatIsBeyondTheLimitIsNotRead() throws {
        let sparse = try FileDescriptor.open(
            file, .readWrite, options: .create, permissions: FilePermissions(rawValue: 0o600))
        try sparse.resize(to: 1 << 42)
        try sparse.close()
        let readers: [() throws -> Void] = [
            { _ = try FileSystem.read(file) }, { _ = try FileSystem.read(file, limit: FileLimit.data) },
            { _ = try FileSystem.readText(file, limit: FileLimit.settings) },
            { _ = try Folder(scratch.path).read("file") },
        ]
        for read in readers {
            let error = #expect(throws: FileError.self) { try read() }
            #expect(
                error?.description.contains("MiB, which is the most that is read of such a file") == true,
                "\(error?.description ?? "")")
        }
        try FileSystem.writeAtomically("12345", to: file)
        #expect(try FileSystem.read(file, limit: 5).count == 5)
        #expect(throws: FileError.self) { try FileSystem.read(file, limit: 4) }
    }

    /// What the command line names may be a pipe, but has a limit too.
    @Test func aFileThatTheCommandLineNamesMayBeAPipe() throws {
        try Obstacle.pipe.place(at: file)
        try BlockingThread.start { [file] in
            guard let pipe = try? FileDescriptor.open(file, .writeOnly) else { return }
            _ = try? pipe.writeAll("text".utf8)
            try? pipe.close()
        }
        #expect(try FileSystem.readText(file, mayBePipe: true) == "text")
        let error = #expect(throws: FileError.self) {
            try FileSystem.read("/dev/zero", limit: 1 << 20, mayBePipe: true)
        }
        #expect(error?.errno == .fileTooLarge)
    }

    @Test(arguments: [
        ("a/b", true), ("", true), ("..", true), ("\0", false), ("a\0", false), ("a\0\u{301}/b", false),
    ])
    func aPathOfSomebodyElseHasNoNUL(text: String, isTaken: Bool) {
        #expect((FilePath(foreign: text) != nil) == isTaken)
        #expect(FilePath(foreign: text).map { $0.string == text } ?? true)
    }
}
