import Archives
import Files
import SystemPackage
import TestSupport
import Testing

/// Where archives put files doesn't hang on how well their names were read.
@Suite struct DescriptorTests {
    /// Names that are one harmless word to who compares characters, and folders to the kernel.
    private static let names: [String] = ["\u{301}", "\u{600}", "\u{20DD}", "\u{200D}", "\u{FE0F}"].flatMap {
        mark in
        [
            "../\(mark)../../evil", "..\(mark)/../evil", "a/\(mark)../../../evil",
            "../\(mark)\u{600}/../../evil",
        ]
    }

    @Test(arguments: names) func nothingIsWrittenOutside(name: String) throws {
        let bench = try Workbench()
        let target = bench.path.pushing("a/b/c/inner")
        try FileSystem.createDirectory(target)
        let file = bench.path.appending("archive.tar")
        try FileSystem.writeAtomically(TarBytes.around { $0.add(name, Array("evil".utf8)) }, to: file)
        let before = try ScratchFolder.files(below: bench.path)
        _ = try? Unpacker().unpack(file, into: target.appending("out"))
        _ = try? Unpacker().unpack(file, into: FilePath(name), of: try Folder(target))
        _ = try? Unpacker().decompress(file, to: FilePath(name), of: try Folder(target))
        let after = try ScratchFolder.files(below: bench.path)
        #expect(after.filter { !$0.utf8.starts(with: "a/b/c/inner/".utf8) } == before)
    }

    /// Somebody exchanges a folder for a link while the archive is unpacked: here, before.
    @Test func noLinkIsFollowedToTheTarget() throws {
        let bench = try Workbench()
        let (inner, outside) = (bench.path.appending("inner"), bench.path.appending("outside"))
        for folder in [inner, outside] { try FileSystem.createDirectory(folder) }
        try FileSystem.symbolicLink(to: outside, at: inner.appending("link"))
        let file = bench.path.appending("archive.tar")
        try FileSystem.writeAtomically(TarBytes.around { $0.add("file", Array("x".utf8)) }, to: file)
        for place in ["link/out", "link"] {
            #expect(throws: FileError.self) {
                try Unpacker().unpack(file, into: FilePath(place), of: try Folder(inner))
            }
        }
        #expect(try FileSystem.list(outside) == [])
        try Unpacker().unpack(file, into: "deep/out", of: try Folder(inner))
        #expect(try FileSystem.readText(inner.pushing("deep/out/file")) == "x")
    }
}
