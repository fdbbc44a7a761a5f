import TestSupport
import Testing

@testable import Serving

/// Heads of requests that a broken or hostile client sends: refused with a status, or read.
struct HTTPHeadFuzzTests {
    private static let seeds = [
        "POST /v1/completions?a=b HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nContent-Length: 12\r\n"
            + "Origin: http://[::1]:80\r\nExpect: 100-continue",
        "GET / HTTP/1.0\r\nhost:127.0.0.1\r\nConnection: keep-alive, x\r\nX:\r\nX: \t y \t",
    ].map { Array($0.utf8) }
    private static let tokens = [
        "\r\n", "\n", "\r", ":", " ", "\t", "\u{0}", "\u{7F}", "\u{301}", ":\u{301}", "\r\n\u{301}", "/",
        "//", "?", "HTTP/1.1",
        "Content-Length: 99999999999999999999", "Content-Length: +1", "Content-Length: \u{0661}",
        "Transfer-Encoding: chunked",
        "\u{212A}", "Host:", "[", "]", "é", "HOST: a\r\nhost: b",
    ].map { Array($0.utf8) }

    @Test func everyHeadIsReadOrRefused() {
        var mutations = Mutations(Self.tokens)
        let count = Int(Command.number("D3LLM_FUZZ") ?? 20_000)
        var read = 0
        for _ in 0..<count {
            let bytes = mutations.mutated(Self.seeds[mutations.next(Self.seeds.count)])
            do throws(HTTPProblem) {
                let request = try HTTPRequest(head: bytes[...])
                read += 1
                #expect(request.path.utf8.first == UInt8(ascii: "/"))
                #expect(request.headers.keys.allSatisfy { $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } })
                let length = try request.bodyLength(limit: 100)
                #expect((0...100).contains(length))
                for name in ["host", "origin"] { _ = request[name].flatMap(HostName.init) }
            } catch {
                #expect((400..<506).contains(error.status) && !error.message.isEmpty)
            }
        }
        #expect(read > count / 100 && read < count)
    }

    @Test func headersAreToldApartByBytes() throws {
        func head(_ lines: String) -> Result<HTTPRequest, HTTPProblem> {
            Result { () throws(HTTPProblem) in
                try HTTPRequest(head: Array("GET / HTTP/1.1\r\n\(lines)".utf8)[...])
            }
        }
        // A colon with an accent is a colon, and K (Kelvin) isn't k.
        #expect(try head("Host:\u{301}a").get()["host"] == "\u{301}a")
        #expect(throws: HTTPProblem.self) { try head("\u{212A}ey: a").get() }
        #expect(throws: HTTPProblem.self) { try head("Host: a\r\nHost:\u{301}b").get() }
        #expect(throws: HTTPProblem.self) { try head("a b: c").get() }
    }
}
