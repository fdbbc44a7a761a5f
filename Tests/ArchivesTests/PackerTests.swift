import Archives
import Files
import SystemPackage
import TestSupport
import Testing

@Suite struct PackerTests {
    let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    @Test func theSameContentGivesTheSameBytesAndComesBack() throws {
        let long = String(repeating: "folder-of-a-long-name/", count: 8) + "\u{E9}.txt"
        let big = scratch.path.appending("big")
        try FileSystem.writeAtomically([UInt8](repeating: 7, count: 300_000), to: big)
        let entries: [Packer.Entry] = [
            .init("b/big", .file(big)), .init("a.txt", .bytes(Array("text".utf8))), .init(long, .bytes([])),
        ]
        let (one, two) = (scratch.path.appending("one.tar.zst"), scratch.path.appending("two.tar.zst"))
        try Packer.pack(entries, into: one)
        // Neither the order nor times nor modes matter.
        try FileSystem.remove(big)
        try FileSystem.writeAtomically([UInt8](repeating: 7, count: 300_000), to: big)
        try Packer.pack(entries.reversed(), into: two)
        #expect(try FileSystem.read(one) == FileSystem.read(two))
        let files = try Unpacker().unpack(one, into: scratch.path.appending("out"))
        #expect(files.map(\.path) == ["a.txt", "b/big", long] && files.map(\.size) == [4, 300_000, 0])
        #expect(try FileSystem.read(scratch.path.pushing("out/b/big")) == FileSystem.read(big))
    }

    @Test func aMissingFileLeavesNothing() throws {
        let missing = Packer.Entry("x", .file(scratch.path.appending("none")))
        #expect(throws: FileError.self) {
            try Packer.pack([missing], into: scratch.path.appending("a.tar.zst"))
        }
        #expect(try FileSystem.list(scratch.path) == [])
    }
}
