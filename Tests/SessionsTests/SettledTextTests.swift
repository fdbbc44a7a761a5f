import Decoding
import Testing
import Tokenizers

@testable import Sessions

@Suite struct SettledTextTests {
    let model: LiveModel

    init() throws { model = try LiveFixture.model() }

    private func event(_ positions: [Int: String]) -> DecodingEvent {
        let tokens = positions.sorted { $0.key < $1.key }.map { position, word in
            DecodingEvent.Token(
                position: position, token: Int32(model.tokenizer.convertTokenToId(word) ?? 0),
                bytes: Array(word.utf8), isEnd: word == "<|endoftext|>", entropy: 0, probability: 1)
        }
        return .step(
            .init(
                index: 0, kind: .full, inputs: 0..<1, tokens: tokens, length: 16, blocks: [],
                counters: .init(tokens: 0, evaluations: 1, forwards: 1, seconds: 0)))
    }

    private let end = DecodingEvent.end(
        .init(
            reason: .length, tokens: [], length: 16, text: "",
            counters: .init(tokens: 0, evaluations: 1, forwards: 1, seconds: 0)))

    @Test func textWaitsForWhatIsBeforeIt() {
        var text = SettledText(model.tokenizer)
        #expect(text.take(event([1: "1", 3: "3"])) == "")
        #expect(text.take(event([0: "0"])) == "0 1")
        #expect(text.take(event([2: "2"])) == " 2 3")
        #expect(text.take(end) == "" && text.ending == nil && text.count == 4)
    }

    @Test func anEndTokenEndsIt() {
        var text = SettledText(model.tokenizer)
        #expect(text.take(event([0: "0", 2: "<|endoftext|>", 3: "3"])) == "0")
        #expect(text.ending == nil)
        #expect(text.take(event([1: "1"])) == " 1" && text.ending == .stop && text.count == 2)
        #expect(text.take(event([3: "2"])) == "")
    }

    @Test func aStopStringOverSeveralTokensEndsItBefore() {
        var text = SettledText(model.tokenizer, stops: ["1 2", "2 3"])
        #expect(text.take(event([0: "0", 1: "1"])) == "0 ")
        #expect(text.take(event([2: "3", 3: "2"])) == "1 3 ")
        #expect(text.take(event([4: "3", 5: "4"])) == "" && text.ending == .stop)
    }

    @Test func whatIsHeldBackComesAtTheEnd() {
        var text = SettledText(model.tokenizer, stops: ["1 2"])
        #expect(text.take(event([0: "1"])) == "")
        #expect(text.take(end) == "1")
    }

    @Test func itEndsWithTheLastTokenThatWasAskedFor() {
        var text = SettledText(model.tokenizer, limit: 2)
        #expect(text.take(event([0: "0", 1: "1", 2: "2"])) == "0 1" && text.ending == .length)
    }
}
