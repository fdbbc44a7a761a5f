import Archives
import Files
import SystemPackage
import TestSupport
import Testing

/// Archives that someone made to do harm: refused, with nothing left behind.
@Suite struct HostileArchiveTests {
    struct Hostile: Sendable, CustomTestStringConvertible {
        let name: String
        let code: ArchiveError.Code
        let hint: String
        let bytes: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ hint: String, _ bytes: [UInt8]) { self.init(name, .unsafe, hint, bytes) }

        init(_ name: String, _ code: ArchiveError.Code, _ hint: String, _ bytes: [UInt8]) {
            self.name = name
            self.code = code
            self.hint = hint
            self.bytes = bytes
        }
    }

    static let x = Array("x".utf8)
    static let long = String(repeating: "n", count: 300)

    static let tars: [Hostile] = [
        Hostile("a path above", "leads out", TarBytes.around { $0.add("../evil", x) }),
        Hostile("a path above, further in", "leads out", TarBytes.around { $0.add("a/b/../../../evil", x) }),
        Hostile("a path above that comes back", "leads out", TarBytes.around { $0.add("a/../b", x) }),
        Hostile("only two dots", "leads out", TarBytes.around { $0.add("..", type: "5") }),
        Hostile(
            "a path above in a prefix", "leads out", TarBytes.around { $0.add("evil", x, prefix: "../..") }),
        Hostile(
            "a path above in a pax header", "leads out",
            TarBytes.around { tar in
                tar.pax([("path", Array("../evil".utf8))])
                tar.add("good", x)
            }),
        Hostile(
            "a path above in a long name of GNU's", "leads out",
            TarBytes.around { tar in
                tar.add("././@LongLink", Array("../evil\0".utf8), type: "L")
                tar.add("good", x)
            }),
        Hostile("an absolute path", "absolute", TarBytes.around { $0.add("/tmp/evil", x) }),
        Hostile("two slashes", "absolute", TarBytes.around { $0.add("//evil", x) }),
        Hostile(
            "an absolute path in a pax header", "absolute",
            TarBytes.around { tar in
                tar.pax([("path", Array("/etc/cron.d/evil".utf8))])
                tar.add("good", x)
            }),
        Hostile("backslashes", "backslash", TarBytes.around { $0.add("..\\..\\evil", x) }),
        Hostile(
            "a symbolic link", "symbolic link",
            TarBytes.around { $0.add("l", type: "2", link: "/etc/passwd") }),
        Hostile(
            "a symbolic link inside", "symbolic link",
            TarBytes.around { $0.add("l", type: "2", link: "harmless.txt") }),
        Hostile(
            "a file through a symbolic link", "symbolic link",
            TarBytes.around { tar in
                tar.add("l", type: "2", link: "/tmp")
                tar.add("l/evil", x)
            }),
        Hostile(
            "a hard link outside", "link to another",
            TarBytes.around { $0.add("l", type: "1", link: "/etc/passwd") }),
        Hostile(
            "a hard link inside", "link to another",
            TarBytes.around { $0.add("l", type: "1", link: "harmless.txt") }),
        Hostile("a character device", "device", TarBytes.around { $0.add("d", type: "3") }),
        Hostile("a block device", "device", TarBytes.around { $0.add("d", type: "4") }),
        Hostile("a pipe", "pipe", TarBytes.around { $0.add("p", type: "6") }),
        Hostile("a file twice", "twice", TarBytes.around { $0.add("harmless.txt", x) }),
        Hostile("a file twice by another spelling", "twice", TarBytes.around { $0.add("./harmless.txt", x) }),
        Hostile(
            "a folder twice", "twice",
            TarBytes.around { tar in
                tar.add("d/", type: "5")
                tar.add("d/", type: "5")
            }),
        Hostile(
            "a folder in a file's place", "twice", TarBytes.around { $0.add("harmless.txt/", type: "5") }),
        Hostile("a file in a file", "which is a file", TarBytes.around { $0.add("harmless.txt/inner", x) }),
        Hostile(
            "a file in a folder's place", "twice",
            TarBytes.around { tar in
                tar.add("d/e", x)
                tar.add("d", x)
            }),
        Hostile("names that differ in case", "only in case", TarBytes.around { $0.add("Harmless.TXT", x) }),
        Hostile(
            "folders that differ in case", "only in case",
            TarBytes.around { tar in
                tar.add("d/e", x)
                tar.add("D/f", x)
            }),
        Hostile(
            "names that differ in the form of a letter", "there twice",
            TarBytes.around { tar in
                tar.pax([("path", Array("\u{E9}".utf8))])
                tar.add("a", x)
                tar.pax([("path", Array("e\u{301}".utf8))])
                tar.add("b", x)
            }),
        Hostile("a line break in a name", "control character", TarBytes.around { $0.add("a\nb", x) }),
        Hostile(
            "an escape sequence in a name", "control character", TarBytes.around { $0.add("a\u{1B}[2Jb", x) }),
        Hostile(
            "a name that is no UTF-8", "isn't UTF-8", TarBytes.around { $0.add([0x61, 0xFF, 0xFE], x) }),
        Hostile(
            "a name of 300 bytes", "more than 255",
            TarBytes.around { tar in
                tar.pax([("path", Array(long.utf8))])
                tar.add("a", x)
            }),
        Hostile("a file without a name", "has no name", TarBytes.around { $0.add(".", x) }),
        Hostile(
            "folders 40 deep", "folders deep",
            TarBytes.around { $0.add(String(repeating: "d/", count: 40) + "f", x) }),
        Hostile(
            "a path of 2000 bytes", "the limit is 1024",
            TarBytes.around { tar in
                tar.pax([("path", Array(String(repeating: "d/", count: 1000).utf8) + x)])
                tar.add("a", x)
            }),
        Hostile(
            "a header of 100 kB", .tooLarge, "One of its headers",
            TarBytes.around { tar in
                tar.pax([("comment", [UInt8](repeating: 97, count: 100_000))])
                tar.add("a", x)
            }),
        Hostile(
            "a header of 3 MB", .damaged, "",
            TarBytes.around { tar in
                tar.pax([("comment", [UInt8](repeating: 97, count: 3_000_000))])
                tar.add("a", x)
            }),
        Hostile(
            "a file with holes of 8 TB", "holes",
            TarBytes.around { tar in
                tar.pax([
                    ("GNU.sparse.major", Array("1".utf8)), ("GNU.sparse.minor", Array("0".utf8)),
                    ("GNU.sparse.name", Array("huge".utf8)),
                    ("GNU.sparse.realsize", Array("8796093022208".utf8)),
                ])
                let map = Array("1\n0\n512\n".utf8)
                tar.add(
                    "a",
                    map + [UInt8](repeating: 0, count: 512 - map.count) + [UInt8](repeating: 1, count: 512))
            }),
        Hostile(
            "a size of 8 GB that isn't there", .damaged, "not whole",
            TarBytes.around { $0.add("a", size: 0o77777777777) }),
        Hostile(
            "a size of 8 EB", .tooLarge, "more than",
            TarBytes.around { tar in
                tar.pax([("size", Array("9223372036854770000".utf8))])
                tar.add("a", x)
            }),
        Hostile(
            "a header with a wrong checksum", .damaged, "",
            TarBytes.around { $0.add(Array("a".utf8), x, checksum: false) }),
        Hostile(
            "something behind the end", .damaged, "behind its end",
            TarBytes.around { _ in } + Array("evil".utf8)),
        Hostile(
            "another archive behind the end", .damaged, "behind its end",
            TarBytes.around { _ in } + TarBytes.around { $0.add("b", x) }),
        Hostile("no archive", .damaged, "", Array("This is text.\n".utf8)),
        Hostile("nothing", .damaged, "empty", []),
        Hostile("only zeros", .damaged, "", [UInt8](repeating: 0, count: 4096)),
    ]

    static let zips: [Hostile] = [
        Hostile("zip: a path above", "leads out", ZipBytes.around { $0.add("../evil", x) }),
        Hostile("zip: an absolute path", "absolute", ZipBytes.around { $0.add("/evil", x) }),
        Hostile("zip: a drive", "drive", ZipBytes.around { $0.add("c:\\evil", x) }),
        Hostile(
            "zip: a symbolic link", "symbolic link",
            ZipBytes.around { $0.add("l", Array("/etc/passwd".utf8), mode: 0o120777) }),
        Hostile("zip: a device", "device", ZipBytes.around { $0.add("d", mode: 0o020644) }),
        Hostile("zip: a file twice", "twice", ZipBytes.around { $0.add("harmless.txt", x) }),
        Hostile("zip: a line break in a name", "control character", ZipBytes.around { $0.add("a\nb", x) }),
        Hostile(
            "zip: an encrypted file", "encrypted",
            ZipBytes.around { $0.add(Array("a".utf8), x, flags: 0x801) }),
        Hostile(
            "zip: a wrong checksum", .damaged, "",
            ZipBytes.around { $0.add("a", Array("content".utf8)) }
                .replacing(Array("content".utf8), with: Array("cOntent".utf8))),
        Hostile("zip: something behind the end", .damaged, "behind its end", ZipBytes.around { _ in } + x),
        Hostile(
            "zip: something in front", .damaged, "isn't where",
            {
                var zip = ZipBytes()
                zip.add("a", x)
                return Array("PK\u{3}\u{4}".utf8) + zip.finished()
            }()),
        Hostile("zip: only its end", .damaged, "not whole", ZipBytes().finished()),
    ]

    @Test(arguments: tars) func aHostileTarIsRefused(hostile: Hostile) throws {
        let error = try Workbench().refusal(hostile.bytes)
        #expect(error?.code == hostile.code, "\(error?.description ?? "")")
        #expect(error?.reason.contains(hostile.hint) == true, "\(error?.description ?? "")")
        // Text of the archive must not reach a terminal as it is.
        let isPlain = error?.description.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        #expect(isPlain == true)
    }

    @Test(arguments: tars.filter { !$0.bytes.isEmpty && $0.hint != "" }, Workbench.Compression.allCases)
    func compressingItChangesNothing(hostile: Hostile, compression: Workbench.Compression) throws {
        let bytes = try Workbench.compressed(hostile.bytes, compression)
        #expect(try Workbench().refusal(bytes)?.code == hostile.code)
    }

    @Test(arguments: zips) func aHostileZipIsRefused(hostile: Hostile) throws {
        let error = try Workbench().refusal(hostile.bytes)
        #expect(error?.code == hostile.code, "\(error?.description ?? "")")
        #expect(error?.reason.contains(hostile.hint) == true, "\(error?.description ?? "")")
    }

    /// C strings end at a zero byte, so that the rest of such a name is never seen.
    @Test func aZeroByteInANameHidesNothing() throws {
        let pax = TarBytes.around { tar in
            tar.pax([("path", Array("a\0/../../evil".utf8))])
            tar.add("b", Self.x)
        }
        for bytes in [pax, ZipBytes.around { $0.add(Array("a\0/../../evil".utf8), Self.x) }] {
            let bench = try Workbench()
            try FileSystem.createDirectory(bench.path.appending("inner"))
            do {
                let files = try bench.unpack(bytes)
                #expect(files.map(\.path) == ["a", "harmless.txt"])
            } catch is ArchiveError {}
            #expect(!FileSystem.exists(bench.path.appending("evil")))
        }
    }
}

extension [UInt8] {
    /// The same bytes with every occurrence of some replaced by as many others.
    func replacing(_ old: [UInt8], with new: [UInt8]) -> [UInt8] {
        var bytes = self
        for start in bytes.indices where bytes[start...].starts(with: old) {
            bytes.replaceSubrange(start..<start + old.count, with: new)
        }
        return bytes
    }
}
