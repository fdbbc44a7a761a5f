import Base
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Archives

/// Names of entries are read as the kernel reads them: by bytes.
@Suite struct EntryNameBytesTests {
    private static let limits = Unpacker.Limits()

    /// The parts that the kernel would see, nil if one of them leads up or the path is absolute.
    private func kernelsParts(_ name: [UInt8]) -> [[UInt8]]? {
        guard name.first != UInt8(ascii: "/") else { return nil }
        let parts = name.split(separator: UInt8(ascii: "/")).map(Array.init)
            .filter { $0 != Array(".".utf8) }
        return parts.contains(Array("..".utf8)) ? nil : parts
    }

    @Test func noMarkHidesThatANameLeadsOut() {
        var count = 0
        for mark in HiddenMarks.all {
            for slash in HiddenMarks.beside("/", mark) {
                // A mark at the end of one part, at the beginning of the next, or a part of its own.
                for name in [
                    "..\(slash)..", "a/\(slash)../b", "../\(mark)/..", "\(mark)/../x\(slash)..",
                    "../\(slash)",
                ] {
                    count += 1
                    let bytes = Array(name.utf8)
                    let found = try? EntryPath.parts(bytes, Self.limits).map { Array($0.utf8) }
                    guard let expected = kernelsParts(bytes) else {
                        #expect(found == nil, "\(name.visible)")
                        continue
                    }
                    #expect(found == nil || found == expected, "\(name.visible)")
                }
            }
        }
        #expect(count > 10_000)
    }

    @Test func namesMadeOfAnythingHaveThePartsThatTheKernelSees() {
        var generator = SplitMix(seed: 7)
        let pieces =
            ["/", "..", ".", "a", "/../", "//"] + HiddenMarks.few.map { String($0) }
        for _ in 0..<10_000 {
            let count = 1 + Int(generator.next() % 8)
            let name = (0..<count).map { _ in pieces[Int(generator.next() % UInt64(pieces.count))] }.joined()
            let bytes = Array(name.utf8)
            let found = try? EntryPath.parts(bytes, Self.limits).map { Array($0.utf8) }
            guard let found else { continue }
            #expect(found == kernelsParts(bytes), "\(name.visible)")
        }
    }

    /// The name that was used: two dots behind a slash that shares its cluster with marks.
    private static func hostile(_ mark: Unicode.Scalar) -> String {
        Array(repeating: "../\(mark)\u{600}/..", count: 3).joined(separator: "/") + "/evil"
    }

    @Test(arguments: ["tar", "pax", "gnu", "tar.gz", "zip"])
    func noFormatTakesOneOut(format: String) throws {
        for mark in HiddenMarks.few.prefix(40) {
            let name = Array(Self.hostile(mark).utf8)
            let content = Array("x".utf8)
            let bytes: [UInt8] =
                switch format {
                case "zip": ZipBytes.around { $0.add(name, content) }
                case "pax":
                    TarBytes.around { tar in
                        tar.pax([("path", name)])
                        tar.add("good", content)
                    }
                case "gnu":
                    TarBytes.around { tar in
                        tar.add(Array("././@LongLink".utf8), name + [0], type: "L")
                        tar.add("good", content)
                    }
                case "tar.gz": try Workbench.compressed(TarBytes.around { $0.add(name, content) }, .gzip)
                default: TarBytes.around { $0.add(name, content) }
                }
            let refusal = try Workbench().refusal(bytes)
            #expect(refusal?.code == .unsafe, "\(mark.value)")
        }
    }

    @Test func namesInMessagesCommandNothing() {
        let name = Array("a\u{1B}[2K\u{202E}\u{9B}31m".utf8)
        #expect(EntryPath.shown(name) == "a\\u{1B}[2K\\u{202E}\\u{9B}31m")
        let long = Array(String(repeating: "a\u{301}", count: 10_000).utf8)
        #expect(EntryPath.shown(long).unicodeScalars.count == 80)
    }
}
