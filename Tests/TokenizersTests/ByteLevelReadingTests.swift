import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// What a `tokenizer.json` may hold, and what is refused.
struct ByteLevelReadingTests {
    static let valid = """
        {"truncation": null, "padding": null,
         "added_tokens": [{"id": 3, "content": "<e>", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true}],
         "normalizer": {"type": "NFC"},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]},
         "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<e>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<e>": {"id": "<e>", "ids": [3],
            "tokens": ["<e>"]}}},
         "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
         "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}}
        """

    private func read(_ text: String, configuration: String? = nil) throws -> ByteLevelTokenizer {
        try ByteLevelTokenizer(
            tokenizer: JSONDocument(parsing: Array(text.utf8), name: "tokenizer.json"),
            configuration: configuration.map {
                try JSONDocument(parsing: Array($0.utf8), name: "tokenizer_config.json")
            })
    }

    @Test func theValidFileIsRead() throws {
        let tokenizer = try read(Self.valid)
        #expect(try tokenizer.encode(text: "ab<e>b") == [3, 0, 1, 3, 1])
        #expect(tokenizer.vocabularySize == 4)
        #expect(tokenizer.convertTokenToId("<e>") == 3)
        #expect(tokenizer.convertIdToToken(2) == "ab")
        #expect(tokenizer.convertIdToToken(4) == nil)
        #expect(tokenizer.convertIdToToken(-1) == nil)
        #expect(tokenizer.decode(tokenIds: [2, 99, -5, 3]) == "ab<e>")
    }

    /// Ids are those of `tokenizer(text)` in transformers, which resets both for each text.
    @Test func truncationAndPaddingOfATrainingChangeNothing() throws {
        let text = Self.valid
            .replacing(
                "\"truncation\": null",
                with:
                    "\"truncation\": {\"direction\": \"Right\", \"max_length\": 2, \"strategy\": \"LongestFirst\", \"stride\": 0}"
            )
            .replacing(
                "\"padding\": null",
                with:
                    "\"padding\": {\"strategy\": {\"Fixed\": 64}, \"direction\": \"Left\", \"pad_id\": 0, \"pad_type_id\": 0, \"pad_token\": \"a\"}"
            )
        #expect(text != Self.valid)
        #expect(try read(text).encode(text: "ab<e>b") == [3, 0, 1, 3, 1])
    }

    @Test(arguments: [
        ("\"NFC\"", "\"Lowercase\"", "$.normalizer.type", "`Lowercase` isn't supported"),
        (
            "{\"type\": \"NFC\"}",
            "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, {\"type\": \"Strip\"}]}",
            "$.normalizer.normalizers[1].type", "`Strip` isn't supported"
        ),
        (
            "\"type\": \"Split\"", "\"type\": \"Metaspace\"", "$.pre_tokenizer.pretokenizers[0].type",
            "`Metaspace`"
        ),
        (
            "\"Regex\": \"a+\"", "\"Regex\": \"a(\"", "$.pre_tokenizer.pretokenizers[0].pattern.Regex",
            "`a(` can't be read"
        ),
        (
            "\"Regex\": \"a+\"", "\"Glob\": \"a\"", "$.pre_tokenizer.pretokenizers[0].pattern",
            "`Regex` or `String`"
        ),
        (
            "\"Isolated\"", "\"Isolate\"", "$.pre_tokenizer.pretokenizers[0].behavior",
            "legal are Removed, Isolated"
        ),
        (
            "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true, \"use_regex\": false}]",
            "{\"type\": \"Digits\", \"individual_digits\": true}]", "$.pre_tokenizer.pretokenizers[1]",
            "must be `ByteLevel`"
        ),
        (
            "\"pretokenizers\": [",
            "\"pretokenizers\": [{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"trim_offsets\": true},",
            "$.pre_tokenizer.pretokenizers[0]", "must come last"
        ),
        (
            "\"add_prefix_space\": false, ", "", "$.pre_tokenizer.pretokenizers[1]",
            "This lacks the key \"add_prefix_space\", true or false."
        ),
        ("\"TemplateProcessing\"", "\"BertProcessing\"", "$.post_processor.type", "`BertProcessing`"),
        (
            "\"SpecialToken\": {\"id\": \"<e>\"", "\"SpecialToken\": {\"id\": \"<x>\"",
            "$.post_processor.single[0].SpecialToken.id", "`<x>`"
        ),
        (
            "{\"id\": \"A\"", "{\"id\": \"B\"", "$.post_processor.single[1].Sequence.id",
            "only have the sequence `A`"
        ),
        (
            "\"decoder\": {\"type\": \"ByteLevel\"", "\"decoder\": {\"type\": \"WordPiece\"",
            "$.decoder.type", "`WordPiece`"
        ),
        ("\"BPE\"", "\"Unigram\"", "$.model.type", "`Unigram`"),
        ("\"dropout\": null", "\"dropout\": 0.1", "$.model.dropout", "dropout"),
        (
            "\"continuing_subword_prefix\": null", "\"continuing_subword_prefix\": \"##\"",
            "$.model.continuing_subword_prefix", "must be null"
        ),
        (
            "\"end_of_word_suffix\": null", "\"end_of_word_suffix\": \"</w>\"", "$.model.end_of_word_suffix",
            "must be null"
        ),
        ("\"byte_fallback\": false", "\"byte_fallback\": true", "$.model.byte_fallback", "must be false"),
        ("\"unk_token\": null", "\"unk_token\": \"?\"", "$.model.unk_token", "isn't in the vocabulary"),
        ("\"ab\": 2", "\"ab\": 1", "$.model.vocab.ab", "belongs to `b`"),
        ("\"ab\": 2", "\"ab\": -2", "$.model.vocab.ab", "token id"),
        ("\"ab\": 2", "\"ab\": 99999999", "$.model.vocab.ab", "too large"),
        ("[\"a\", \"b\"]", "[\"b\", \"a\"]", "$.model.merges[0]", "needs the token `ba`"),
        ("[\"a\", \"b\"]", "\"a b c\"", "$.model.merges[0]", "A merge is two tokens"),
        ("[\"a\", \"b\"]", "7", "$.model.merges[0]", "A merge is two tokens"),
        ("\"id\": 3, ", "\"id\": 4, ", "$.added_tokens[0].id", "its place gives it 3"),
        ("\"content\": \"<e>\"", "\"content\": \"a\"", "$.added_tokens[0].id", "its place gives it 0"),
        ("\"content\": \"<e>\"", "\"content\": \"\"", "$.added_tokens[0].id", "empty"),
        ("\"lstrip\": false, ", "", "$.added_tokens[0]", "This lacks the key \"lstrip\", true or false."),
        ("\"vocab\": {\"a\": 0", "\"vocab\": [{\"a\": 0", "", ""),
    ]) func unsupportedIsRefusedByPathAndName(old: String, new: String, path: String, part: String) throws {
        try #require(Self.valid.contains(old))
        let text = Self.valid.replacing(old, with: new, maxReplacements: 1)
        if path.isEmpty {
            #expect(throws: JSONSyntaxError.self) { try read(text) }
            return
        }
        let error = #expect(throws: TokenizerError.self) { try read(text) }
        #expect(error?.path == path)
        #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        #expect(error?.location.hasPrefix("tokenizer.json:") == true)
    }

    @Test func aTemplateMayNameTheTextTwice() throws {
        let twice = Self.valid.replacing(
            "\"single\": [", with: "\"single\": [{\"Sequence\": {\"id\": \"A\", \"type_id\": 0}},")
        #expect(try read(twice).encode(text: "b") == [1, 3, 1])
        #expect(try read(twice).encode(text: "b", addSpecialTokens: false) == [1, 1])
    }

    @Test func rolesComeFromTheConfigurationOrFromStandardNames() throws {
        let configured = try read(
            Self.valid,
            configuration: #"{"eos_token": {"content": "<e>"}, "mask_token": "a", "pad_token": null}"#)
        #expect(configured.eosTokenId == 3)
        #expect(configured.maskTokenId == 0)
        #expect(configured.padTokenId == nil)
        // A token with a role is special even if it was an ordinary one.
        #expect(configured.decode(tokenIds: [0, 1], skipSpecialTokens: true) == "b")

        let standard = try read(Self.valid.replacing("<e>", with: "<|endoftext|>"))
        #expect(standard.eosTokenId == 3)
        #expect(standard.maskTokenId == nil)

        let error = #expect(throws: TokenizerError.self) {
            try read(Self.valid, configuration: #"{"eos_token": "</s>"}"#)
        }
        #expect(error?.path == "$.eos_token")
        #expect(error?.location.hasPrefix("tokenizer_config.json:") == true)
    }

    @Test func aConfigurationThatContradictsTheFileIsRefused() throws {
        let flags =
            #""single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true"#
        for (key, content, part) in [
            ("4", "<e>", "has the id 3 in tokenizer.json"), ("9", "<x>", "its place gives it 4"),
            ("x", "<x>", "should be a token id"),
        ] {
            let configuration =
                "{\"added_tokens_decoder\": {\"\(key)\": {\"content\": \"\(content)\", \(flags)}}}"
            let error = #expect(throws: TokenizerError.self) {
                try read(Self.valid, configuration: configuration)
            }
            #expect(error?.message.contains(part) == true, "\(error?.message ?? "")")
        }
    }

    @Test func canonicallyEquivalentTokensAreDifferent() throws {
        // U+212B and U+00C5 are one Swift character; here they are two tokens.
        let text = Self.valid.replacing(
            "\"ab\": 2}", with: "\"ab\": 2, \"\u{212B}\": 3, \"\u{C5}\": 4}")
        let tokenizer = try read(text.replacing("\"id\": 3,", with: "\"id\": 5,"))
        #expect(tokenizer.convertTokenToId("\u{212B}") == 3)
        #expect(tokenizer.convertTokenToId("\u{C5}") == 4)
    }

    @Test("templates multiply within bounds, one by itself and one after the other")
    func templatesAreBounded() throws {
        func template(texts: Int, special: Int, of ids: Int) -> String {
            let pieces =
                Array(repeating: #"{"SpecialToken": {"id": "s", "type_id": 0}}"#, count: special)
                + Array(repeating: #"{"Sequence": {"id": "A", "type_id": 0}}"#, count: texts)
            let numbers = Array(repeating: "0", count: ids).joined(separator: ",")
            return
                #"{"type": "TemplateProcessing", "single": [\#(pieces.joined(separator: ","))], "pair": [], "special_tokens": {"s": {"id": "s", "ids": [\#(numbers)], "tokens": []}}}"#
        }
        func read(_ templates: [String]) throws -> [Int] {
            var root = try #require(
                JSONValue(JSONDocument(parsing: Array(Self.valid.utf8), name: "x").root).object)
            let text = #"{"type": "Sequence", "processors": [\#(templates.joined(separator: ","))]}"#
            root["post_processor"] = JSONValue(try JSONDocument(parsing: Array(text.utf8), name: "x").root)
            return try self.read(String(decoding: JSONValue.object(root).compactBytes(), as: UTF8.self))
                .encode(text: "ab")
        }
        let own = try read([template(texts: 1, special: 0, of: 1)]).count
        #expect(try read([template(texts: 16, special: 32, of: 32)]).count == 16 * own + 1024)
        #expect(
            try read([template(texts: 4, special: 2, of: 3), template(texts: 2, special: 1, of: 1)]).count
                == 8 * own + 13)
        for hostile in [
            [template(texts: 17, special: 0, of: 1)], [template(texts: 1, special: 1, of: 1025)],
            [template(texts: 1, special: 1025, of: 1)], [template(texts: 1, special: 10000, of: 3000)],
            [template(texts: 4, special: 0, of: 1), template(texts: 5, special: 0, of: 1)],
            Array(repeating: template(texts: 2, special: 1, of: 1), count: 64),
            [template(texts: 1, special: 512, of: 1), template(texts: 3, special: 0, of: 1)],
        ] {
            let error = #expect(throws: TokenizerError.self) { try read(hostile) }
            #expect(error?.description.contains("up to 16 times") == true, "\(error?.description ?? "")")
        }
    }

    @Test func aSequenceIsBounded() throws {
        let split = #"{"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": false}"#
        func many(_ count: Int) throws {
            _ = try read(
                Self.valid.replacing(
                    "\"pretokenizers\": [",
                    with: "\"pretokenizers\": [" + Array(repeating: split + ",", count: count).joined()))
        }
        try many(8)
        let error = #expect(throws: TokenizerError.self) { try many(300) }
        #expect(error?.description.contains("up to 256 components") == true)
    }
}
