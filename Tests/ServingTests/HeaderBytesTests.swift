import Base
import TestSupport
import Testing

@testable import Serving

/// Requests are cut where every other program would cut them.
@Suite struct HeaderBytesTests {
    private func read(_ text: String) throws -> HTTPRequest { try HTTPRequest(head: Array(text.utf8)[...]) }

    @Test func noMarkHidesAColonASpaceOrALineBreak() throws {
        for mark in HiddenMarks.all {
            for text in [
                "GET \(mark)/ HTTP/1.1\r\nHost: a", "GET /\(mark) HTTP/1.1\r\nHost: a",
                "GET / HTTP/1.1\(mark)\r\nHost: a", "GET / HTTP/1.1\r\nHost\(mark): a",
                "GET / HTTP/1.1\r\n\(mark)Host: a", "GET\(mark) / HTTP/1.1\r\nHost: a",
            ] {
                #expect(throws: HTTPProblem.self, "\(mark.value)") { try read(text) }
            }
            // In a value a mark is part of the value, and the header is read.
            #expect(try read("GET / HTTP/1.1\r\nX: \(mark)")["x"]?.byteText == "\(mark)".byteText)
            #expect(try read("GET / HTTP/1.1\r\nX:\(mark)a:b\r\nY: c")["y"] == "c")
        }
    }

    @Test func onlyLettersOfASCIIHaveTwoCases() throws {
        #expect(try read("GET / HTTP/1.1\r\nHOST: a")["host"] == "a")
        // The Kelvin sign isn't the letter k.
        #expect(try read("GET / HTTP/1.0\r\nConnection: \u{212A}eep-alive").keepsAlive == false)
        #expect(try read("GET / HTTP/1.0\r\nConnection: Keep-Alive").keepsAlive == true)
        #expect(try read("GET /a?b=c HTTP/1.1\r\nHost: a").path == "/a")
    }
}
