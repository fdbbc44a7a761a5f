import ChatTemplates
import Files
import GGUF
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Tokenizers in GGUF, against Hugging Face's library with the same vocabulary and the components of published models.
///
/// Recorded by `scripts/record-gguf-cases.py`.
struct GGUFTokenizerTests {
    private static let root = Fixtures.path("gguf")

    @Test(arguments: ["llama", "qwen2", "qwen3", "gpt2", "llama3"])
    func idsAreThoseOfTheLibrary(_ name: String) throws {
        let path = Self.root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let cases = try #require(index["tokenizers"]?[name]?.array)
        #expect(cases.count > 100)
        let tokenizer = try TokenizerFiles(folder: Self.root.appending(name)).tokenizer
        for entry in cases {
            let text = try #require(entry["text"]?.string)
            let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
            #expect(try tokenizer.encode(text: text) == ids, "\(text)")
            // Llama 3 takes spaces out of what it decodes; the library's tokenizer leaves that to transformers.
            let skipped = try #require(entry["skipped"]?.string)
            let expected = name == "llama3" ? SpaceCleanup.text(skipped) : skipped
            #expect(
                Array(tokenizer.decode(tokenIds: ids, skipSpecialTokens: true).utf8) == Array(expected.utf8),
                "\(text)")
        }
    }

    @Test func rolesAndTemplateAreThoseOfTheFile() throws {
        for model in ["llama", "llama/model.gguf"] {
            let files = try TokenizerFiles(folder: Self.root.pushing(FilePath(model)))
            let tokenizer = files.tokenizer
            let end = try #require(tokenizer.convertTokenToId("<|endoftext|>"))
            #expect(tokenizer.bosTokenId == end + 1 && tokenizer.eosTokenId == end + 2)
            #expect(
                tokenizer.padTokenId == end && tokenizer.maskTokenId == nil && tokenizer.unknownTokenId == nil
            )
            #expect(files.specialTokens["bos_token"] == "<|im_start|>")
            #expect(files.specialTokens["eos_token"] == "<|im_end|>")
            #expect(
                try files.applyChatTemplate(to: [ChatMessage(role: "user", content: "Hi")])
                    == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
            #expect(!tokenizer.cleansUpSpaces)
        }
        let llama3 = try TokenizerFiles(folder: Self.root.appending("llama3"))
        #expect(llama3.tokenizer.cleansUpSpaces && !llama3.hasChatTemplate)
    }

    /// What a model that is made of one in GGUF gets.
    @Test func theFilesThatAreWrittenAreTheSameTokenizer() throws {
        for name in ["llama", "llama3", "qwen2"] {
            let folder = Self.root.appending(name)
            let scratch = try ScratchFolder()
            let files = try TokenizerFiles.converted(folder)
            #expect(files.keys.sorted() == ["tokenizer.json", "tokenizer_config.json"])
            for (name, bytes) in files {
                try FileSystem.writeAtomically(bytes, to: scratch.path.appending(name))
            }
            #expect(try TokenizerFiles.converted(scratch.path).isEmpty)
            let (one, other) = (try TokenizerFiles(folder: folder), try TokenizerFiles(folder: scratch.path))
            #expect(one.specialTokens == other.specialTokens && one.hasChatTemplate == other.hasChatTemplate)
            for text in ["the words 1234 don't\n\n <|im_end|>x <tool_call>", "cafe\u{301} 你好"] {
                #expect(try one.tokenizer.encode(text: text) == other.tokenizer.encode(text: text))
            }
            let masked = try MaskedTokenizer(folder, token: "<|new|>")
            #expect(masked.id == one.tokenizer.vocabularySize)
            #expect(masked.files.keys.sorted() == ["tokenizer.json", "tokenizer_config.json"])
            #expect(
                try MaskedTokenizer(folder, token: "<|mask|>").id
                    == one.tokenizer.convertTokenToId("<|mask|>"))
        }
    }

    @Test func aTokenizerBesideTheFileCounts() throws {
        let scratch = try ScratchFolder()
        var builder = Self.small
        builder["tokenizer.ggml.pre"] = .string("unheard-of")
        try builder.write(to: scratch.path.appending("m.gguf"))
        #expect(throws: TokenizerError.self) { try TokenizerFiles(folder: scratch.path) }
        try FileSystem.writeAtomically(
            FileSystem.read(Fixtures.path("golden/tokenizers/qwen2/tokenizer.json")),
            to: scratch.path.appending("tokenizer.json"))
        #expect(try TokenizerFiles(folder: scratch.path).tokenizer.vocabularySize == 405)
        #expect(try TokenizerFiles.converted(scratch.path).isEmpty)
    }

    // MARK: - What is refused

    private static let small = GGUFBuilder([
        ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string("gpt-2")),
        ("tokenizer.ggml.tokens", .strings(["a", "b", "ab", "<e>"])),
        ("tokenizer.ggml.token_type", .integers([1, 1, 1, 3])), ("tokenizer.ggml.merges", .strings(["a b"])),
        ("tokenizer.ggml.eos_token_id", .uint32(3)),
    ])

    private static func tokenizer(_ change: (inout GGUFBuilder) -> Void) throws -> any Tokenizer {
        let scratch = try ScratchFolder()
        var builder = small
        change(&builder)
        try builder.write(to: scratch.path.appending("m.gguf"))
        return try TokenizerFiles(folder: scratch.path).tokenizer
    }

    private static func problem(_ change: (inout GGUFBuilder) -> Void) throws -> String {
        let error = try #require(throws: (any Error).self) { try tokenizer(change) }
        if let error = error as? TokenizerError { return "\(error.path): \(error.message)" }
        return try "\(#require(error as? GGUFError).subject ?? ""): \(#require(error as? GGUFError).message)"
    }

    @Test func tokensBecomeIds() throws {
        let tokenizer = try Self.tokenizer { _ in }
        #expect(try tokenizer.encode(text: "abba<e>") == [2, 1, 0, 3] && tokenizer.eosTokenId == 3)
        let around = try Self.tokenizer {
            $0["tokenizer.ggml.tokens"] = .strings(["a", "b", "ab", "<e>", "<s>"])
            $0["tokenizer.ggml.token_type"] = .integers([1, 1, 1, 3, 3])
            $0["tokenizer.ggml.bos_token_id"] = .uint32(4)
            $0["tokenizer.ggml.add_bos_token"] = .bool(true)
            $0["tokenizer.ggml.add_eos_token"] = .bool(true)
        }
        #expect(try around.encode(text: "ab") == [4, 2, 3])
        #expect(try around.encode(text: "ab", addSpecialTokens: false) == [2])
        // No types: no token is special.
        let plain = try Self.tokenizer {
            $0["tokenizer.ggml.token_type"] = nil
            $0["tokenizer.ggml.eos_token_id"] = nil
        }
        #expect(plain.eosTokenId == nil && plain.vocabularySize == 4)
    }

    private static let cure =
        "; put the tokenizer.json of the model's repository into a folder with the file, which is read instead."

    @Test func anUnknownTokenizerIsRefusedByName() throws {
        #expect(
            try Self.problem { $0["tokenizer.ggml.pre"] = .string("tekken") }
                == "tokenizer.ggml.pre: The pre-tokenizer `tekken` isn't known; known are gpt-2, smollm, qwen2, llama-bpe\(Self.cure)"
        )
        #expect(
            try Self.problem { $0["tokenizer.ggml.pre"] = .string("default") }.contains(
                "`default` isn't known"))
        #expect(
            try Self.problem { $0["tokenizer.ggml.pre"] = nil }
                == "tokenizer.ggml.pre: The file doesn't say how text is cut before it becomes tokens; known names are gpt-2, smollm, qwen2, llama-bpe\(Self.cure)"
        )
        #expect(
            try Self.problem { $0["tokenizer.ggml.model"] = .string("llama") }
                == "tokenizer.ggml.model: The tokenizer `llama` isn't supported; supported here: gpt2 (byte-level BPE)\(Self.cure)"
        )
        #expect(
            try Self.problem { $0["tokenizer.ggml.model"] = nil }
                == "tokenizer.ggml.model: The file names no tokenizer\(Self.cure)")
    }

    @Test func whatDoesNotBelongTogetherIsRefused() throws {
        #expect(
            try Self.problem { $0["tokenizer.ggml.tokens"] = nil }
                == "tokenizer.ggml.tokens: The tokenizer has no tokens.")
        #expect(
            try Self.problem { $0["tokenizer.ggml.tokens"] = .strings(["a", "b", "ab", "a"]) }
                == "tokenizer.ggml.tokens: The token `a` has the ids 0 and 3.")
        #expect(
            try Self.problem { $0["tokenizer.ggml.tokens"] = .integers([1]) }
                == "key tokenizer.ggml.tokens: should be a list of texts, not a list of 1 values of type 5")
        #expect(
            try Self.problem {
                $0["tokenizer.ggml.tokens"] = .raw(
                    9,
                    GGUFBuilder.number(UInt32(8)) + GGUFBuilder.number(UInt64(1))
                        + GGUFBuilder.number(UInt64(1)) + [0xFF])
            }
                == "key tokenizer.ggml.tokens, element 0: is not text in UTF-8; the file is damaged")
        #expect(
            try Self.problem { $0["tokenizer.ggml.merges"] = nil }
                == "tokenizer.ggml.merges: The tokenizer has no merges.")
        #expect(
            try Self.problem { $0["tokenizer.ggml.merges"] = .strings(["a c"]) }.hasSuffix(
                "The merge of `a` and `c` needs the token `ac`, which isn't in the vocabulary."))
        #expect(
            try Self.problem { $0["tokenizer.ggml.merges"] = .strings(["ab"]) }.hasSuffix(
                "A merge is two tokens: an array of two strings, or one string with a space between."))
        #expect(
            try Self.problem { $0["tokenizer.ggml.token_type"] = .integers([1]) }
                == "tokenizer.ggml.token_type: There are 1 types for 4 tokens; every token has one.")
        #expect(
            try Self.problem { $0["tokenizer.ggml.eos_token_id"] = .uint32(4) }
                == "tokenizer.ggml.eos_token_id: The id 4 belongs to no token; there are 4.")
        #expect(
            try Self.problem { $0["tokenizer.ggml.add_bos_token"] = .bool(true) }
                == "tokenizer.ggml.add_bos_token: The tokenizer adds a token to texts that it doesn't name; tokenizer.ggml.bos_token_id does."
        )
        #expect(
            try Self.problem { $0["tokenizer.chat_template"] = .uint32(1) }
                == "key tokenizer.chat_template: should be a text, not a whole number")
    }

    // MARK: - Writing

    private static func written(
        _ folder: FilePath, rows: Int, ends: [Int32] = []
    ) throws -> (ScratchFolder, GGUFFile) {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("m.gguf")
        try GGUFWriter.write(
            try TokenizerFiles.ggufMetadata(folder, rows: rows, ends: ends), [], to: path)
        return (scratch, try GGUFFile(path))
    }

    @Test(arguments: ["llama", "qwen2", "qwen3", "gpt2", "llama3"])
    func whatIsWrittenIsTheSameTokenizer(_ name: String) throws {
        let path = Self.root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let cases = try #require(index["tokenizers"]?[name]?.array)
        let folder = Self.root.appending(name)
        let before = try TokenizerFiles(folder: folder)
        // Of a GGUF file, and of the files in Hugging Face layout that say the same.
        let converted = try ScratchFolder()
        for (name, bytes) in try TokenizerFiles.converted(folder) {
            try FileSystem.writeAtomically(bytes, to: converted.path.appending(name))
        }
        for source in [folder, converted.path] {
            let (scratch, file) = try Self.written(source, rows: before.tokenizer.vocabularySize + 3)
            let files = try TokenizerFiles(folder: scratch.path)
            for entry in cases {
                let text = try #require(entry["text"]?.string)
                let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
                #expect(try files.tokenizer.encode(text: text) == ids, "\(text)")
                let skipped = files.tokenizer.decode(tokenIds: ids, skipSpecialTokens: true)
                #expect(
                    skipped.utf8.elementsEqual(
                        before.tokenizer.decode(tokenIds: ids, skipSpecialTokens: true).utf8))
            }
            #expect(files.specialTokens == before.specialTokens)
            #expect(files.hasChatTemplate == before.hasChatTemplate)
            let size = before.tokenizer.vocabularySize
            #expect(
                try file.strings("tokenizer.ggml.tokens")?.suffix(3)
                    == (0..<3).map { "[PAD\(size + $0)]" }[...])
            #expect(try file.integers("tokenizer.ggml.token_type")?.suffix(3) == [5, 5, 5])
        }
    }

    /// Against what llama.cpp's `convert_hf_to_gguf.py` wrote of the same tokenizers.
    @Test(arguments: ["llama", "qwen2", "qwen3"])
    func valuesAreThoseOfLlamaCpp(_ name: String) throws {
        let path = Self.root.appending("index.json")
        let index = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        let recorded = try #require(index["written"]?[name]?["F32"]?["values"]?.members)
        let folder = Self.root.appending(name)
        let rows = try TokenizerFiles(folder: folder).tokenizer.vocabularySize
        let (_, file) = try Self.written(folder, rows: rows)
        var compared = 0
        for (key, value) in recorded.map({ ($0.key, $0.value) }) where key.hasPrefix("tokenizer.") {
            compared += 1
            switch key {
            case "tokenizer.ggml.tokens", "tokenizer.ggml.merges":
                let texts = try #require(try file.strings(key))
                #expect(texts.count == value["count"]?.int)
                #expect(
                    SHA256.hex(of: Array(texts.joined(separator: "\n").utf8)) == value["sha256"]?.string,
                    "\(key)")
            case "tokenizer.ggml.token_type":
                #expect(try file.integers(key) == (value.array ?? []).compactMap { $0.int })
            case "tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.chat_template":
                #expect(try file.string(key) == value.string, "\(key)")
            case "tokenizer.ggml.add_bos_token", "tokenizer.ggml.add_eos_token",
                "tokenizer.ggml.add_space_prefix":
                #expect(try file.flag(key) == value.bool, "\(key)")
            default: #expect(try file.integer(key) == value.int, "\(key)")
            }
        }
        #expect(compared >= 8)
    }

    @Test func endsOfTextsAreThoseOfTheTokenizerAndTheModel() throws {
        let folder = Self.root.appending("llama")
        let (_, file) = try Self.written(folder, rows: 406, ends: [400, 402, 7])
        // The tokenizer's own first.
        #expect(try file.integer("tokenizer.ggml.eos_token_id") == 402)
        #expect(try file.integer("tokenizer.ggml.eot_token_id") == 400)
        #expect(try file.integer("tokenizer.ggml.eom_token_id") == 7)
    }

    @Test func whatGGUFCannotSayIsRefused() throws {
        func problem(_ change: (inout JSONObject) throws -> Void, rows: Int = 406) throws -> String {
            let scratch = try ScratchFolder()
            for (name, bytes) in try TokenizerFiles.converted(Self.root.appending("llama")) {
                var bytes = bytes
                if name == "tokenizer.json",
                    case .object(var object) = JSONValue(try JSONDocument(parsing: bytes, name: name).root)
                {
                    try change(&object)
                    bytes = try JSONValue.object(object).compactBytes()
                }
                try FileSystem.writeAtomically(bytes, to: scratch.path.appending(name))
            }
            let error = try #require(throws: TokenizerError.self) {
                try TokenizerFiles.ggufMetadata(scratch.path, rows: rows, ends: [])
            }
            return "\(error.path): \(error.message)"
        }
        let unnamed =
            "$.pre_tokenizer: GGUF has no name for how this tokenizer normalizes and cuts text; those that can be written are gpt-2, smollm, qwen2, llama-bpe."
        #expect(try problem { $0["normalizer"] = ["type": "NFC"] } == unnamed)
        #expect(
            try problem {
                $0["pre_tokenizer"] = ["type": "ByteLevel", "add_prefix_space": true, "use_regex": true]
            } == unnamed)
        #expect(
            try problem {
                $0["added_tokens"] = [
                    [
                        "id": 403, "content": "<|mask|>", "single_word": false, "lstrip": true,
                        "rstrip": false,
                        "normalized": false, "special": true,
                    ]
                ]
            }.hasPrefix("$.added_tokens: The token `<|mask|>` takes white space with it"))
        #expect(
            try problem({ _ in }, rows: 405)
                == "$.model.vocab: The tokenizer has ids that the model, whose vocabulary is of 405, hasn't got."
        )
        #expect(
            try problem {
                $0["post_processor"] = [
                    "type": "TemplateProcessing",
                    "single": [
                        ["SpecialToken": ["id": "<|mask|>", "type_id": 0]],
                        ["Sequence": ["id": "A", "type_id": 0]],
                    ],
                    "pair": [],
                    "special_tokens": ["<|mask|>": ["id": "<|mask|>", "ids": [403], "tokens": ["<|mask|>"]]],
                ]
            }
                == "$.post_processor: Only a bos_token before a text and an eos_token behind it can be written in GGUF."
        )
        let error = try #require(throws: TokenizerError.self) {
            try TokenizerFiles.ggufMetadata(Fixtures.path("tokenizer/wordlevel"), rows: 100, ends: [])
        }
        #expect(error.path == "$.model.type")
    }
}
