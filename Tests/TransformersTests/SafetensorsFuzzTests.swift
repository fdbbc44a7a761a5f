import Files
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// Headers of safetensors files that somebody damaged or made up: refused with the tensor, or read.
struct SafetensorsFuzzTests {
    private static let count = Int(Command.number("D3LLM_FUZZ") ?? 4000)

    private static func write(_ header: [UInt8], length: UInt64? = nil, data: Int, to path: FilePath) throws {
        try FileSystem.remove(path)
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        let prefix = withUnsafeBytes(of: (length ?? UInt64(header.count)).littleEndian) { Array($0) }
        try file.closeAfter {
            _ = try file.writeAll(prefix + header + [UInt8](repeating: 0x3C, count: data))
        }
    }

    /// Reads all that can be asked of a file.
    private static func use(_ path: FilePath) throws -> Bool {
        do {
            let file = try SafetensorsFile(path)
            for (name, entry) in file.entries {
                #expect(entry.range.upperBound <= file.map.bytes.count)
                #expect(file.bytes(of: entry).count == entry.range.count)
                #expect(entry.count * entry.type.size == entry.range.count)
                _ = try? file.integers(name)
                if entry.shape.count == 2 {
                    _ = try? file.matrix(
                        name, shape: entry.shape, rows: entry.shape[0], columns: entry.shape[1])
                }
            }
            return true
        } catch let error as CheckpointError {
            #expect(!error.description.isEmpty)
            return false
        }
    }

    @Test func damagedHeadersAreReadOrRefused() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("f.safetensors")
        let seed = Array(
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]},"c":{"dtype":"I64","shape":[],"data_offsets":[32,40]}}"#
                .utf8)
        var mutations = Mutations(
            [
                "0", "-1", "1", "24", "9223372036854775807", "-9223372036854775808", "4611686018427387904",
                "2305843009213693952",
                "4294967296", "1e18", "1e3", "[]", "{}", "null", "\"F16\"", "\"BOOL\"", "\"U8\"",
                "[0,9223372036854775807]",
                "[4611686018427387904,0]", "[4611686018427387904,4]", "\"a\"", ",", "\"data_offsets\"",
            ].map { Array($0.utf8) })
        var read = 0
        for round in 0..<Self.count {
            let header = round % 3 == 0 ? mutations.replacingValue(of: seed) : mutations.mutated(seed)
            let length = round % 50 == 0 ? UInt64(1) << UInt64(mutations.next(64)) : nil
            try Self.write(
                header, length: length, data: [40, 40, 40, 0, 39, 41][mutations.next(6)], to: path)
            if try Self.use(path) { read += 1 }
        }
        #expect(read > 0 && read < Self.count)
    }

    /// Every shape and every pair of offsets out of numbers at the ends of their ranges.
    @Test func sizesThatOverflowAreRefused() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("f.safetensors")
        let numbers: [Int] = [0, 1, 2, 8, -1, 1 << 31, 1 << 32, 1 << 61, 1 << 62, .max, .min]
        var read = 0
        for a in numbers {
            for b in numbers {
                for (shape, offsets) in [
                    ("[\(a),\(b)]", "[0,8]"), ("[8]", "[\(a),\(b)]"), ("[\(a),\(b),0]", "[0,0]"),
                ] {
                    let header = #"{"t":{"dtype":"U8","shape":\#(shape),"data_offsets":\#(offsets)}}"#
                    for data in [0, 8] {
                        try Self.write(Array(header.utf8), data: data, to: path)
                        if try Self.use(path) { read += 1 }
                    }
                }
            }
        }
        #expect(read > 0)
    }

    /// Every size of a configuration at the ends of its range, alone and two together.
    @Test func configurationsOfAnySizeAreTakenOrRefused() {
        let numbers = [Int.min, -1, 0, 1, 2, 3, 64, 4096, 1 << 24, (1 << 24) + 1, 1 << 31, 1 << 62, .max]
        let keys: [WritableKeyPath<TransformerConfiguration, Int>] = [
            \.layers, \.width, \.heads, \.keyValueHeads, \.headWidth, \.feedForwardWidth, \.vocabulary,
            \.maximumPositions,
        ]
        let whole = TransformerConfiguration(
            layers: 2, width: 8, heads: 2, feedForwardWidth: 16, vocabulary: 32)
        #expect(whole.problem == nil)
        var taken = 0
        for first in keys {
            for second in keys {
                for a in numbers {
                    for b in numbers {
                        var c = whole
                        c[keyPath: first] = a
                        c[keyPath: second] = b
                        guard c.problem == nil else { continue }
                        taken += 1
                        // Then nothing that is computed of the sizes overflows.
                        if c.layers <= 64 { #expect(c.parameterCount > 0 && c.parameterCount < 1 << 45) }
                    }
                }
            }
        }
        #expect(taken > 100)
    }
}
