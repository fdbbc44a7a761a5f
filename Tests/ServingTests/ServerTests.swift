import JSON
import Sessions
import Testing

@testable import Serving

/// A real server on a real socket.
@Suite(.serialized) struct ServerTests {
    static let question = "Julia owns 54 shells . How many shells now ?"
    /// Takes longer than any test waits, unless it is stopped.
    static let long =
        #""method": "vanilla", "options": {"generationLength": 4000, "blockLength": 8, "earlyStop": false}"#

    private func status(_ answer: String) -> String { String(answer.dropFirst(9).prefix(3)) }

    private func json(_ answer: String) throws -> JSONValue {
        let body = answer.firstRange(of: "\r\n\r\n").map { String(answer[$0.upperBound...]) } ?? ""
        return JSONValue(try JSONDocument(parsing: Array(body.utf8), name: "body").root)
    }

    private func chat(_ members: String) -> String {
        RunningServer.post(
            "/v1/chat/completions",
            #"{"model": "words", "messages": [{"role": "user", "content": "\#(Self.question)"}]\#(members)}"#)
    }

    @Test func itAnswersOnlyUnderItsOwnNames() throws {
        let running = try RunningServer { $0.allowedHosts = ["lab.example"] }
        for host in ["localhost", "127.0.0.1:80", "[::1]:8080", "LAB.example:1"] {
            #expect(status(running.get("/health", host: host)) == "200", "\(host)")
        }
        for host in [
            "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "[x]",
            "[::1].evil.example", "[::1]:a", "localhost:a",
        ] {
            #expect(status(running.get("/health", host: host)) == "421", "\(host)")
        }
        #expect(status(running.get("/health", "Origin: http://localhost:3000\r\n")) == "200")
        for origin in [
            "http://127.0.0.1", "https://127.9.8.7:3000", "http://[::1]:80", "http://[::ffff:127.0.0.1]",
            "http://Lab.Example",
        ] {
            #expect(status(running.get("/health", "Origin: \(origin)\r\n")) == "200", "\(origin)")
        }
        for origin in [
            "http://evil.example", "null", "", "localhost", "http://203.0.113.5", "http://203.0.113.5:8080",
            "http://[2001:db8::1]", "http://[::2]", "http://0.0.0.0", "http://128.0.0.1",
            "http://127.0.0.1.evil.example",
            "http://localhost.", "http://localhost@evil.example", "http://127.1", "http://2130706433",
            "http://+127.0.0.1",
            "http://\u{0661}27.0.0.1", "http://localho\u{17F}t", "http://localhost:\u{0661}",
        ] {
            #expect(status(running.get("/health", "Origin: \(origin)\r\n")) == "403", "\(origin)")
        }
        // The page of a server that others reach has the number that it was called by.
        for (host, origin, expected) in [
            ("203.0.113.5:80", "http://203.0.113.5:80", "200"), ("203.0.113.5", "http://203.0.113.6", "403"),
            ("203.0.113.5:80", "http://203.0.113.5:81", "403"),
            ("[2001:DB8::1]", "http://[2001:db8::1]", "200"),
        ] {
            #expect(
                status(running.get("/health", host: host, "Origin: \(origin)\r\n")) == expected, "\(origin)")
        }
    }

    @Test func thereIsNothingButItsOwnFiles() throws {
        let running = try RunningServer()
        for path in ["/", "/page.js", "/page.css", "/api/model", "/v1/models", "/v1/models/words", "/?a=b"] {
            #expect(status(running.get(path)) == "200", "\(path)")
        }
        for path in [
            "/../Package.swift", "/%2e%2e/", "//", "/page.html", "/v1/models/../words", "/etc/passwd",
        ] {
            #expect(status(running.get(path)) == "404", "\(path)")
        }
        #expect(running.get("/").contains("script-src 'self'"))
        // The answer to HEAD has no body, an error's neither: what followed would be taken for the next answer.
        for path in ["/", "/health", "/nothing"] {
            let answer = running.answer(
                "HEAD \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 ") && answer.hasSuffix("\r\n\r\n"), "\(path)")
        }
        #expect(
            status(running.answer("DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
                == "405")
    }

    @Test func limitsHold() throws {
        let running = try RunningServer {
            $0.limits.headBytes = 1000
            $0.limits.bodyBytes = 2000
            $0.limits.headTime = .milliseconds(300)
            $0.limits.bodyTime = .milliseconds(300)
            $0.limits.connections = 3
        }
        let head = "POST /api/decode HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for (request, expected) in [
            ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 3000))", "431"),
            (head + "Content-Length: 2001\r\n\r\n", "413"),
            (head + "Content-Length: 99999999999999999999\r\n\r\n", "413"),
            (head + "Content-Length: 10\r\n\r\n{", "408"), ("GET / HTTP/1.1\r\nHo", "408"),
            (head + "Transfer-Encoding: chunked\r\n\r\n", "411"), (head + "\r\n", "411"),
        ] {
            #expect(status(running.answer(request)) == expected)
            // The server counts a connection until its own thread has seen that the client is gone.
            #expect(RunningServer.comesTrue { running.server.activity.snapshot.connections == 0 })
        }
    }

    @Test func aHeadIsAsLongAsTheLimitWhetherItComesAtOnceOrNot() throws {
        let running = try RunningServer()
        func head(_ bytes: Int) -> String {
            let start = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: "
            return start + String(repeating: "a", count: bytes - start.utf8.count) + "\r\n\r\n"
        }
        for (bytes, expected) in [
            (16 << 10, "200"), ((16 << 10) + 1, "431"), (20_000, "431"), (30_000, "431"),
        ] {
            #expect(status(running.answer(head(bytes))) == expected, "\(bytes)")
        }
    }

    @Test func aPromptWithoutTokensIsRefusedAndTheServerGoesOn() throws {
        for model in ["causal", "words"] {
            let running = try RunningServer(model: model)
            for prompt in [#""""#, "[]", "[[]]", #"[""]"#] {
                for more in ["", #", "stream": true"#] {
                    let answer = running.answer(
                        RunningServer.post(
                            "/v1/completions", #"{"model": "\#(model)", "prompt": \#(prompt)\#(more)}"#))
                    #expect(status(answer) == "400", "\(model), \(prompt)")
                    #expect(try json(answer)["error"]?["param"]?.string == "prompt")
                    #expect(answer.contains("has no tokens"))
                }
            }
        }
        // This model's template writes what it is given and nothing else.
        let running = try RunningServer(model: "causal")
        for more in ["", #", "stream": true"#] {
            let answer = running.answer(
                RunningServer.post(
                    "/v1/chat/completions",
                    #"{"model": "causal", "messages": [{"role": "user", "content": ""}]\#(more)}"#))
            #expect(status(answer) == "400" && answer.contains("The prompt has no tokens."), "\(answer)")
        }
        #expect(status(running.get("/health")) == "200")
    }

    @Test func aCompletionContinuesItsTextOrTokensWithoutATemplate() throws {
        let running = try RunningServer(model: "causal")
        func complete(_ prompt: String) throws -> JSONValue {
            let answer = running.answer(
                RunningServer.post(
                    "/v1/completions", #"{"model": "causal", "prompt": \#(prompt), "max_tokens": 4}"#))
            #expect(status(answer) == "200", "\(prompt): \(answer)")
            return try json(answer)
        }
        func text(_ answer: JSONValue) -> String? { answer["choices"]?.array?.first?["text"]?.string }
        let plain = try complete(#""ab ""#)
        #expect(plain["usage"]?["prompt_tokens"]?.int == 3)
        // The tokens of this tokenizer are bytes.
        for other in ["[97, 98, 32]", "[[97, 98, 32]]", #"["ab "]"#] {
            let answer = try complete(other)
            #expect(text(answer) == text(plain) && answer["usage"] == plain["usage"], "\(other)")
        }
        // White space alone is a text too.
        #expect(try complete(#""  ""#)["usage"]?["prompt_tokens"]?.int == 2)
        for wrong in [
            "1", "[1.5]", "[-1]", "[259]", "[9223372036854775807]", #"[1, "a"]"#, #"["a", 1]"#, "[[1], 2]",
            "[[1], []]", #"["a", ""]"#, "{}", "[[[1]]]", "true",
        ] {
            let answer = running.answer(
                RunningServer.post("/v1/completions", #"{"model": "causal", "prompt": \#(wrong)}"#))
            #expect(status(answer) == "400", "\(wrong)")
            #expect(try json(answer)["error"]?["param"]?.string == "prompt", "\(wrong)")
        }
        // A model of word problems gets the text as it is, without the separator of a question.
        let words = try RunningServer()
        let answer = words.answer(
            RunningServer.post(
                "/v1/completions", #"{"model": "words", "prompt": "Julia owns", "max_tokens": 8}"#))
        #expect(try json(answer)["usage"]?["prompt_tokens"]?.int == 2, "\(answer)")
    }

    @Test func methodsThatUnmaskAreRefusedForAModelWithoutAMaskToken() throws {
        let running = try RunningServer(model: "causal")
        for method in ["vanilla", "multi-block", "d2f", "dream"] {
            let answer = running.answer(
                RunningServer.post(
                    "/v1/completions",
                    #"{"model": "causal", "prompt": "a", "d3llm": {"method": "\#(method)"}}"#))
            #expect(status(answer) == "400" && answer.contains("causal has no mask token"), "\(method)")
        }
    }

    @Test func idleConnectionsAreLimitedAndSentAway() throws {
        let running = try RunningServer {
            $0.limits.headTime = .seconds(3)
            $0.limits.connections = 3
        }
        func connections() -> Int { running.server.activity.snapshot.connections }
        // On a busy machine the first may have been sent away before the last has come: then it begins anew.
        var idle: [HTTPClient] = []
        #expect(
            RunningServer.comesTrue {
                idle = (0..<3).compactMap { _ in HTTPClient(port: running.port) }
                return idle.count == 3
                    && RunningServer.comesTrue(within: .seconds(2)) { connections() == 3 }
                    && ["503", ""].contains(status(running.get("/health")))
            }
        )
        // Idle ones are sent away, which makes room.
        withExtendedLifetime(idle) { #expect(RunningServer.comesTrue { connections() == 0 }) }
        #expect(status(running.get("/health")) == "200")
    }

    @Test func requestsOnOneConnectionAreAnsweredInTurn() throws {
        let running = try RunningServer()
        let request = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let answer = running.answer(
            request + request + request.replacing("\r\n\r\n", with: "\r\nConnection: close\r\n\r\n"))
        #expect(answer.split(separator: "HTTP/1.1 200 OK").count == 3)
    }

    @Test func aStreamAndAWholeAnswerAgree() throws {
        let running = try RunningServer()
        let whole = try json(running.answer(chat("")))
        let text = try #require(whole["choices"]?.array?.first?["message"]?["content"]?.string)
        #expect(!text.isEmpty && whole["object"]?.string == "chat.completion")
        let stream = running.answer(chat(#", "stream": true, "stream_options": {"include_usage": true}"#))
        let events = stream.split(separator: "data: ").dropFirst().map { event -> String in
            String(event.split(separator: "\n")[0])
        }
        #expect(events.last == "[DONE]")
        var streamed = ""
        for event in events.dropLast() {
            let value = JSONValue(try JSONDocument(parsing: Array(event.utf8), name: "event").root)
            streamed += value["choices"]?.array?.first?["delta"]?["content"]?.string ?? ""
            if value["usage"] != nil { #expect(value["usage"] == whole["usage"]) }
        }
        #expect(streamed == text)
        let cut = try json(running.answer(chat(#", "max_tokens": 3"#)))
        #expect(cut["usage"]?["completion_tokens"]?.int == 3)
        #expect(cut["choices"]?.array?.first?["finish_reason"]?.string == "length")
    }

    @Test(arguments: [
        (#", "n": 2"#, "n"), (#", "logprobs": true"#, "logprobs"), (#", "stop": 3"#, "stop"),
        (#", "nothing": 1"#, "nothing"),
        (#", "max_tokens": 0"#, "max_tokens"), (#", "max_tokens": 99999"#, "max_tokens"),
        (#", "seed": "a""#, "seed"),
        (#", "d3llm": {"metod": 1}"#, "d3llm"), (#", "d3llm": {"method": 1}"#, "d3llm.method"),
        (#", "temperature": "hot""#, "temperature"),
        (#", "d3llm": {"options": {"generationLength": 99992}}"#, "generationLength"),
    ])
    func whatCannotBeIsRefusedByName(member: String, parameter: String) throws {
        let running = try RunningServer()
        let answer = running.answer(chat(member))
        #expect(status(answer) == "400")
        let error = try json(answer)["error"]
        #expect(error?["param"]?.string == parameter && error?["type"]?.string == "invalid_request_error")
    }

    @Test func wrongBodiesAreRefused() throws {
        let running = try RunningServer()
        for body in ["", "{", "[]", "{\"prompt\": 1}", #"{"prompt": "a", "method": "multi-blok"}"#, "\u{FF}"]
        {
            #expect(status(running.answer(RunningServer.post("/api/decode", body))) == "400", "\(body)")
        }
        let wrong = running.answer(chat("").replacing("\"words\"", with: "\"nobody\"  "))
        #expect(["404", "400"].contains(status(wrong)))
    }

    @Test func aQuestionOfTheTestDataIsAskedByItsIdAndGraded() throws {
        let running = try RunningServer {
            $0.samples = LiveSamples(first: "test-1") { id in
                guard id == "test-1" else { throw SessionError(.unknownSample, "/secret/folder has none") }
                return LiveSample(question: Self.question) {
                    AnswerVerdict(sample: id, isCorrect: $0.isEmpty, reference: "56")
                }
            }
        }
        let answer = running.answer(RunningServer.post("/api/decode", #"{"sample": "test-1"}"#))
        #expect(status(answer) == "200" && answer.contains(#""prompt":"\#(Self.question)""#))
        #expect(
            answer.contains(
                #""verdict":{"sample":"test-1","correct":false,"reference":"56","note":null}"#), "\(answer)")
        let unknown = running.answer(RunningServer.post("/api/decode", #"{"sample": "test-2"}"#))
        #expect(status(unknown) == "400" && unknown.contains("test-1") && !unknown.contains("secret"))
        let both = running.answer(
            RunningServer.post("/api/decode", #"{"sample": "test-1", "prompt": "a"}"#))
        #expect(status(both) == "400")
        #expect(try json(running.get("/api/model"))["sample"]?.string == "test-1")
        // A prompt has no verdict, and a server without a data set no questions.
        let prompt = RunningServer.post("/api/decode", #"{"prompt": "\#(Self.question)"}"#)
        #expect(running.answer(prompt).contains(#""verdict":null"#))
        let bare = try RunningServer()
        let refused = bare.answer(RunningServer.post("/api/decode", #"{"sample": "test-1"}"#))
        #expect(status(refused) == "400" && refused.contains("no data set"))
        #expect(try json(bare.get("/api/model"))["sample"] == .null)
    }

    @Test func moreThanTheSlotsIs429AndClientsThatLeaveGiveThemBack() throws {
        let running = try RunningServer {
            $0.slots = 1
            $0.maximumTokens = 4000
        }
        let body = #"{"prompt": "\#(Self.question)", \#(Self.long)}"#
        var client = HTTPClient(port: running.port)
        client?.send(RunningServer.post("/api/decode", body))
        #expect(client?.receive(until: "\"step\"").contains("text/event-stream") == true)
        let refused = running.answer(chat(""))
        #expect(status(refused) == "429" && refused.contains("Retry-After: 1"))
        #expect(try json(refused)["error"]?["code"]?.string == "rate_limit_exceeded")
        client = nil
        let activity = running.server.activity
        #expect(RunningServer.comesTrue { activity.snapshot.decoding == 0 })
        #expect(activity.snapshot.cancelled == 1 && activity.snapshot.rejected == 1)
        #expect(status(running.answer(chat(""))) == "200")
    }
}
