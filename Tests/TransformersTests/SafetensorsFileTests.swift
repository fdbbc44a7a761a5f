import Files
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

@Suite struct SafetensorsFileTests {
    let folder = try? TemporaryFolder()

    /// A file with the given header and data.
    private func file(_ header: String, data: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(write(header, data: data))
    }

    private func write(_ header: String, data: [UInt8]) throws -> FilePath {
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        return try write(length + Array(header.utf8) + data)
    }

    private func write(_ bytes: [UInt8]) throws -> FilePath {
        let path = try #require(folder).path.appending("file.safetensors")
        // A new file each time, because the one before may still be mapped; without waiting for the disk.
        try FileSystem.remove(path)
        let file = try FileDescriptor.open(path, .writeOnly, options: .create, permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(bytes) }
        return path
    }

    private static func bytes(_ halves: [UInt16]) -> [UInt8] {
        halves.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    }

    // MARK: Reading what is right

    @Test("32-bit floats come back bit for bit, lying where the file is mapped")
    func float32() throws {
        let path = try #require(folder).path.appending("f32.safetensors")
        let values: [Float] = [0, -0.0, 1.5, .infinity, -.leastNonzeroMagnitude, 3.4e38, 0x1p-140, -7]
        let matrix = Matrix(rows: 2, columns: 4, elements: values)
        try SafetensorsWriter.write(
            [
                .init(name: "a", shape: [2, 4], values: matrix),
                .init(name: "b", shape: [3], values: matrix.slice(rows: 0..<1, columns: 1..<4)),
                .init(name: "c", shape: [2, 2], values: matrix.slice(rows: 0..<2, columns: 1..<3)),
                .init(name: "none", shape: [0, 4], values: matrix.slice(rows: 0..<0)),
            ], metadata: ["note": "tést \"quoted\""], to: path)
        let file = try SafetensorsFile(path)
        #expect(file.metadata == ["note": "tést \"quoted\""])
        #expect(file.entries.count == 4)
        let a = try file.matrix("a", shape: [2, 4], rows: 2, columns: 4)
        #expect(a.elements.map(\.bitPattern) == values.map(\.bitPattern))
        let base = try #require(file.map.bytes.baseAddress)
        let inside = UnsafeRawPointer(a.pointer) - base
        #expect(inside > 0 && inside + 32 <= file.map.bytes.count)
        #expect(try file.matrix("b", shape: [3], rows: 1, columns: 3).elements == Array(values[1...3]))
        #expect(
            try file.matrix("c", shape: [2, 2], rows: 2, columns: 2).elements == [
                values[1], values[2], values[5], values[6],
            ])
        #expect(try file.matrix("none", shape: [0, 4], rows: 0, columns: 4).elements.isEmpty)
    }

    @Test("bfloat16 is written rounded to nearest even and read exactly")
    func bfloat16() throws {
        let path = try #require(folder).path.appending("bf16.safetensors")
        let values: [Float] = [1, 1.00390625, 1.01171875, -3.14159, .infinity, 0x1p-140]
        try SafetensorsWriter.write(
            [.init(name: "a", shape: [6], values: Matrix(rows: 1, columns: 6, elements: values))],
            type: .bfloat16, to: path)
        let read = try SafetensorsFile(path).matrix("a", shape: [6], rows: 1, columns: 6).elements
        #expect(read[0..<3] == [1, 1, 1.015625])
        #expect(read[3] == -3.140625)
        #expect(read[4] == .infinity)
        for x in read { #expect(x.bitPattern & 0xFFFF == 0) }
    }

    @Test("half precision: every bit pattern, subnormals, infinities and NaN included")
    func float16() throws {
        let patterns = (0...UInt16.max).map { $0 }
        let file = try file(
            #"{"h":{"dtype":"F16","shape":[65536],"data_offsets":[0,131072]}}"#, data: Self.bytes(patterns))
        let read = try file.matrix("h", shape: [65536], rows: 1, columns: 65536).elements
        for (bits, x) in zip(patterns, read) {
            let sign: Float = bits & 0x8000 == 0 ? 1 : -1
            let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 0x3FF))
            switch (exponent, fraction) {
            case (31, 0): #expect(x == sign * .infinity)
            case (31, _): #expect(x.isNaN)
            case (0, _): #expect(x == sign * fraction * 0x1p-24 && x.sign == (sign < 0 ? .minus : .plus))
            default:
                let power = Float(sign: .plus, exponent: exponent - 25, significand: 1)
                #expect(x == sign * (1024 + fraction) * power)
            }
        }
    }

    @Test("tensors at odd addresses and integer tensors can be read")
    func unaligned() throws {
        // One of four lengths of the header puts each tensor at an odd address.
        let header =
            #"{"i":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]},"#
            + #""b":{"dtype":"BF16","shape":[1,1],"data_offsets":[5,7]},"l":{"dtype":"I64","shape":[],"data_offsets":[7,15]}}"#
        for padding in 0..<4 {
            let file = try file(
                header + String(repeating: " ", count: padding),
                data: [0xFE, 0, 0, 0xC0, 0x3F, 0x80, 0xBF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
            #expect(try file.integers("i") == [-2])
            #expect(try file.integers("l") == [-1])
            #expect(try file.matrix("f", shape: [1], rows: 1, columns: 1).elements == [1.5])
            #expect(try file.matrix("b", shape: [1, 1], rows: 1, columns: 1).elements == [-1])
        }
    }

    @Test("asking for another shape, type or name says what was expected and what is there")
    func mismatches() throws {
        let file = try file(
            #"{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"i":{"dtype":"I32","shape":[1],"data_offsets":[8,12]}}"#,
            data: [UInt8](repeating: 0, count: 12))
        func message(_ body: () throws -> Void) throws -> String {
            String(describing: try #require(throws: CheckpointError.self) { try body() })
        }
        let shape = try message { _ = try file.matrix("w", shape: [2, 1], rows: 2, columns: 1) }
        #expect(shape.contains("file.safetensors: tensor w: expected shape [2, 1], found [1, 2]"))
        let type = try message { _ = try file.matrix("i", shape: [1], rows: 1, columns: 1) }
        #expect(type.contains("tensor i: expected F32, BF16, F16 or F64, found I32"))
        #expect(try message { _ = try file.integers("w") }.contains("holds F32, not integers"))
        #expect(try message { _ = try file.entry(named: "x") }.contains("tensor x: is missing"))
    }

    // MARK: Refusing what is wrong

    @Test(
        "a damaged header is refused with the tensor's name and the reason",
        arguments: [
            (#"{"t":{"dtype":"F32","shape":[2],"data_offsets":[-4,4]}}"#, "tensor t: lies at bytes -4..<4"),
            (#"{"t":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, "tensor t: lies at bytes 8..<0"),
            (#"{"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "holds only 8; it is truncated"),
            (#"{"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, "has 8 bytes; F32 [3] needs 12"),
            (#"{"t":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#, "element type F8_E4M3; known"),
            (#"{"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "not a size"),
            (#"{"t":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#, "not a size"),
            (#"{"t":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}}"#, "not a size"),
            (
                #"{"t":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#,
                "tensor t: has an impossible shape"
            ),
            (
                #"{"t":{"dtype":"F32","shape":[9223372036854775807,0],"data_offsets":[0,0]}}"#,
                "impossible shape"
            ),
            (
                #"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775808]}}"#,
                "no dtype, shape and data_offsets"
            ),
            (#"{"t":{"dtype":"F32","shape":[2]}}"#, "tensor t: the header gives no"),
            (#"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}}"#, "tensor t: the header gives no"),
            (#"{"t":7}"#, "tensor t: the header gives no"),
            (#"[1,2]"#, "the header is an array"),
            (#"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#, "not valid JSON"),
            (#"{}"#, "has 8 bytes behind the last tensor"),
            (
                #"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"u":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                "tensor u: begins at byte 0 of the data, inside tensor t, which ends at 4"
            ),
            (
                #"{"t":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                "tensor t: begins at byte 4 of the data, but the header ends at 0"
            ),
            (
                #"{"t":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"u":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                "tensor u: begins at byte 4 of the data, but tensor t ends at 3"
            ),
            (#"{"t":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "has 4 bytes behind"),
            (
                #"{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
                "not valid JSON"
            ),
        ])
    func refusals(header: String, expected: String) throws {
        let error = try #require(throws: CheckpointError.self) {
            try file(header, data: [UInt8](repeating: 1, count: 8))
        }
        #expect("\(error)".contains(expected), "\(error)")
        #expect("\(error)".contains("file.safetensors"))
    }

    @Test("every prefix of a valid file is refused, and so is one byte more")
    func truncation() throws {
        let valid = try Self.valid()
        for length in valid.indices {
            let path = try write(Array(valid[..<length]))
            #expect(throws: CheckpointError.self, "\(length) bytes") { try SafetensorsFile(path) }
        }
        let longer = try write(valid + [0])
        #expect(throws: CheckpointError.self) { try SafetensorsFile(longer) }
    }

    @Test(
        "a header length beyond the file is refused, up to the largest",
        arguments: [0, 1, 1000, 1 << 40, UInt64(Int64.max), UInt64(Int64.max) - 7, .max])
    func headerLength(length: UInt64) throws {
        var bytes = try Self.valid()
        bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: length.littleEndian) { Array($0) })
        let path = try write(bytes)
        let error = try #require(throws: CheckpointError.self) { try SafetensorsFile(path) }
        #expect("\(error)".contains("the header claims \(length) bytes"))
    }

    @Test("2,000 random mutations give an error or a readable file, never a crash")
    func mutations() throws {
        let valid = try Self.valid()
        let header = 8 + Int(valid[0]) + Int(valid[1]) << 8
        var stream = RandomStream(seed: 5, purpose: "mutations")
        var refused = 0
        for _ in 0..<2000 {
            var bytes = valid
            for _ in 0..<stream.nextInt(in: 1..<4) {
                let place = stream.nextInt(in: 0..<min(header, bytes.count))
                switch stream.nextInt(in: 0..<4) {
                case 0: bytes[place] = UInt8(stream.nextInt(in: 0..<256))
                case 1: bytes.remove(at: place)
                case 2: bytes.insert(UInt8(stream.nextInt(in: 32..<127)), at: place)
                // A digit for a digit keeps the header JSON and so reaches the checks behind the parser.
                default:
                    let digits = bytes[..<min(header, bytes.count)].indices.filter {
                        bytes[$0] &- 48 < 10 && $0 >= 8
                    }
                    if digits.isEmpty { break }
                    bytes[digits[stream.nextInt(in: 0..<digits.count)]] = UInt8(
                        48 + stream.nextInt(in: 0..<10))
                }
            }
            let path = try write(bytes)
            do {
                let file = try SafetensorsFile(path)
                for (name, entry) in file.entries {
                    let count = entry.count
                    if [.float32, .bfloat16, .float16].contains(entry.type) {
                        let m = try file.matrix(name, shape: entry.shape, rows: 1, columns: count)
                        #expect(m.elements.count == count)
                    } else if entry.type != .float64 {
                        #expect(try file.integers(name).count == count)
                    }
                }
            } catch let error as CheckpointError {
                refused += 1
                #expect(error.file == path)
            }
        }
        #expect(refused > 1000)
    }

    @Test("a missing file is an error that names it")
    func missing() throws {
        let path = try #require(folder).path.appending("nowhere.safetensors")
        let error = try #require(throws: FileError.self) { try SafetensorsFile(path) }
        #expect(error.path == path)
    }

    @Test(
        "recorded models have neither holes nor overlaps",
        arguments: ["llada_a/model", "llada_a_bf16/model", "llada_b/model-00002-of-00003"])
    func recorded(name: String) throws {
        #expect(try !SafetensorsFile(Fixtures.path("golden/models/\(name).safetensors")).entries.isEmpty)
    }

    /// The bytes of a small file with two tensors.
    private static func valid() throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = folder.path.appending("valid.safetensors")
        let values = Matrix(rows: 2, columns: 3, elements: [1, 2, 3, 4, 5, 6])
        try SafetensorsWriter.write(
            [
                .init(name: "first", shape: [2, 3], values: values),
                .init(name: "second", shape: [3], values: values.slice(rows: 1..<2)),
            ], to: path)
        return try FileSystem.read(path)
    }
}
