import Files
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What is done below a folder stays below it, whatever stands there and whatever the places are called.
@Suite struct FolderTests {
    let scratch: ScratchFolder
    var inner: FilePath { scratch.path.appending("inner") }
    var outside: FilePath { scratch.path.appending("outside") }

    init() throws {
        scratch = try ScratchFolder()
        try FileSystem.createDirectory(inner.pushing("real/deep"))
        try FileSystem.createDirectory(outside.appending("folder"))
        try FileSystem.writeAtomically("mine", to: outside.appending("file"))
        try FileSystem.writeAtomically("mine too", to: outside.pushing("folder/file"))
        try FileSystem.writeAtomically("ours", to: inner.pushing("real/file"))
        for (name, target) in [
            ("up", ".."), ("folder", "../outside"), ("absolute", outside.string), ("file", "../outside/file"),
            ("dangling", "../outside/new"), ("self", "."), ("loop", "loop"), ("chain", "folder"),
        ] {
            try FileSystem.symbolicLink(to: FilePath(target), at: inner.appending(name))
            try FileSystem.symbolicLink(to: FilePath(target), at: inner.pushing("real/deep").appending(name))
        }
    }

    private static let links = ["up", "folder", "absolute", "file", "dangling", "self", "loop", "chain"]

    /// Ways out: through links, by "..", from the root, and by what a careless reader takes for something else.
    private static let places: [String] =
        ["..", "../outside/file", "real/../../outside/file", "/etc/passwd", "real/..", "."]
        + links.flatMap { [$0, "real/deep/\($0)"] }.flatMap { link in
            ["\(link)/file", "\(link)/folder/file", "\(link)/new", "\(link)/outside/new"]
        }
        + [
            "..\u{301}/../../outside/new", "real/\u{600}/../../../outside/new",
            "../\u{301}\u{600}/../outside/new",
        ]

    private func everythingOutside() throws -> [String] {
        try ScratchFolder.files(below: outside).map {
            "\($0) \(try FileSystem.readText(outside.pushing(FilePath($0))))"
        }
            + FileSystem.list(scratch.path)
    }

    @Test(arguments: places) func nothingIsMadeOutside(place: String) throws {
        let (folder, place, before) = (try Folder(inner), FilePath(place), try everythingOutside())
        let spare = FilePath("spare")
        try folder.writeAtomically("x".utf8, to: spare)
        let attempts: [() throws -> Void] = [
            { try folder.makeFolder(place) }, { _ = try folder.makeNewFolder(place) },
            { try folder.create(place).close() }, { try folder.writeAtomically("x".utf8, to: place) },
            { try folder.rename(spare, to: folder, place) }, { try folder.rename(place, to: folder, spare) },
            { try folder.symbolicLink(to: "/", at: place) },
            { _ = try folder.hardLink(inner.appending("spare"), to: place) },
            { try folder.copy(inner.appending("spare"), to: place) }, { try folder.remove(place) },
            { if try folder.read(place) != nil { throw Reached() } },
            {
                if try folder.openFile(place, .readWrite, options: [.create, .truncate]) != nil {
                    throw Reached()
                }
            },
        ]
        for attempt in attempts { #expect(throws: FileError.self) { try attempt() } }
        #expect(try everythingOutside() == before)
    }

    private struct Reached: Error {}

    @Test(arguments: links) func aLinkIsToldAsOneAndRemovedAsOne(name: String) throws {
        let (folder, place, before) = (try Folder(inner), FilePath(name), try everythingOutside())
        #expect(try folder.status(place)?.kind == .link)
        let attempts: [() throws -> Void] = [
            { try folder.makeFolder(place) }, { _ = try folder.read(place) },
            { _ = try folder.openFile(place, .readWrite, options: .create) },
            { _ = try folder.folder(place) },
        ]
        for attempt in attempts {
            let error = #expect(throws: FileError.self) { try attempt() }
            #expect(
                error?.description.contains("a symbolic link stands there, and links aren't followed")
                    == true,
                "\(error?.description ?? "")")
        }
        try folder.remove(place)
        #expect(try folder.status(place) == nil)
        #expect(try everythingOutside() == before)
    }

    @Test func aTreeIsRemovedWithItsLinksAndNothingBehindThem() throws {
        let before = try everythingOutside()
        // A name that is no UTF-8.
        var bytes = Array("\(inner)/real/deep/".utf8CString.dropLast())
        bytes += [CChar(bitPattern: 0xFF), CChar(bitPattern: 0xC3), 0]
        let file = bytes.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { open($0, O_CREAT | O_WRONLY, 0o600) } ?? -1
        }
        #expect(file >= 0)
        close(file)
        #expect(mkfifo(inner.pushing("real/pipe").string, 0o600) == 0)
        try FileSystem.remove(inner)
        #expect(try FileSystem.status(inner, followingLinks: false) == nil)
        #expect(try everythingOutside() == before.filter { $0 != "inner" })
        try FileSystem.remove(inner)
        try FileSystem.remove(inner.pushing("not/there"))
    }

    @Test(.enabled(if: Tmpfs.isAvailable, "needs the right to mount a tmpfs"))
    func whatIsMountedInATreeStays() throws {
        let disk = try #require(Tmpfs(kibibytes: 64))
        try FileSystem.writeAtomically("mine", to: disk.path.appending("file"))
        let parent = disk.path.removingLastComponent()
        let error = #expect(throws: FileError.self) {
            try Folder(parent).remove(FilePath(disk.path.lastComponent?.string ?? ""))
        }
        #expect(
            error?.description.contains("another file system is mounted there") == true,
            "\(error?.description ?? "")")
        #expect(try FileSystem.readText(disk.path.appending("file")) == "mine")
    }

    @Test func pipesAreNotOpened() throws {
        #expect(mkfifo(inner.appending("pipe").string, 0o600) == 0)
        #expect(throws: FileError.self) { try Folder(inner).read("pipe") }
    }

    @Test func whatIsInsideWorks() throws {
        let folder = try Folder(inner)
        try folder.makeFolder("a/b/c")
        try folder.writeAtomically("one".utf8, to: "a/b/c/file")
        #expect(try folder.read("a/b/c/file") == Array("one".utf8))
        try folder.copy(inner.pushing("a/b/c/file"), to: "a/copy")
        try folder.rename("a/copy", to: try #require(try folder.folder("a/b")), "moved")
        #expect(try folder.read("a/b/moved") == Array("one".utf8))
        // A copy is a file of its own.
        let moved = try FileDescriptor.open(inner.pushing("a/b/moved"), .writeOnly)
        try moved.writeAll("two".utf8)
        try moved.close()
        #expect(try folder.read("a/b/c/file") == Array("one".utf8))
        #expect(try folder.read("not/there") == nil && folder.folder("not") == nil)
        #expect(try folder.folder("a/b")?.names().map(\.string) == ["c", "moved"])
        #expect(try folder.makeNewFolder("new") && !folder.makeNewFolder("new"))
        try folder.remove("a")
        #expect(try folder.status("a") == nil)
    }
}
