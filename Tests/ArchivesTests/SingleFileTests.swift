import Archives
import Files
import SystemPackage
import TestSupport
import Testing

/// Compressed files that are no archives.
@Suite struct SingleFileTests {
    let scratch: ScratchFolder
    let text = Array(String(repeating: "a line of text\n", count: 1000).utf8)

    init() throws { scratch = try ScratchFolder() }

    /// A file compressed by the system's own program.
    private func compressed(_ program: String) throws -> [UInt8] {
        let plain = scratch.path.appending("plain")
        try FileSystem.writeAtomically(text, to: plain)
        let arguments = ["-c", "\(program) -c \(plain) > \(scratch.path.appending("packed"))"]
        try #require(try Command("/bin/sh", arguments, scratch: scratch.path).wait().code == 0)
        return try FileSystem.read(scratch.path.appending("packed"))
    }

    private func decompress(_ bytes: [UInt8], _ limits: Unpacker.Limits = .init()) throws -> [UInt8] {
        let (file, target) = (scratch.path.appending("x.gz"), scratch.path.appending("x"))
        try FileSystem.writeAtomically(bytes, to: file)
        try FileSystem.remove(target)
        do {
            #expect(try Unpacker(limits: limits).decompress(file, to: target) > 0)
        } catch {
            #expect(!FileSystem.exists(target))
            throw error
        }
        return try FileSystem.read(target)
    }

    @Test(arguments: ["gzip", "xz"].filter { FileSystem.exists(FilePath("/usr/bin/\($0)")) })
    func whatWasCompressedComesBack(program: String) throws {
        #expect(try decompress(compressed(program)) == text)
    }

    @Test func whatIsNotWholeIsRefusedAsAWhole() throws {
        let bytes = try compressed("gzip")
        #expect(throws: ArchiveError.self) { try decompress(Array(bytes.dropLast(6))) }
        #expect(throws: ArchiveError.self) { try decompress(text) }
        #expect(throws: ArchiveError.self) { try decompress([]) }
        if FileSystem.exists("/usr/bin/xz") {
            var damaged = try compressed("xz")
            damaged[damaged.count / 2] ^= 0xFF
            #expect(throws: ArchiveError.self) { try decompress(damaged) }
        }
        #expect(throws: ArchiveError.self) { try decompress(bytes, .init(bytes: 5000)) }
    }

    @Test func namesTellWhatIsInside() {
        #expect(Unpacker.nameWithoutCompression("HumanEval.jsonl.gz") == "HumanEval.jsonl")
        #expect(Unpacker.nameWithoutCompression("a/b.zst") == "a/b")
        for name in ["x.tar.gz", "x.tgz", "x.zip", "x.json", ".gz"] {
            #expect(Unpacker.nameWithoutCompression(name) == nil)
        }
        #expect(Unpacker.isArchive("x.TAR.zst") && !Unpacker.isArchive("x.gz"))
    }
}
