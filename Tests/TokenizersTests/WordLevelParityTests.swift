import Files
import FoundationEssentials
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Tokenizers

/// Ids, byte ranges and decoded text of the fixture, as Hugging Face's library gives them
/// (`scripts/record-wordlevel-cases.py`).
struct WordLevelParityTests {
    private let folder = Fixtures.path("tokenizer/wordlevel")

    private func cases() throws -> JSONNode {
        let path = folder.appending("cases.json")
        return try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
    }

    @Test func trainingWritesTheFixture() throws {
        let corpus = try FileSystem.readText(folder.appending("corpus.txt"))
        let tokenizer = try WordLevelTokenizer.train(
            on: corpus.split(separator: "\n").map(String.init), vocabularyLimit: 83)
        let path = folder.appending("tokenizer.json")
        if ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" {
            try FileSystem.writeAtomically(tokenizer.tokenizerJSON(), to: path)
        }
        #expect(try tokenizer.tokenizerJSON() == FileSystem.read(path))
    }

    @Test func encodesAsTheLibraryDoes() throws {
        let tokenizer = try WordLevelTokenizer(folder: folder)
        let cases = try cases()
        #expect(tokenizer.vocabularySize == cases["vocabulary_size"]?.int)
        let list = try #require(cases["cases"]?.array)
        #expect(list.count > 300)
        for entry in list {
            let text = try #require(entry["text"]?.string)
            let tokens = tokenizer.tokenize(text: text)
            let shown = "\(text.unicodeScalars.map { String($0.value, radix: 16) })"
            #expect(tokens.map(\.id) == (entry["ids"]?.array ?? []).map(\.int), "\(shown)")
            let ranges = (entry["byte_ranges"]?.array ?? []).map { ($0.array ?? []).compactMap(\.int) }
            #expect(tokens.map { [$0.range.lowerBound, $0.range.upperBound] } == ranges, "\(shown)")
        }
    }

    @Test func decodesAsTheLibraryDoes() throws {
        let tokenizer = try WordLevelTokenizer(folder: folder)
        let cases = try cases()
        for key in ["cases", "decode_only"] {
            for entry in try #require(cases[key]?.array) {
                let ids = (entry["ids"]?.array ?? []).compactMap(\.int)
                let decoded = tokenizer.decode(tokenIds: ids)
                // Bytes, not strings: canonically equivalent texts are different here.
                #expect(Array(decoded.utf8) == entry["decoded"]?.string.map { Array($0.utf8) })
                let skipped = tokenizer.decode(tokenIds: ids, skipSpecialTokens: true)
                #expect(Array(skipped.utf8) == entry["decoded_skip_special"]?.string.map { Array($0.utf8) })
            }
        }
    }
}
