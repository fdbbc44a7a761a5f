import JSON
import Numerics
import SystemPackage

@testable import Archives
@testable import ChatTemplates
@testable import Columnar
@testable import Fetching
@testable import GGUF
@testable import Serving
@testable import Tokenizers
@testable import Transformers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A reader of bytes that come from elsewhere.
enum Reader: String, CaseIterable {
    case json, template, tokenizer, safetensors, gguf, parquet, arrow, http, entry, lock

    /// Reads bytes and uses all that comes of them; errors are what should happen.
    func read(_ bytes: [UInt8]) {
        switch self {
        case .json:
            guard
                let document = try? JSONDocument(
                    parsing: bytes, name: "j", allowComments: bytes.count % 2 == 0,
                    allowNonFinite: bytes.count % 3 == 0)
            else { return }
            let value = JSONValue(document.root)
            _ = try? value.canonicalBytes()
            _ = try? value.prettyBytes()
        case .template:
            let limits = TemplateLimits(steps: 5000, textBytes: 20_000, outputBytes: 40_000)
            _ = try? ChatTemplate(String(decoding: bytes, as: UTF8.self)).render(
                messages: [ChatMessage(role: "user", content: "Hello, 世界.")], addGenerationPrompt: true,
                tools: [["name": "f", "parameters": ["a": [1, 2.5, nil]]]], variables: ["bos_token": "<s>"],
                limits: limits)
        case .tokenizer: Self.tokenizer(bytes)
        case .safetensors:
            Self.withFile(bytes, Self.safetensors)
            // Also as a header alone, whose length is right: the library seldom changes both as they belong.
            let length = withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) }
            Self.withFile(length + bytes + [UInt8](repeating: 0x3C, count: 64), Self.safetensors)
        case .gguf: Self.withFile(bytes, name: ".gguf", Self.gguf)
        case .parquet:
            Self.withFile(bytes) { path in
                Self.rows { try ParquetFile(path, limits: Self.limits).forEachRow($0) }
            }
        case .arrow:
            Self.withFile(bytes) { path in
                Self.rows { try ArrowFile(path, limits: Self.limits).forEachRow($0) }
            }
        case .http:
            guard let request = try? HTTPRequest(head: bytes[...]) else { return }
            _ = try? request.bodyLength(limit: 100)
            for name in ["host", "origin"] { _ = request[name].flatMap(HostName.init) }
        case .entry:
            _ = EntryPath.shown(bytes)
            _ = try? EntryPath.parts(bytes, Unpacker.Limits())
        case .lock: _ = try? DataLock(parsing: bytes, path: "data.lock")
        }
    }

    private static func tokenizer(_ bytes: [UInt8]) {
        guard let document = try? JSONDocument(parsing: bytes, name: "t") else { return }
        var tokenizers: [any Tokenizer] = []
        if let words = try? WordLevelTokenizer(tokenizer: document, configuration: nil) {
            tokenizers.append(words)
        }
        if let pieces = try? ByteLevelTokenizer(tokenizer: document, configuration: document) {
            tokenizers.append(pieces)
        }
        for tokenizer in tokenizers {
            for text in ["ab <e> b<n>", "aaaaaaaaaaaa!", "e\u{301} é 你 7 42\n\n  x"] {
                guard let ids = try? tokenizer.encode(text: text) else { continue }
                _ = try? tokenizer.tokenize(text: text)
                _ = tokenizer.decode(tokenIds: ids + [-1, .max], skipSpecialTokens: true)
            }
        }
    }

    private static func safetensors(_ path: FilePath) {
        guard let file = try? SafetensorsFile(path) else { return }
        for (name, entry) in file.entries {
            _ = try? file.integers(name)
            guard entry.shape.count == 2 else { continue }
            _ = try? file.matrix(name, shape: entry.shape, rows: entry.shape[0], columns: entry.shape[1])
        }
    }

    private static func gguf(_ path: FilePath) {
        guard let file = try? GGUFFile(path) else { return }
        for tensor in file.tensors.values {
            let floats = FloatBuffer(zeros: tensor.count)
            withExtendedLifetime((file, floats)) {
                GGUFBlocks.dequantize(
                    tensor.type, file.bytes(of: tensor), into: floats.pointer, count: tensor.count)
            }
        }
        _ = try? Checkpoint.configuration(path)
        _ = try? Checkpoint.remarks(path)
        guard let tokenizer = try? TokenizerFiles(folder: path).tokenizer else { return }
        _ = try? tokenizer.encode(text: "ab <e> 42\n")
    }

    private static var limits: ColumnarLimits {
        var limits = ColumnarLimits()
        (limits.pageBytes, limits.pageValues, limits.rowValues) = (1 << 20, 1 << 12, 1 << 12)
        return limits
    }

    private struct Enough: Error {}

    private static func rows(_ read: (_ body: (JSONObject) throws -> Void) throws -> Void) {
        var count = 0
        try? read { _ in
            count += 1
            if count > 2000 { throw Enough() }
        }
    }

    /// Gives `body` a file in memory.
    private static func withFile(_ bytes: [UInt8], name: String = "", _ body: (FilePath) -> Void) {
        let path = FilePath("/dev/shm/d3llm-fuzz-\(getpid())\(name)")
        // A new file each time: the one before may still be mapped.
        unlink(path.string)
        guard
            let file = try? FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        else { return }
        _ = try? file.closeAfter { try file.writeAll(bytes) }
        body(path)
        unlink(path.string)
    }
}
