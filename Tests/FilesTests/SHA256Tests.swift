import Files
import SystemPackage
import Testing

@Suite struct SHA256Tests {
    @Test func agreesWithPublishedVectors() {
        #expect(SHA256.hex(of: []) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.hex(of: Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func hashesFilesAndPiecesAlike() throws {
        let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let path = FilePath("/tmp/d3llm-sha-\(UInt64.random(in: 0 ... .max))")
        defer { try? FileSystem.remove(path) }
        try FileSystem.writeAtomically(bytes, to: path)
        #expect(try SHA256.hex(ofFile: path) == SHA256.hex(of: bytes))
        var pieces = SHA256()
        pieces.update(Array(bytes[..<1000]))
        pieces.update(Array(bytes[1000...]))
        let digest = pieces.finalize()
        #expect(digest.count == 32)
        var whole = SHA256()
        whole.update(bytes)
        #expect(whole.finalize() == digest)
    }
}
