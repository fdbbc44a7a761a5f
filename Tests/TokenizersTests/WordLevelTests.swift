import Files
import JSON
import SystemPackage
import Testing

@testable import Tokenizers

struct WordLevelTests {
    @Test func vocabularyIsOrderedByFrequencyThenBytes() throws {
        let tokenizer = try WordLevelTokenizer.train(on: [
            "b a b 10 1 <|sep|> <|mask|>", "c<|sep|>a é e\u{301}",
        ])
        let tokens = (0..<tokenizer.vocabularySize).map { tokenizer.convertIdToToken($0) ?? "" }
        let expected = [
            "<|unk|>", "<|mask|>", "<|endoftext|>", "<|sep|>", "1", "a", "b", "0", "c", "e\u{301}", "é",
        ]
        #expect(tokens.map { Array($0.utf8) } == expected.map { Array($0.utf8) })
        #expect(tokenizer.unknownTokenId == 0)
        #expect(tokenizer.maskTokenId == 1)
        #expect(tokenizer.eosTokenId == 2)
        #expect(tokenizer.separatorTokenId == 3)
    }

    @Test func canonicallyEquivalentWordsAreDifferentTokens() throws {
        let tokenizer = try WordLevelTokenizer.train(on: ["é e\u{301}"])
        #expect(tokenizer.convertTokenToId("é") != tokenizer.convertTokenToId("e\u{301}"))
        #expect(Set(tokenizer.encode(text: "é e\u{301}")).count == 2)
    }

    @Test func limitKeepsTheMostFrequent() throws {
        let tokenizer = try WordLevelTokenizer.train(on: ["a a b b c"], vocabularyLimit: 6)
        #expect(tokenizer.vocabularySize == 6)
        #expect(tokenizer.encode(text: "a b c") == [4, 5, 0])
        #expect(throws: WordLevelTrainingError.limitTooSmall(4, specialTokens: 4)) {
            try WordLevelTokenizer.train(on: ["a"], vocabularyLimit: 4)
        }
        #expect(throws: WordLevelTrainingError.self) {
            try WordLevelTokenizer.train(on: ["a"], specialTokens: SpecialTokens(unknown: "x", mask: "x"))
        }
    }

    @Test func knownTextComesBackWithDigitsApart() throws {
        let tokenizer = try WordLevelTokenizer.train(on: ["So Anna has 42 apples . #### 42"])
        let ids = tokenizer.encode(text: "So Anna has 42 apples . #### 42<|endoftext|>")
        #expect(tokenizer.decode(tokenIds: ids) == "So Anna has 4 2 apples . #### 4 2 <|endoftext|>")
        #expect(
            tokenizer.decode(tokenIds: ids, skipSpecialTokens: true) == "So Anna has 4 2 apples . #### 4 2")
    }

    @Test func writtenFilesReadBackTheSame() throws {
        let trained = try WordLevelTokenizer.train(
            on: ["a \"b\" c\\d é e\u{301} 12"],
            specialTokens: SpecialTokens(unknown: "[UNK]", mask: "[MASK]", endOfText: "</s>"))
        let read = try WordLevelTokenizer(
            tokenizer: JSONDocument(parsing: trained.tokenizerJSON(), name: "tokenizer.json"),
            configuration: JSONDocument(parsing: trained.configurationJSON(), name: "tokenizer_config.json"))
        #expect(read.ids == trained.ids)
        #expect(read.added == trained.added)
        #expect(read.specialTokens == trained.specialTokens)
        #expect(read.separatorTokenId == nil)
    }

    @Test func folderHoldsBothFiles() throws {
        let folder = FilePath("/tmp/d3llm-wordlevel-\(UInt64.random(in: 0 ... .max))")
        try FileSystem.createDirectory(folder)
        defer { try? FileSystem.remove(folder) }
        let trained = try WordLevelTokenizer.train(on: ["a b 12"])
        try trained.write(to: folder)
        let read = try WordLevelTokenizer(folder: folder)
        #expect(read.ids == trained.ids && read.specialTokens == trained.specialTokens)
        #expect(throws: FileError.self) { try WordLevelTokenizer(folder: folder.appending("none")) }
    }
}

/// What a `tokenizer.json` may hold that this tokenizer must not pass over in silence.
struct WordLevelRefusalTests {
    private static let valid = """
        {"truncation": null, "normalizer": null, "decoder": null, "post_processor": null,
         "added_tokens": [{"id": 0, "content": "<unk>", "special": true}],
         "pre_tokenizer": {"type": "Sequence", "pretokenizers":
           [{"type": "WhitespaceSplit"}, {"type": "Digits", "individual_digits": true}]},
         "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1}, "unk_token": "<unk>"}}
        """

    private func read(_ text: String, configuration: String? = nil) throws -> WordLevelTokenizer {
        try WordLevelTokenizer(
            tokenizer: JSONDocument(parsing: Array(text.utf8), name: "tokenizer.json"),
            configuration: configuration.map { text throws in
                try JSONDocument(parsing: Array(text.utf8), name: "tokenizer_config.json")
            })
    }

    @Test func validFileIsRead() throws {
        #expect(try read(Self.valid).encode(text: "a b") == [1, 0])
        // What a training left behind changes nothing.
        let cut = Self.valid.replacing("\"truncation\": null", with: "\"truncation\": {\"max_length\": 1}")
        #expect(cut != Self.valid)
        #expect(try read(cut).encode(text: "a b") == [1, 0])
    }

    @Test(arguments: [
        ("\"normalizer\": null", "\"normalizer\": {\"type\": \"NFC\"}", "$.normalizer", "`NFC`"),
        ("\"decoder\": null", "\"decoder\": {\"type\": \"ByteLevel\"}", "$.decoder", "`ByteLevel`"),
        (
            "\"post_processor\": null", "\"post_processor\": {\"type\": \"TemplateProcessing\"}",
            "$.post_processor",
            "`TemplateProcessing`"
        ),
        ("\"WordLevel\"", "\"BPE\"", "$.model.type", "`BPE`"),
        ("\"type\": \"WordLevel\"", "\"kind\": 1", "$.model", "This lacks the key \"type\""),
        ("\"WhitespaceSplit\"", "\"Whitespace\"", "$.pre_tokenizer.pretokenizers[0].type", "`Whitespace`"),
        ("\"Sequence\"", "\"ByteLevel\"", "$.pre_tokenizer.type", "`ByteLevel`"),
        (
            "\"individual_digits\": true", "\"individual_digits\": false",
            "$.pre_tokenizer.pretokenizers[1].individual_digits", "individual_digits true"
        ),
        (
            ", {\"type\": \"Digits\", \"individual_digits\": true}", "", "$.pre_tokenizer.pretokenizers",
            "1 pre-tokenizers"
        ),
        ("\"special\": true", "\"lstrip\": true", "$.added_tokens[0].lstrip", "`lstrip`"),
        ("\"id\": 0, ", "\"id\": 7, ", "$.added_tokens[0].id", "vocabulary"),
        ("\"content\": \"<unk>\"", "\"content\": \"\"", "$.added_tokens[0]", "empty"),
        ("\"a\": 1", "\"a\": 0", "$.model.vocab.a", "belongs to `<unk>`"),
        ("\"a\": 1", "\"a\": -1", "$.model.vocab.a", "token id"),
        ("\"a\": 1", "\"a\": 1.5", "$.model.vocab.a", "token id"),
        ("{\"<unk>\": 0, \"a\": 1}", "[]", "$.model.vocab", "object"),
        ("\"unk_token\": \"<unk>\"", "\"unk_token\": \"u\"", "$.model.unk_token", "isn't in the vocabulary"),
    ]) func unsupportedIsRefusedByPathAndName(old: String, new: String, path: String, part: String) throws {
        try #require(Self.valid.contains(old))
        let text = Self.valid.replacing(old, with: new, maxReplacements: 1)
        let error = #expect(throws: TokenizerError.self) { try read(text) }
        #expect(error?.path == path)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error?.location.hasPrefix("tokenizer.json:") == true)
    }

    @Test func configurationNamesTokensThatExist() throws {
        let tokenizer = try read(
            Self.valid, configuration: #"{"eos_token": {"content": "a"}, "mask_token": null}"#)
        #expect(tokenizer.eosTokenId == 1)
        #expect(tokenizer.maskTokenId == nil)
        let error = #expect(throws: TokenizerError.self) {
            try read(Self.valid, configuration: #"{"eos_token": "</s>"}"#)
        }
        #expect(error?.path == "$.eos_token")
        #expect(error?.description.contains("`</s>` isn't in the vocabulary") == true)
    }
}
