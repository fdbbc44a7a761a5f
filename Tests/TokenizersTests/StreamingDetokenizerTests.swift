import Files
import JSON
import TestSupport
import Testing

@testable import Tokenizers

/// Text that comes out token by token.
struct StreamingDetokenizerTests {
    /// A tokenizer with one token for each byte, its id.
    private func bytes() throws -> ByteLevelTokenizer {
        let vocabulary = (UInt8.min...UInt8.max).map { byte -> (String, JSONValue) in
            (ByteAlphabet.token(of: [byte]), .integer(Int(byte)))
        }
        let document: JSONValue = [
            "model": ["type": "BPE", "vocab": .object(JSONObject(vocabulary)), "merges": []],
            "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false],
            "decoder": ["type": "ByteLevel"],
        ]
        return try ByteLevelTokenizer(
            tokenizer: JSONDocument(parsing: document.compactBytes(), name: "t"), configuration: nil)
    }

    @Test func charactersComeOutWhole() throws {
        var stream = StreamingDetokenizer(try bytes())
        let parts = Array("aé你👍".utf8).map { stream.append(Int($0)) } + [stream.finish()]
        #expect(parts == ["a", "", "é", "", "", "你", "", "", "", "👍", ""])
    }

    @Test func anUnfinishedCharacterIsReplacedAtTheEnd() throws {
        var stream = StreamingDetokenizer(try bytes())
        #expect([0xF0, 0x9F, 0x91].map { stream.append($0) } == ["", "", ""])
        #expect(stream.finish() == "\u{FFFD}")
        // A new text begins clean.
        #expect(stream.append(0x41) == "A")
    }

    @Test func partsTogetherAreWhatDecodingAllGives() throws {
        let tokenizer = try bytes()
        var random = SystemRandomNumberGenerator()
        let interesting: [Int] = [
            0x41, 0x80, 0xA0, 0xBF, 0xC0, 0xC3, 0xE0, 0xE4, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF, 0x9F, 0x8F,
        ]
        for _ in 0..<3000 {
            let ids = (0..<Int.random(in: 0...8, using: &random)).map { _ in interesting.randomElement() ?? 0
            }
            var stream = StreamingDetokenizer(tokenizer)
            let text = ids.map { stream.append($0) }.joined() + stream.finish()
            #expect(Array(text.utf8) == Array(tokenizer.decode(tokenIds: ids).utf8), "\(ids)")
        }
    }

    @Test func wordsKeepTheirSpaces() throws {
        let tokenizer = try WordLevelTokenizer.train(on: ["So Anna has 42 apples"])
        let ids = tokenizer.encode(text: "So Anna<|endoftext|> has 42")
        for skips in [false, true] {
            var stream = StreamingDetokenizer(tokenizer, skipSpecialTokens: skips)
            let text = ids.map { stream.append($0) }.joined() + stream.finish()
            #expect(text == tokenizer.decode(tokenIds: ids, skipSpecialTokens: skips))
        }
    }
}
