import JSON
import TestSupport
import Testing

@testable import Tokenizers

/// Files of tokenizers that somebody damaged or made up: refused with a place, or used.
struct TokenizerFuzzTests {
    private static let seeds = [
        #"""
        {"version": "1.0", "added_tokens": [{"id": 5, "content": "<e>", "special": true, "normalized": false, "lstrip": true},
        {"id": 6, "content": "<n>", "normalized": true, "single_word": true, "rstrip": true}],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": "\\p{L}+|\\s+(?!\\S)|(?i:'s)"}, "behavior": "MergedWithPrevious", "invert": false},
        {"type": "Digits", "individual_digits": true},
        {"type": "Split", "pattern": {"String": "a"}, "behavior": "Contiguous", "invert": true},
        {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}]},
        "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<e>", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {"<e>": {"id": "<e>", "ids": [5],
        "tokens": ["<e>"]}}},
        "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "ignore_merges": false,
        "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3, "Ġ": 4}, "merges": [["a", "b"], "Ġ a"]}}
        """#,
        #"""
        {"added_tokens": [{"id": 1, "content": "<|mask|>", "special": true}], "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
        {"type": "Digits", "individual_digits": true}]},
        "model": {"type": "WordLevel", "vocab": {"<unk>": 0, "<|mask|>": 1, "a": 2, "7": 3}, "unk_token": "<unk>"}}
        """#,
    ].map { Array($0.utf8) }
    private static let tokens = [
        "null", "[]", "{}", "\"\"", "true", "-1", "0", "3", "4294967295", "4294967296", "2147483648",
        "2147483647",
        "16777216", "9223372036854775807", "1e3", "\"a\"", "\"Ġ\"", "\"é\"", "\"<e>\"", "\"BPE\"",
        "\"WordLevel\"", "\"NFD\"",
        "\"NFKC\"", "\"Lowercase\"", "\"Strip\"", "\"ByteLevel\"", "\"(a+)+$\"", "\"(a|a)*b\"", "\"((((\"",
        "\"a{99999}\"",
        "\"\\\\k<1>\"", "\"(?<n>a)\\\\g<n>\"", "\"(?=\"", "\"\"", "\"[^a]\"", "\"\\\\X\"", "\"(?:)*\"",
        "\"$\"", "\"\\\\b\"",
        "\"Removed\"", "\"Isolated\"", "\"MergedWithNext\"", ",", "\u{301}", "{\"type\": \"NFC\"}",
    ].map { Array($0.utf8) }
    private static let texts = [
        "", "a", "ab <e> b<n>", "aaaaaaaaaaaaaaaa!", "e\u{301} é 你 7 42\n\n  x", "<|mask|> a 77 b",
    ]

    @Test func everyFileIsUsedOrRefused() throws {
        var mutations = Mutations(Self.tokens)
        let count = Int(Command.number("D3LLM_FUZZ") ?? 4000)
        var used = 0
        for round in 0..<count {
            let seed = Self.seeds[mutations.next(Self.seeds.count)]
            let bytes = round % 2 == 0 ? mutations.replacingValue(of: seed) : mutations.mutated(seed)
            guard let document = try? JSONDocument(parsing: bytes, name: "tokenizer.json") else { continue }
            do throws(TokenizerError) {
                let tokenizer: any Tokenizer
                if document.root["model"]?["type"]?.string == "WordLevel" {
                    tokenizer = try WordLevelTokenizer(tokenizer: document, configuration: nil)
                } else {
                    tokenizer = try ByteLevelTokenizer(tokenizer: document, configuration: nil)
                }
                used += 1
                for text in Self.texts {
                    let ids = try tokenizer.encode(text: text)
                    for id in ids {
                        #expect(Int32(exactly: id) != nil)
                        _ = tokenizer.decodedBytes(of: id, skipSpecialTokens: true)
                    }
                    _ = tokenizer.decode(tokenIds: ids + [-1, .max, .min])
                    let bytes = text.utf8.count
                    for token in try tokenizer.tokenize(text: text) {
                        #expect(token.range.lowerBound >= 0 && token.range.upperBound <= bytes)
                    }
                }
            } catch {
                #expect(!error.message.isEmpty && error.location.hasPrefix("tokenizer.json"))
            }
        }
        #expect(used > count / 200 && used < count, "\(used) of \(count)")
    }

    /// Patterns that step back again and again; each with a text that makes it do so.
    @Test(arguments: [
        ("(a+)+$", "a"), ("(a|a)*$", "a"), ("(a|aa)+$", "a"), ("(a*)*$", "a"), ("(.*a){12}$", "a"),
        ("(a+){2,}$", "a"),
        (#"(\p{L}+\p{L}+)+$"#, "é"), ("(?:a?){40}a{40}$", "a"), (#"(?<x>a+|b\g<x>)+$"#, "a"),
    ])
    func aPatternThatTakesTooLongIsAnErrorThatNamesIt(pattern: String, letter: String) throws {
        let escaped = JSONValue.string(pattern)
        let document: JSONValue = [
            "model": ["type": "BPE", "vocab": ["a": 0, "!": 1], "merges": []],
            "pre_tokenizer": [
                "type": "Sequence",
                "pretokenizers": [
                    [
                        "type": "Split", "pattern": ["Regex": escaped], "behavior": "Isolated",
                        "invert": false,
                    ],
                    [
                        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false,
                        "use_regex": false,
                    ],
                ],
            ],
        ]
        let tokenizer = try ByteLevelTokenizer(
            tokenizer: JSONDocument(parsing: document.compactBytes(), name: "tokenizer.json"),
            configuration: nil)
        let text = String(repeating: letter, count: 4000) + "!"
        // Some engines find a way around the steps; then the text is cut as it should be.
        let found = Result { () throws(TokenizerError) in try tokenizer.encode(text: text) }
        switch found {
        case .success(let ids): #expect(ids.count <= text.utf8.count)
        case .failure(let error):
            #expect(error.message.contains(pattern) && error.message.contains("takes too long"))
            #expect(error.path == "$.pre_tokenizer.pretokenizers[0].pattern.Regex")
        }
        if pattern == "(a+)+$" { #expect(throws: TokenizerError.self) { try found.get() } }
        // The failure isn't remembered.
        #expect(try tokenizer.encode(text: "!").isEmpty == false)
    }

    /// Long texts of the kinds that patterns of real tokenizers step back on.
    @Test func realPatternsStayWithinTheLimitsOnLongTexts() throws {
        let qwen2 =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let llama3 =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        for source in [PreTokenizer.standardPattern, qwen2, llama3] {
            let pattern = try SplitPattern(source)
            for unit in ["a", " ", "\n", "!", "1", "é", "a ", " \n", "'s", "你", " a1!\r\n", "\u{301}"] {
                let bytes = Array(String(repeating: unit, count: 50_000 / unit.utf8.count).utf8)
                let region = MatchRegion()
                var covered = 0
                bytes.withUnsafeBufferPointer { text in
                    var start = 0
                    while start < text.count, let match = pattern.firstMatch(in: text, from: start, region),
                        !match.isEmpty
                    {
                        covered += match.count
                        start = match.upperBound
                    }
                }
                #expect(!region.hasFailed, "\(source), \(unit)")
                #expect(covered == bytes.count, "\(source), \(unit.debugDescription)")
            }
        }
    }
}
