import Archives
import Files
import SystemPackage
import TestSupport
import Testing

@Suite struct UnpackerTests {
    static let content = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    static let good = TarBytes.around { tar in
        tar.add("./", type: "5")
        tar.add("d/", type: "5")
        tar.add("d/e/f.bin", content)
        tar.add("zeros", [UInt8](repeating: 0, count: 4096))
        tar.pax([("path", Array("names/\u{E9}\u{4E2D} x.txt".utf8))])
        tar.add("short", [])
    }

    private func check(_ files: [Unpacker.File], in bench: Workbench) throws {
        let paths = ["d/e/f.bin", "harmless.txt", "names/\u{E9}\u{4E2D} x.txt", "zeros"]
        #expect(files.map(\.path) == paths && files.map(\.size) == [3000, 1, 0, 4096])
        let folder = bench.path.pushing("inner/out")
        #expect(try ScratchFolder.files(below: folder) == paths)
        #expect(try FileSystem.read(folder.pushing("d/e/f.bin")) == Self.content)
    }

    @Test func whatAnArchiveHoldsComesOut() throws {
        for compression in [nil] + Workbench.Compression.allCases.map(Optional.init) {
            let bench = try Workbench()
            try FileSystem.createDirectory(bench.path.appending("inner"))
            let bytes = try compression.map { try Workbench.compressed(Self.good, $0) } ?? Self.good
            try check(try bench.unpack(bytes), in: bench)
        }
        var zip = ZipBytes()
        zip.add("d/", mode: 0o040755)
        zip.add("d/e", Self.content)
        let bench = try Workbench()
        try FileSystem.createDirectory(bench.path.appending("inner"))
        #expect(
            try bench.unpack(zip.finished(comment: Array("hello".utf8)), as: "a.zip").map(\.path) == ["d/e"])
    }

    @Test("a tar file cut off at any block is refused, whatever its end looks like")
    func truncatedTars() throws {
        for length in stride(from: 0, to: Self.good.count, by: 512) {
            _ = try Workbench().refusal(Array(Self.good[..<length]))
        }
        _ = try Workbench().refusal(Array(Self.good.dropLast(1)))
    }

    @Test(arguments: Workbench.Compression.allCases)
    func truncatedAndExtendedStreams(compression: Workbench.Compression) throws {
        let random = (0..<20_000).map { UInt8(truncatingIfNeeded: ($0 &* $0 &* 2_654_435_761) >> 13) }
        let bytes = try Workbench.compressed(TarBytes.around { $0.add("random", random) }, compression)
        #expect(bytes.count > 10_000)
        for length in stride(from: 0, to: bytes.count, by: 512) + [bytes.count - 1] {
            _ = try Workbench().refusal(Array(bytes[..<length]))
        }
        for tail in [Array("evil".utf8), [0], bytes] { _ = try Workbench().refusal(bytes + tail) }
    }

    @Test func bombsAreStoppedBeforeTheyGoOff() throws {
        let zeros = TarBytes.around { $0.add("zeros", [UInt8](repeating: 0, count: 40 << 20)) }
        for compression in Workbench.Compression.allCases {
            let bomb = try Workbench.compressed(zeros, compression)
            let error = try Workbench().refusal(bomb)
            #expect(error?.code == .tooLarge, "\(compression): \(error?.description ?? "")")
            let twice = try Workbench.compressed(bomb, compression)
            #expect(try Workbench().refusal(twice)?.reason.contains("2 times over") == true)
        }
        let many = TarBytes.around { tar in for index in 0..<50 { tar.add("f\(index)") } }
        #expect(try Workbench().refusal(many, limits: .init(entries: 50))?.code == .tooLarge)
        #expect(try Workbench().refusal(Self.good, limits: .init(bytes: 4000))?.code == .tooLarge)
        // What fits is taken.
        let bench = try Workbench()
        try FileSystem.createDirectory(bench.path.appending("inner"))
        #expect(try bench.unpack(many, limits: .init(entries: 51)).count == 51)
    }

    @Test func aNameThatPromisesAnotherFormatIsRefused() throws {
        let zip = ZipBytes.around { _ in }
        let wrong = [
            ("a.zip", Self.good), ("a.tar.gz", Self.good), ("a.tar", zip), ("a.TAR", zip),
            ("a.tar.zst", try Workbench.compressed(Self.good, .gzip)),
            ("a.tar", try Workbench.compressed(Self.good, .xz)),
        ]
        for (name, bytes) in wrong {
            #expect(try Workbench().refusal(bytes, as: name)?.reason.contains("Its name says") == true)
        }
    }

    @Test func whatStandsInTheFoldersPlaceIsKept() throws {
        let bench = try Workbench()
        try FileSystem.createDirectory(bench.path.pushing("inner/out"))
        try FileSystem.writeAtomically("mine", to: bench.path.pushing("inner/out/harmless.txt"))
        #expect(throws: FileError.self) { try bench.unpack(Self.good) }
        #expect(try FileSystem.readText(bench.path.pushing("inner/out/harmless.txt")) == "mine")
        #expect(try FileSystem.list(bench.path.appending("inner")) == ["out"])
    }
}

/// Joins a stride with some more numbers.
private func + (a: StrideTo<Int>, b: [Int]) -> [Int] { Array(a) + b }
