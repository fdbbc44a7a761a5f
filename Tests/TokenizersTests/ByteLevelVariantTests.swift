import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Changed versions of the recorded tokenizers, against what Hugging Face's library does with the same changes.
///
/// Recorded by `scripts/record-bytelevel-cases.py`. The tokenizers themselves are in parity.
struct ByteLevelVariantTests {
    private func json(_ name: String) throws -> JSONValue {
        let path = Fixtures.path(name)
        return JSONValue(try JSONDocument(parsing: FileSystem.read(path), name: path.string).root)
    }

    /// The base of a variant with some members replaced.
    private func tokenizer(_ variant: JSONValue) throws -> ByteLevelTokenizer {
        let base = try #require(variant["base"]?.string)
        var document = try #require(try json("golden/tokenizers/\(base)/tokenizer.json").object)
        for member in variant["patch"]?.object?.members ?? [] {
            if member.key == "model", var model = document["model"]?.object {
                for option in member.value.object?.members ?? [] { model[option.key] = option.value }
                document["model"] = .object(model)
            } else {
                document[member.key] = member.value
            }
        }
        let bytes = try JSONValue.object(document).compactBytes()
        return try ByteLevelTokenizer(
            tokenizer: JSONDocument(parsing: bytes, name: "tokenizer.json"), configuration: nil)
    }

    @Test func encodesAndDecodesAsTheLibraryDoes() throws {
        let variants = try #require(try json("tokenizer/bytelevel/variants.json").array)
        #expect(variants.count > 40)
        for (number, variant) in variants.enumerated() {
            let tokenizer = try tokenizer(variant)
            for entry in try #require(variant["cases"]?.array) {
                let text = try #require(entry["text"]?.string)
                let shown: Comment =
                    "variant \(number), \(text.unicodeScalars.map { $0.escaped(asASCII: true) })"
                let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
                #expect(try tokenizer.encode(text: text, addSpecialTokens: false) == ids, shown)
                #expect(
                    try tokenizer.encode(text: text) == (entry["special"]?.array ?? []).compactMap(\.int),
                    shown)

                let tokens = try tokenizer.tokenize(text: text)
                #expect(tokens.map(\.id) == ids, shown)
                let ranges = (entry["ranges"]?.array ?? []).map { ($0.array ?? []).compactMap(\.int) }
                #expect(tokens.map { [$0.range.lowerBound, $0.range.upperBound] } == ranges, shown)
                // Bytes, not strings: canonically equivalent texts are different here.
                let texts = (entry["tokens"]?.array ?? []).compactMap { $0.string.map { Array($0.utf8) } }
                #expect(try tokenizer.tokenTexts(text: text).map { Array($0.utf8) } == texts, shown)

                for (key, skips) in [("decoded", false), ("skipped", true)] {
                    let expected = try #require(entry[key]?.string)
                    let decoded = tokenizer.decode(tokenIds: ids, skipSpecialTokens: skips)
                    #expect(Array(decoded.utf8) == Array(expected.utf8), shown)
                    var stream = StreamingDetokenizer(tokenizer, skipSpecialTokens: skips)
                    let streamed = ids.map { stream.append($0) }.joined() + stream.finish()
                    #expect(Array(streamed.utf8) == Array(expected.utf8), shown)
                }
            }
        }
    }

    @Test func bytesWithoutATokenAreDroppedOrUnknown() throws {
        func encode(_ options: String) throws -> [Int] {
            let text =
                #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2, "<unk>": 3}, "merges": ["a b"], "#
                + options
                + #"}, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true}}"#
            return try ByteLevelTokenizer(
                tokenizer: JSONDocument(parsing: Array(text.utf8), name: "tokenizer.json"), configuration: nil
            ).encode(text: "axybxxab")
        }
        // As the library's own tests have it: unknown bytes one by one, or a run of them as one.
        #expect(try encode(#""unk_token": null"#) == [2, 2])
        #expect(try encode(#""unk_token": "<unk>""#) == [0, 3, 3, 1, 3, 3, 2])
        #expect(try encode(#""unk_token": "<unk>", "fuse_unk": true"#) == [0, 3, 1, 3, 2])
    }
}
