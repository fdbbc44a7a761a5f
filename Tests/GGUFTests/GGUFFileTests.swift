import Files
import SystemPackage
import TestSupport
import Testing

@testable import GGUF

/// Headers of GGUF files: read as they are, and refused with key or tensor where they lie.
struct GGUFFileTests {
    private static let whole = GGUFBuilder(
        [
            ("general.architecture", .string("llama")), ("a.whole", .uint32(7)), ("a.signed", .int32(-3)),
            ("a.long", .uint64(1 << 40)), ("a.float", .float32(0.25)), ("a.flag", .bool(true)),
            ("a.texts", .strings(["é", "", "b"])), ("a.list", .integers([1, -2, 3])),
            // A list of two lists, of one and of no byte.
            (
                "a.lists",
                .raw(
                    9,
                    GGUFBuilder.number(UInt32(9)) + GGUFBuilder.number(UInt64(2))
                        + GGUFBuilder.number(UInt32(0))
                        + GGUFBuilder.number(UInt64(1)) + [5] + GGUFBuilder.number(UInt32(0))
                        + GGUFBuilder.number(UInt64(0)))
            ),
        ],
        [
            .zeros("one", [3]), .zeros("two", [4, 2]),
            .init("three", [32, 1], type: 8, bytes: [UInt8](repeating: 1, count: 34)),
        ])

    private static func read(_ bytes: [UInt8]) throws -> GGUFFile {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        try FileSystem.writeAtomically(bytes, to: path)
        return try GGUFFile(path)
    }

    private static func problem(_ bytes: [UInt8]) throws -> String {
        let error = try #require(throws: GGUFError.self) { try read(bytes) }
        return (error.subject.map { "\($0): " } ?? "") + error.message
    }

    private static func problem(_ change: (inout GGUFBuilder) -> Void) throws -> String {
        var builder = whole
        change(&builder)
        return try problem(builder.bytes)
    }

    @Test func valuesAndTensorsAreRead() throws {
        for version: UInt32 in [2, 3] {
            var builder = Self.whole
            builder.version = version
            let file = try Self.read(builder.bytes)
            #expect(try file.string("general.architecture") == "llama")
            #expect(try file.integer("a.whole") == 7 && file.integer("a.long") == 1 << 40)
            #expect(try file.number("a.signed") == -3 && file.number("a.float") == 0.25)
            #expect(try file.flag("a.flag") == true && file.strings("a.texts") == ["é", "", "b"])
            #expect(try file.integers("a.list") == [1, -2, 3])
            #expect(file["a.lists"] == nil && file["b"] == nil)
            #expect(try file.integer("b") == nil && file.strings("b") == nil && file.flag("b") == nil)
            #expect(file.tensors.count == 3)
            let two = try #require(file.tensors["two"])
            // Rows first; one has 12 bytes and is padded to 32.
            #expect(two.shape == [2, 4] && two.type == .float32 && two.count == 8 && two.range.count == 32)
            #expect(two.range.lowerBound == (try #require(file.tensors["one"])).range.lowerBound + 32)
            let three = try #require(file.tensors["three"])
            #expect(three.type == .q80 && file.bytes(of: three).allSatisfy { $0 == 1 })
        }
    }

    @Test func valuesOfOtherTypesAreRefused() throws {
        let file = try Self.read(Self.whole.bytes)
        func problem(_ read: () throws -> Any?) throws -> String {
            let error = try #require(throws: GGUFError.self) { try read() }
            return "\(error.subject ?? ""): \(error.message)"
        }
        #expect(
            try problem { try file.integer("a.signed") }
                == "key a.signed: should be a whole number that isn't negative, not -3")
        #expect(
            try problem { try file.integer("a.float") }
                == "key a.float: should be a whole number that isn't negative, not 0.25")
        #expect(
            try problem { try file.number("a.flag") }
                == "key a.flag: should be a finite number, not true or false")
        #expect(
            try problem { try file.string("a.whole") } == "key a.whole: should be a text, not a whole number")
        #expect(
            try problem { try file.flag("general.architecture") }
                == "key general.architecture: should be true or false, not a text")
        #expect(
            try problem { try file.strings("a.list") }
                == "key a.list: should be a list of texts, not a list of 3 values of type 5")
        #expect(
            try problem { try file.integers("a.texts") }
                == "key a.texts: should be a list of whole numbers, not a list of 3 values of type 8")
        #expect(
            try problem { try file.integers("a.whole") }
                == "key a.whole: should be a list of whole numbers, not a whole number")
    }

    @Test func whatIsNoGGUFIsRefused() throws {
        let noGGUF = "doesn't begin with \"GGUF\" and a header of 24 bytes; it is no GGUF file"
        #expect(try Self.problem([]) == noGGUF)
        #expect(try Self.problem(Array("GGUF".utf8)) == noGGUF)
        #expect(try Self.problem { $0.magic = Array("GGML".utf8) } == noGGUF)
        #expect(
            try Self.problem { $0.version = 1 } == "is of version 1 of the format; versions 2 and 3 are read")
        #expect(
            try Self.problem { $0.version = 4 } == "is of version 4 of the format; versions 2 and 3 are read")
        #expect(
            try Self.problem { $0.version = 3 << 24 }
                == "has its numbers in big-endian order; only little-endian files are read")
    }

    @Test func countsBeyondTheFileAreRefused() throws {
        let rest = Self.whole.bytes.count - 24
        #expect(
            try Self.problem { $0.valueCount = .max }
                == "claims \(UInt64.max) keys where \(rest) bytes follow; the file is truncated or damaged")
        let tensors = try Self.problem { $0.tensorCount = 1 << 60 }
        #expect(tensors.hasPrefix("claims \(UInt64(1) << 60) tensors where "))
        for type: UInt32 in [0, 8, 9] {
            let count = GGUFBuilder.number(UInt64(1) << 62)
            let found = try Self.problem { $0["a.list"] = .raw(9, GGUFBuilder.number(type) + count) }
            #expect(found.hasPrefix("key a.list: claims 4611686018427387904 elements where "), "\(found)")
        }
        #expect(
            try Self.problem { $0["a.flag"] = .raw(8, GGUFBuilder.number(UInt64.max)) }.hasPrefix(
                "key a.flag: ends at byte "))
        #expect(
            try Self.problem { $0.values.append((String(repeating: "k", count: 65_536), .bool(true))) }
                == "key number 10: has 65536 bytes, and at most 65535 are allowed")
        #expect(
            try Self.problem { $0.tensors[0].name = String(repeating: "t", count: 65) }
                == "tensor number 1: has 65 bytes, and at most 64 are allowed")
    }

    @Test func everyShorterFileIsRefused() throws {
        let bytes = Self.whole.bytes
        // The last tensor has 34 bytes and is padded to 64; the padding may be missing.
        for count in 0..<bytes.count - 30 {
            #expect(throws: GGUFError.self, "\(count)") { try Self.read(Array(bytes.prefix(count))) }
        }
        #expect(try Self.read(Array(bytes.prefix(bytes.count - 30))).tensors.count == 3)
        #expect(
            try Self.problem(Array(bytes.prefix(bytes.count - 31)))
                == "tensor three: lies at bytes 64..<98 of the data, but the file holds only 97; it is truncated"
        )
    }

    @Test func valuesThatCannotBeAreRefused() throws {
        #expect(
            try Self.problem { $0["a.flag"] = .raw(13, []) }
                == "key a.flag: has the value type 13; known are 0 to 12")
        #expect(
            try Self.problem { $0["a.flag"] = .raw(7, [2]) }
                == "key a.flag: has the byte 2 for true or false, which is 0 or 1")
        #expect(
            try Self.problem { $0["a.flag"] = .raw(8, GGUFBuilder.number(UInt64(1)) + [0xFF]) }
                == "key a.flag: is not text in UTF-8; the file is damaged")
        #expect(
            try Self.problem { $0.values.append(("a.whole", .bool(true))) }
                == "key a.whole: stands in the metadata twice; the file is damaged")
        #expect(
            try Self.problem { $0.values.append(("a.lists", .bool(true))) }
                == "key a.lists: stands in the metadata twice; the file is damaged")
        let nested = (0..<9).flatMap { _ in GGUFBuilder.number(UInt32(9)) + GGUFBuilder.number(UInt64(1)) }
        #expect(
            try Self.problem {
                $0["a.lists"] = .raw(
                    9, nested + GGUFBuilder.number(UInt32(0)) + GGUFBuilder.number(UInt64(1)) + [1])
            } == "key a.lists: has lists in lists, more than 8 deep")
        for alignment: GGUFBuilder.Value in [
            .uint32(0), .uint32(24), .uint64(1 << 21), .string("32"), .int32(32),
        ] {
            #expect(
                try Self.problem { $0["general.alignment"] = alignment }
                    == "key general.alignment: should be a power of two up to 1048576")
        }
    }

    @Test func theAlignmentIsThatOfTheFile() throws {
        var builder = Self.whole
        builder["general.alignment"] = .uint32(8)
        builder.alignment = 8
        let file = try Self.read(builder.bytes)
        let (one, two) = (try #require(file.tensors["one"]), try #require(file.tensors["two"]))
        #expect(two.range.lowerBound - one.range.lowerBound == 16 && one.range.lowerBound % 8 == 0)
    }

    @Test func tensorsThatCannotBeAreRefused() throws {
        let known = "implemented are F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K"
        #expect(
            try Self.problem { $0.tensors[1].type = 10 }
                == "tensor two: has the type Q2_K (10), which isn't implemented; \(known)")
        #expect(
            try Self.problem { $0.tensors[1].type = 999 }
                == "tensor two: has the type 999, which isn't implemented; \(known)")
        #expect(
            try Self.problem { $0.tensors[1].extents = [1, 1, 2, 2, 2] }
                == "tensor two: has 5 extents; the format allows up to 4")
        #expect(
            try Self.problem { $0.tensors[2].extents = [34] }
                == "tensor three: has rows of 34 elements; in Q8_0 they are a multiple of 32")
        for extents: [UInt64] in [
            [.max, 2], [1 << 32, 1 << 32], [1 << 49], [0, .max], [1 << 62, 4], [0, 1 << 48, 1 << 48],
        ] {
            #expect(
                try Self.problem { $0.tensors[1].extents = extents } == "tensor two: has an impossible shape")
        }
        #expect(
            try Self.problem { $0.tensors[1].extents = [1 << 20, 1 << 20] }.hasPrefix(
                "tensor two: lies at bytes 32..<4398046511136 of the data, but the file holds only "))
        #expect(
            try Self.problem { $0.tensors[1].name = "one" }
                == "tensor one: stands in the table twice; the file is damaged")
    }

    @Test func tensorsThatOverlapOrLeaveGapsAreRefused() throws {
        for offset: UInt64 in [0, 31, 33, 64, 1 << 63, .max] {
            #expect(
                try Self.problem { $0.tensors[1].offset = offset }
                    == "tensor two: begins at byte \(offset) of the data; behind the tensor before it 32 is expected, so tensors overlap or leave gaps"
            )
        }
        let bytes = Self.whole.bytes
        #expect(
            try Self.problem(bytes + [0])
                == "has \(bytes.count + 1) bytes, but the last tensor ends at \(bytes.count) with its padding; bytes that belong to no tensor are not allowed"
        )
    }

    @Test func aModelIsAFileOrAFolderWithOne() throws {
        let scratch = try ScratchFolder()
        let folder = scratch.path
        #expect(try GGUFFile.path(of: folder) == nil && GGUFFile(model: folder) == nil)
        #expect(try GGUFFile.path(of: folder.appending("missing")) == nil)
        let first = folder.appending("b.gguf")
        try Self.whole.write(to: first)
        try Self.whole.write(to: folder.appending(".hidden.gguf"))
        #expect(try GGUFFile.path(of: folder) == first && GGUFFile.path(of: first) == first)
        #expect(try GGUFFile(model: folder)?.tensors.count == 3)
        try Self.whole.write(to: folder.appending("a.gguf"))
        let error = #expect(throws: GGUFError.self) { try GGUFFile(model: folder) }
        #expect(
            error?.message
                == "has 2 files in GGUF (a.gguf, b.gguf) and no config.json; a model is one file. Name the file, or leave one in the folder"
        )
        // A folder in Hugging Face layout may have such files beside.
        try FileSystem.writeAtomically("{}", to: folder.appending("config.json"))
        #expect(try GGUFFile.path(of: folder) == nil && GGUFFile.path(of: first) == first)
        #expect(try GGUFFile.path(of: folder.appending("config.json")) == nil)
    }

    @Test func aPartOfAModelIsRefused() throws {
        let scratch = try ScratchFolder()
        var builder = Self.whole
        builder["split.count"] = .uint32(3)
        try builder.write(to: scratch.path.appending("m.gguf"))
        let error = #expect(throws: GGUFError.self) { try GGUFFile(model: scratch.path) }
        #expect(
            error?.description
                == "\(scratch.path)/m.gguf: key split.count: says that the file is one part of 3; merge them (llama-gguf-split --merge) into one file"
        )
    }

    /// Headers that somebody damaged or made up.
    @Test func damagedHeadersAreReadOrRefused() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("f.gguf")
        var mutations = Mutations(
            [
                [UInt8](repeating: 0xFF, count: 8), [UInt8](repeating: 0, count: 8),
                GGUFBuilder.number(UInt64(1) << 62),
                GGUFBuilder.number(UInt64(1)), GGUFBuilder.number(UInt32(9)), GGUFBuilder.number(UInt32(8)),
                GGUFBuilder.number(UInt64(64)), GGUFBuilder.text("a.list"), GGUFBuilder.text("one"),
            ])
        let seed = Self.whole.bytes
        let count = Int(Command.number("D3LLM_FUZZ") ?? 4000)
        var read = 0
        for _ in 0..<count {
            try FileSystem.remove(path)
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
            let bytes = mutations.mutated(seed)
            _ = try file.closeAfter { try file.writeAll(bytes) }
            do {
                let file = try GGUFFile(path)
                for tensor in file.tensors.values {
                    #expect(tensor.range.upperBound <= file.map.bytes.count)
                    #expect(
                        tensor.count / tensor.type.block.elements * tensor.type.block.bytes
                            == tensor.range.count)
                }
                for key in ["a.texts", "a.list", "a.whole", "general.architecture"] {
                    _ = try? file.strings(key)
                    _ = try? file.integers(key)
                }
                read += 1
            } catch let error as GGUFError { #expect(!error.description.isEmpty) }
        }
        #expect(read > 0 && read < count)
    }

    @Test func whatIsWrittenIsTheFormat() throws {
        let entries: [GGUFWriter.Entry] = [
            .init("general.architecture", .string("llama")), .init("a.whole", .uint32(7)),
            .init("a.float", .float32(0.25)), .init("a.flag", .bool(true)),
            .init("a.texts", .strings(["é", "", "b"])), .init("a.list", .int32s([1, -2, 3])),
        ]
        let ones = [UInt8](repeating: 1, count: 34)
        let tensors: [GGUFWriter.Tensor] = [
            .init("one", .float32, shape: [3]) { try $0.append([UInt8](repeating: 0, count: 12)) },
            .init("two", .float32, shape: [2, 4]) { sink in
                for _ in 0..<2 { try sink.append([UInt8](repeating: 0, count: 16)) }
            },
            .init("three", .q80, shape: [1, 32]) { try $0.append(ones) },
        ]
        // The same file, put together by another program.
        let expected = GGUFBuilder(
            [
                ("general.architecture", .string("llama")), ("a.whole", .uint32(7)),
                ("a.float", .float32(0.25)),
                ("a.flag", .bool(true)), ("a.texts", .strings(["é", "", "b"])),
                ("a.list", .integers([1, -2, 3])),
            ],
            [
                .zeros("one", [3]), .zeros("two", [4, 2]),
                .init("three", [32, 1], type: 8, bytes: ones),
            ])
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        try GGUFWriter.write(entries, tensors, to: path)
        #expect(try FileSystem.read(path) == expected.bytes)
        _ = try GGUFFile(path)
    }

    @Test func aFileThatCannotBeWrittenIsNotThere() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        try FileSystem.writeAtomically("before", to: path)
        struct Problem: Error {}
        let tensors: [GGUFWriter.Tensor] = [
            .init("one", .float32, shape: [3]) { try $0.append([UInt8](repeating: 0, count: 12)) },
            .init("two", .float32, shape: [3]) { _ in throw Problem() },
        ]
        #expect(throws: Problem.self) { try GGUFWriter.write([], tensors, to: path) }
        #expect(try FileSystem.readText(path) == "before")
        #expect(try FileSystem.list(scratch.path) == ["m.gguf"])
    }
}
