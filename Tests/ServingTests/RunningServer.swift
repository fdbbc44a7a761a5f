import Base
import Dispatch
import Sessions
import Synchronization
import TestSupport

@testable import Serving

/// A server on a thread of its own; it ends with the value.
final class RunningServer: Sendable {
    private final class Shared: Sendable {
        let address = Mutex("")
        let isReady = DispatchSemaphore(value: 0)
        let isOver = Mutex(false)
    }

    let server: Server
    let port: Int
    private let shared = Shared()

    /// - Parameter model: its folder in `Tests/Fixtures/live`.
    init(model: String = "words", _ change: (inout Server.Options) -> Void = { _ in }) throws {
        let model = try LiveModel(folder: Fixtures.path("live/\(model)"), threads: 1)
        var options = Server.Options()
        options.port = 0
        change(&options)
        let setting = try DecoderSetting(method: nil, values: [:], for: model)
        let server = Server(model, setting, options) { _ in }
        self.server = server
        try BlockingThread.start { [shared] in
            try? server.run { address in
                shared.address.withLock { $0 = address }
                shared.isReady.signal()
            } shouldStop: {
                shared.isOver.withLock { $0 }
            }
        }
        shared.isReady.wait()
        port = shared.address.withLock { Int($0.split(separator: ":").last?.dropLast() ?? "") ?? 0 }
    }

    deinit { shared.isOver.withLock { $0 = true } }

    /// Sends text and gives all that comes back.
    func answer(_ text: String) -> String {
        guard let client = HTTPClient(port: port) else { return "no connection" }
        client.send(text)
        return client.receive()
    }

    func get(_ path: String, host: String = "localhost", _ headers: String = "") -> String {
        answer("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\(headers)Connection: close\r\n\r\n")
    }

    static func post(_ path: String, _ body: String) -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    /// Whether it comes true within a time.
    static func comesTrue(within time: Duration = .seconds(120), _ condition: () -> Bool) -> Bool {
        let start = ContinuousClock.now
        while start.duration(to: .now) < time {
            if condition() { return true }
            _ = DispatchSemaphore(value: 0).wait(timeout: .now() + .milliseconds(5))
        }
        return condition()
    }
}
