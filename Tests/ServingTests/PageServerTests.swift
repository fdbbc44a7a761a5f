import Base
import Dispatch
import Synchronization
import Testing

@testable import Serving

/// Pages without a model.
@Suite struct PageServerTests {
    /// What the thread of a server and the test tell one another.
    private final class Shared: Sendable {
        let address = Mutex("")
        let isReady = DispatchSemaphore(value: 0)
        let isOver = Mutex(false)

        var port: Int { address.withLock { Int($0.split(separator: ":").last?.dropLast() ?? "") ?? 0 } }
    }

    @Test func pagesAreServedToThisMachineAlone() throws {
        let shared = Shared()
        defer { shared.isOver.withLock { $0 = true } }
        let server = PageServer(
            host: "127.0.0.1", port: 0, allowedHosts: ["lab.example"], log: { _ in },
            page: { path in
                switch path {
                case "/": .init(html: "<p>own</p>", refresh: 3)
                case "/report": .init(foreign: Array("<p>foreign</p>".utf8))
                default: nil
                }
            })
        try BlockingThread.start {
            try? server.run { address in
                shared.address.withLock { $0 = address }
                shared.isReady.signal()
            } shouldStop: {
                shared.isOver.withLock { $0 }
            }
        }
        shared.isReady.wait()
        func get(_ path: String, host: String = "localhost", _ more: String = "", method: String = "GET")
            throws -> String
        {
            let client = try #require(HTTPClient(port: shared.port))
            client.send("\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\n\(more)Connection: close\r\n\r\n")
            return client.receive()
        }
        let own = try get("/")
        #expect(own.hasPrefix("HTTP/1.1 200 OK\r\n") && own.hasSuffix("\r\n\r\n<p>own</p>"))
        #expect(
            own.contains("\r\nRefresh: 3\r\n")
                && own.contains("\r\nContent-Security-Policy: frame-ancestors 'none'\r\n"))
        // What lies in the store may come from anybody: it gets an origin of its own and reaches nothing.
        let foreign = try get("/report?x")
        #expect(foreign.contains("\r\nContent-Security-Policy: sandbox allow-scripts; default-src 'none'; "))
        #expect(!foreign.contains("Refresh"))
        #expect(try get("/", method: "HEAD").hasSuffix("\r\n\r\n"))
        #expect(try get("/../report").hasPrefix("HTTP/1.1 404 "))
        #expect(try get("/", "Content-Length: 0\r\n", method: "POST").hasPrefix("HTTP/1.1 405 "))
        #expect(try get("/", host: "evil.example").hasPrefix("HTTP/1.1 421 "))
        #expect(try get("/", host: "lab.example").hasPrefix("HTTP/1.1 200 "))
        #expect(try get("/", "Origin: http://evil.example\r\n").hasPrefix("HTTP/1.1 403 "))
    }
}
