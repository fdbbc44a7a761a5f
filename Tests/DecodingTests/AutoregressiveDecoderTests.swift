import JSON
import Testing
import Transformers

@testable import Decoding

@Suite struct AutoregressiveDecoderTests {
    @Test func oneTokenPerForwardBesideAGrowingCache() {
        var decoder = AutoregressiveDecoder(
            ScriptedModel.task(), AutoregressiveOptions(generationLength: 3))
        let requests = ScriptedModel().run(&decoder).map(\.request)
        #expect(requests.map(\.kind) == [.prefill, .cacheUpdate, .cacheUpdate])
        #expect(requests.map(\.inputs) == [0..<4, 4..<5, 5..<6])
        #expect(requests.map(\.cache) == [.rebuild(4), .append(1), .append(1)])
        #expect(requests.map(\.candidates) == [[4], [5], [6]])
        #expect(requests.allSatisfy { $0.predictsNext && $0.attention == .causal })
        #expect(decoder.tokens == [5, 5, 5, 5, 7, 7, 7])
        #expect(decoder.evaluations == 3 && decoder.forwards == 3 && decoder.tokensForwarded == 6)
    }

    @Test func aPromptThatIsScoredIsFedInPieces() {
        var task = ScriptedModel.task(promptLength: 130)
        task.scoresPrompt = true
        var decoder = AutoregressiveDecoder(task, AutoregressiveOptions(generationLength: 2))
        let turns = ScriptedModel().run(&decoder)
        let requests = turns.map(\.request)
        #expect(requests.map(\.inputs) == [0..<64, 64..<128, 128..<130, 130..<131])
        #expect(requests.map(\.cache) == [.rebuild(64), .append(64), .append(2), .append(1)])
        #expect(requests.map(\.candidates) == [Array(1...64), Array(65...128), [129, 130], [131]])
        // What is predicted for the prompt's own positions changes nothing.
        #expect(turns.map(\.step.positions) == [[], [], [130], [131]])
        #expect(decoder.tokens == [Int32](repeating: 5, count: 130) + [7, 7])
        #expect(decoder.evaluations == 2 && decoder.forwards == 4 && decoder.tokensForwarded == 131)
    }

    @Test func decodingStopsAtTheEndToken() {
        var decoder = AutoregressiveDecoder(
            ScriptedModel.task(), AutoregressiveOptions(generationLength: 30))
        ScriptedModel(tokens: [5: ScriptedModel.end]).run(&decoder)
        #expect(Array(decoder.state.response) == [7, ScriptedModel.end])
    }

    @Test func temperatureAndTopPChooseTheTokens() throws {
        let make = try DecodingMethod.named("autoregressive").factory([
            "temperature": .number(0.7), "topP": .number(0.9),
        ])
        var decoder = make(ScriptedModel.task())
        let request = decoder.nextRequest()
        #expect(request?.choice == TokenChoice(.tempered, temperature: 0.7, topP: 0.9))
        #expect(request?.draws != nil)
        var greedy = try DecodingMethod.named("autoregressive").factory()(ScriptedModel.task())
        let plain = greedy.nextRequest()
        #expect(plain != nil && plain?.draws == nil)
    }
}
