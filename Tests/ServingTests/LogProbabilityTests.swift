import JSON
import TestSupport
import Testing

@testable import Serving

/// What completions tell of tokens' log-probabilities, against what transformers 4.55.4 with torch 2.13.0 computes for the
/// model `live/random`: log_softmax of its logits.
@Suite(.serialized) struct LogProbabilityTests {
    let running: RunningServer

    init() throws { running = try RunningServer(model: "random") }

    private func send(
        _ members: String, path: String = "/v1/completions", to server: RunningServer? = nil,
        model: String = "random"
    ) -> String {
        (server ?? running).answer(RunningServer.post(path, #"{"model": "\#(model)", \#(members)}"#))
    }

    private func json(_ answer: String) throws -> JSONValue {
        #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
        return try body(answer)
    }

    private func body(_ answer: String) throws -> JSONValue {
        let text = answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
        return JSONValue(try JSONDocument(parsing: Array(text.utf8), name: "body").root)
    }

    private func choice(_ members: String) throws -> JSONValue {
        try #require(try json(send(members))["choices"]?.array?.first)
    }

    private func expectEqual(_ found: [JSONValue]?, _ expected: [Double?]) {
        #expect(found?.count == expected.count)
        for (found, expected) in zip(found ?? [], expected) {
            guard let expected else {
                #expect(found == .null)
                continue
            }
            #expect(abs((found.double ?? 1) - expected) < 1e-4, "\(found) is not \(expected)")
        }
    }

    /// "ab é" is five tokens of this tokenizer, whose tokens are bytes; 141, 168 and 93 follow.
    static let prompt = "[97, 98, 32, 195, 169]"
    static let scores = [nil, -7.870124, -7.012731, -6.473737, -7.461269, -2.308416, -2.988374, -2.097374]

    @Test func anEchoedPromptIsScoredWithWhatFollows() throws {
        for prompt in [Self.prompt, "[\(Self.prompt)]", #""ab é""#] {
            let choice = try choice(
                #""prompt": \#(prompt), "echo": true, "logprobs": 2, "max_tokens": 3, "temperature": 0, "seed": 1234"#
            )
            let found = choice["logprobs"]
            #expect(choice["text"]?.string == "ab é\u{FFFD}\u{FFFD}]" && choice["finish_reason"] == "length")
            expectEqual(found?["token_logprobs"]?.array, Self.scores)
            #expect(
                found?["tokens"]
                    == [
                        "a", "b", " ", "bytes:\\xc3", "bytes:\\xa9", "bytes:\\x8d", "bytes:\\xa8", "]",
                    ])
            // The second half of "é" stands where "é" does.
            #expect(found?["text_offset"] == [0, 1, 2, 3, 3, 4, 5, 6])
            let top = try #require(found?["top_logprobs"]?.array)
            #expect(top.count == 8 && top[0] == .null)
            // The two most probable tokens, and the token itself where it isn't one of them.
            expectEqual(
                ["bytes:\\xc3", "]", "b"].compactMap { top[1][$0] }, [-1.653007, -2.041327, -7.870124])
            expectEqual(["]", "bytes:\\xec"].compactMap { top[7][$0] }, [-2.097374, -2.322539])
            #expect(top.map { $0.object?.members.count ?? 0 } == [0, 3, 3, 3, 3, 2, 2, 2])
            // Whether greedy decoding gives a token is told by equal numbers.
            for (own, top) in zip(found?["token_logprobs"]?.array ?? [], top).suffix(3) {
                #expect(own.double == top.object?.members.compactMap(\.value.double).max())
            }
        }
    }

    @Test func logProbabilitiesDoNotDependOnTheTemperatureAndNeedNoEcho() throws {
        let plain = try choice(#""prompt": \#(Self.prompt), "max_tokens": 3, "logprobs": 0"#)
        expectEqual(plain["logprobs"]?["token_logprobs"]?.array, Self.scores.suffix(3))
        #expect(plain["logprobs"]?["text_offset"] == [0, 1, 2])
        #expect(
            plain["logprobs"]?["top_logprobs"]?.array?.map { $0.object?.members.count ?? 0 } == [1, 1, 1])
        #expect(plain["text"]?.string == "\u{FFFD}\u{FFFD}]")
        // Drawn tokens are told with the model's own probabilities, among them the most probable one's.
        let drawn = try choice(
            #""prompt": \#(Self.prompt), "max_tokens": 1, "logprobs": 1, "temperature": 5, "seed": 3"#)
        let top = drawn["logprobs"]?["top_logprobs"]?.array?.first
        expectEqual([top?["bytes:\\x8d"] ?? .null], [-2.308416])
        // What nobody asked for isn't there.
        let without = try choice(#""prompt": \#(Self.prompt), "max_tokens": 3, "logprobs": null"#)
        #expect(without["logprobs"] == .null && without["text"] == plain["text"])
    }

    @Test func thePromptAloneIsScoredWithMaxTokensZero() throws {
        let answer = try json(
            send(#""prompt": "ab é", "echo": true, "logprobs": 0, "max_tokens": 0, "stream": false"#))
        let choice = try #require(answer["choices"]?.array?.first)
        #expect(choice["text"]?.string == "ab é" && choice["finish_reason"] == "length")
        expectEqual(choice["logprobs"]?["token_logprobs"]?.array, Array(Self.scores.prefix(5)))
        #expect(answer["usage"]?["completion_tokens"] == 0 && answer["usage"]?["prompt_tokens"] == 5)
        // Without log-probabilities there is nothing to compute.
        let echo = try json(send(#""prompt": "ab é", "echo": true, "max_tokens": 0"#))
        #expect(echo["choices"]?.array?.first?["text"]?.string == "ab é")
        #expect(echo["d3llm"]?["forwards"] == 0)
    }

    /// More tokens than are scored at once.
    @Test func aLongPromptIsScoredInPieces() throws {
        let tokens = (0..<150).map { (7 * $0 * $0 + 3 * $0) % 251 }
        let choice = try choice(#""prompt": \#(tokens), "echo": true, "logprobs": 1, "max_tokens": 1"#)
        let found = try #require(choice["logprobs"]?["token_logprobs"]?.array)
        #expect(found.count == 151)
        let sum = found[1..<150].compactMap(\.double).reduce(0, +)
        #expect(abs(sum + 1135.11106) < 1e-2)
        expectEqual(
            Array(found[63..<67] + found[127..<130] + found[149...]),
            [
                -8.802045, -8.30951, -7.350739, -9.276282, -6.428236, -8.459054, -5.201794, -9.249271,
                -2.454987,
            ])
    }

    @Test func anEndTokenIsScoredAlthoughItHasNoText() throws {
        let ended = try choice(#""prompt": "!n", "echo": true, "logprobs": 1, "max_tokens": 9"#)
        #expect(ended["text"]?.string == "!n!" && ended["finish_reason"] == "stop")
        expectEqual(
            ended["logprobs"]?["token_logprobs"]?.array, [nil, -3.531077, -1.808023, -2.539043])
        #expect(ended["logprobs"]?["tokens"] == ["!", "n", "!", "<|end|>"])
        #expect(ended["logprobs"]?["text_offset"] == [0, 1, 2, 3])
        // What lm-evaluation-harness sends: the last token is always the one generated token.
        let harness = try choice(#""prompt": "!n!", "echo": true, "logprobs": 1, "max_tokens": 1"#)
        expectEqual(
            harness["logprobs"]?["token_logprobs"]?.array, [nil, -3.531077, -1.808023, -2.539043])
    }

    @Test func severalPromptsAreAnsweredInOrder() throws {
        let answer = try json(
            send(
                #""prompt": [\#(Self.prompt), [33, 110]], "echo": true, "logprobs": 1, "max_tokens": 1, "temperature": 0"#
            ))
        let choices = try #require(answer["choices"]?.array)
        #expect(choices.map { $0["index"] } == [0, 1])
        expectEqual(choices[0]["logprobs"]?["token_logprobs"]?.array, Array(Self.scores.prefix(6)))
        expectEqual(choices[1]["logprobs"]?["token_logprobs"]?.array, [nil, -3.531077, -1.808023])
        #expect(answer["usage"] == ["prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9])
        let texts = try json(send(#""prompt": ["ab é", "!n"], "max_tokens": 9"#))["choices"]?.array
        #expect(texts?.map { $0["finish_reason"] } == ["length", "stop"] && texts?[1]["text"] == "!")
    }

    @Test func chatsHaveTheirOwnForm() throws {
        let answer = try json(
            send(
                #""messages": [{"role": "user", "content": "ab é"}], "max_tokens": 3, "logprobs": true, "top_logprobs": 2"#,
                path: "/v1/chat/completions"))
        let found = answer["choices"]?.array?.first?["logprobs"]
        let content = try #require(found?["content"]?.array)
        expectEqual(content.compactMap { $0["logprob"] }, Self.scores.suffix(3))
        #expect(content[0]["token"] == "bytes:\\x8d" && content[0]["bytes"] == [141])
        #expect(content[2]["token"] == "]" && found?["refusal"] == .null)
        expectEqual(
            content[2]["top_logprobs"]?.array?.compactMap { $0["logprob"] }, [-2.097374, -2.322539])
    }

    @Test func aStreamTellsTheSame() throws {
        for more in [
            #""echo": true, "max_tokens": 9"#, #""max_tokens": 3"#, #""echo": true, "max_tokens": 0"#,
        ] {
            for prompt in [#""!n""#, #""ab é""#] {
                let asked = #""prompt": \#(prompt), "logprobs": 2, \#(more)"#
                let whole = try choice(asked)
                let stream = send(asked + #", "stream": true"#)
                var text = ""
                var parts: [String: [JSONValue]] = [:]
                for event in stream.split(separator: "data: ").dropFirst().map({
                    $0.split(separator: "\n")[0]
                })
                where event != "[DONE]" {
                    let value = JSONValue(try JSONDocument(parsing: Array(event.utf8), name: "event").root)
                    let choice = value["choices"]?.array?.first
                    text += choice?["text"]?.string ?? ""
                    for member in choice?["logprobs"]?.object?.members ?? [] {
                        parts[member.key, default: []] += member.value.array ?? []
                    }
                }
                #expect(text == whole["text"]?.string, "\(asked)")
                for member in whole["logprobs"]?.object?.members ?? [] {
                    #expect(parts[member.key] ?? [] == member.value.array, "\(member.key) of \(asked)")
                }
            }
        }
    }

    @Test(arguments: [
        (#""prompt": "a", "logprobs": 21"#, "logprobs"), (#""prompt": "a", "logprobs": -1"#, "logprobs"),
        (#""prompt": "a", "logprobs": true"#, "logprobs"), (#""prompt": "a", "logprobs": "1""#, "logprobs"),
        (#""prompt": "a", "top_logprobs": 1"#, "top_logprobs"), (#""prompt": "a", "echo": 1"#, "echo"),
        (#""prompt": "a", "max_tokens": 0"#, "max_tokens"),
        (#""prompt": "a", "max_tokens": -1, "echo": true"#, "max_tokens"),
        (#""prompt": [\#(String(repeating: "[1], ", count: 64))[1]]"#, "prompt"),
    ])
    func whatCannotBeIsRefusedByName(members: String, parameter: String) throws {
        let answer = send(members)
        #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
        #expect(try body(answer)["error"]?["param"]?.string == parameter)
    }

    @Test(arguments: [
        (#""top_logprobs": 1"#, "top_logprobs"), (#""logprobs": true, "top_logprobs": 21"#, "top_logprobs"),
        (#""logprobs": 1"#, "logprobs"), (#""echo": true"#, "echo"),
    ])
    func whatCannotBeInChatsIsRefusedByName(members: String, parameter: String) throws {
        let answer = send(
            #""messages": [{"role": "user", "content": "a"}], \#(members)"#, path: "/v1/chat/completions")
        #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
        #expect(try body(answer)["error"]?["param"]?.string == parameter)
    }

    @Test func aMaskedDiffusionModelHasNone() throws {
        let words = try RunningServer()
        for members in [
            #""logprobs": 1"#, #""logprobs": 0, "echo": true"#, #""logprobs": 1, "stream": true"#,
        ] {
            let answer = send(#""prompt": "Julia owns", \#(members)"#, to: words, model: "words")
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer)")
            let error = try body(answer)["error"]
            #expect(error?["param"]?.string == "logprobs")
            #expect(error?["message"]?.string?.contains("no one log-probability per token") == true)
        }
        // Its method makes no difference: it wasn't trained to predict from left to right.
        let answer = send(
            #""prompt": "Julia owns", "logprobs": 1, "d3llm": {"method": "autoregressive"}"#, to: words,
            model: "words")
        #expect(answer.hasPrefix("HTTP/1.1 400"))
        // An echo alone says nothing of probabilities.
        let echo = try json(
            send(#""prompt": "Julia owns", "echo": true, "max_tokens": 8"#, to: words, model: "words"))
        #expect(echo["choices"]?.array?.first?["text"]?.string?.hasPrefix("Julia owns ") == true)
    }
}
