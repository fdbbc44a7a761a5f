import Files
import SystemPackage
import Testing

@Suite final class FileSystemTests {
    let folder: FilePath

    init() throws {
        folder = FilePath("/tmp/d3llm-files-\(UInt64.random(in: 0 ... .max))")
        try FileSystem.createDirectory(folder)
    }

    deinit { try? FileSystem.remove(folder) }

    @Test func writesReadsAndReplaces() throws {
        let path = folder.appending("a.txt")
        try FileSystem.writeAtomically("one", to: path)
        try FileSystem.writeAtomically([0x32, 0xC3, 0xA9], to: path)
        #expect(try FileSystem.readText(path) == "2é")
        let status = try #require(try FileSystem.status(path))
        #expect(status.kind == .file && status.size == 3)
        #expect(try FileSystem.list(folder) == ["a.txt"])
    }

    @Test func givesLinesWhereverTheyAreCut() throws {
        let path = folder.appending("lines")
        // Longer and shorter than the parts that a file is read in; the last without an end.
        let lines = [3, 0, 200_000, 65_535, 65_536, 1].map { String(repeating: "x", count: $0) }
        func found(limit: Int = 1 << 20) throws -> [String] {
            var found: [String] = []
            try FileSystem.forEachLine(of: path, limit: limit) { line, number in
                found.append(String(decoding: line, as: UTF8.self))
                #expect(number == found.count)
            }
            return found
        }
        try FileSystem.writeAtomically(lines.joined(separator: "\n"), to: path)
        #expect(try found() == lines)
        try FileSystem.writeAtomically(lines.joined(separator: "\n") + "\n", to: path)
        #expect(try found() == lines)
        let error = #expect(throws: LineTooLongError.self) { try found(limit: 100_000) }
        #expect(error?.line == 3)
        try FileSystem.writeAtomically([], to: path)
        #expect(try found().isEmpty)
    }

    @Test func readsLargeAndEmptyFiles() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try FileSystem.writeAtomically(bytes, to: folder.appending("large"))
        #expect(try FileSystem.read(folder.appending("large")) == bytes)
        try FileSystem.writeAtomically([], to: folder.appending("empty"))
        #expect(try FileSystem.read(folder.appending("empty")) == [])
        #expect(try !FileSystem.read("/proc/self/status").isEmpty)
    }

    @Test func refusesTextThatIsNotUTF8() throws {
        try FileSystem.writeAtomically([0xFF], to: folder.appending("bad"))
        #expect(throws: FileEncodingError.self) { try FileSystem.readText(folder.appending("bad")) }
    }

    @Test func createsAndRemovesTrees() throws {
        let deep = folder.appending("x").appending("y").appending("z")
        try FileSystem.createDirectory(deep)
        try FileSystem.createDirectory(deep)
        try FileSystem.writeAtomically("1", to: deep.appending("f"))
        try FileSystem.remove(folder.appending("x"))
        #expect(!FileSystem.exists(folder.appending("x")))
        try FileSystem.remove(folder.appending("x"))
        #expect(try FileSystem.status(folder.appending("x")) == nil)
    }

    @Test func aNewFolderIsGivenOnce() throws {
        #expect(try FileSystem.createNewDirectory(folder.appending("n")))
        #expect(try !FileSystem.createNewDirectory(folder.appending("n")))
        #expect(throws: FileError.self) { try FileSystem.createNewDirectory(folder.pushing("no/n")) }
    }

    @Test func renamesFiles() throws {
        try FileSystem.writeAtomically("1", to: folder.appending("a"))
        try FileSystem.rename(folder.appending("a"), to: folder.appending("b"))
        #expect(try FileSystem.list(folder) == ["b"])
    }

    @Test func errorsNameOperationPathAndCure() throws {
        let missing = folder.appending("missing")
        let error = #expect(throws: FileError.self) { try FileSystem.read(missing) }
        #expect(error?.errno == .noSuchFileOrDirectory)
        #expect(
            error?.description
                == "Could not read \(missing): no such file or directory. Check the spelling, and that the folder exists."
        )
        try FileSystem.writeAtomically("1", to: folder.appending("f"))
        let blocked = #expect(throws: FileError.self) {
            try FileSystem.createDirectory(folder.appending("f").appending("g"))
        }
        #expect(blocked?.errno == .notDirectory)
        #expect(throws: FileError.self) { try FileSystem.writeAtomically("1", to: "/proc/no-such/file") }
    }

    @Test func mapsFiles() throws {
        let path = folder.appending("m")
        try FileSystem.writeAtomically([1, 2, 3], to: path)
        let mapped = try MappedFile(path)
        try FileSystem.remove(path)
        #expect(Array(mapped.bytes) == [1, 2, 3])
        try FileSystem.writeAtomically([], to: path)
        #expect(try MappedFile(path).bytes.isEmpty)
        #expect(throws: FileError.self) { try MappedFile(folder) }
    }
}
