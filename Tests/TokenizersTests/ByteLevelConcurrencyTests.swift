import JSON
import TestSupport
import Testing

@testable import Tokenizers

/// One tokenizer for several tasks at once.
struct ByteLevelConcurrencyTests {
    @Test func tasksDoNotDisturbEachOther() async throws {
        let tokenizer = try ByteLevelTokenizer(folder: Fixtures.path("golden/tokenizers/qwen2"))
        let texts = (0..<400).map {
            "Anna has \($0) apples and \($0 * 7) pears; cafe\u{301} \($0)\n\n 你好 <|mask|>don't"
        }
        let expected = try texts.map { try tokenizer.encode(text: $0) }
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask { (try? texts.map { try tokenizer.encode(text: $0) }) == expected }
            }
            for await isSame in group { #expect(isSame) }
        }
    }
}
