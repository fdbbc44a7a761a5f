internal import Base
package import Sessions
internal import Synchronization

/// An HTTP server that decodes with one model: a web page, and an interface as OpenAI's.
package final class Server: Sendable {
    /// How it serves.
    package struct Options: Sendable {
        /// A numeric address; the default is reached from this machine only.
        package var host = "127.0.0.1"
        /// 0 for any that is free.
        package var port = 8080
        /// Names under which the server may be called besides localhost and numeric addresses.
        package var allowedHosts: [String] = []
        /// Responses that are decoded at once; more are answered with 429.
        package var slots = 2
        /// Most tokens of a response.
        package var maximumTokens = 2048
        /// Threads of all responses together.
        package var threads = 1
        package var limits = HTTPLimits()

        package init() {}
    }

    let model: LiveModel
    /// Method and options of requests that name none.
    let setting: DecoderSetting
    let options: Options
    let activity = Activity()
    private let log: @Sendable (String) -> Void
    private let isStopping = Atomic<Bool>(false)

    /// A server that doesn't listen yet.
    ///
    /// - Parameter log: gets a line per request.
    package init(
        _ model: LiveModel, _ setting: DecoderSetting, _ options: Options,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.model = model
        self.setting = setting
        self.options = options
        self.log = log
    }

    /// Whether responses should stop being decoded.
    var stops: Bool { isStopping.load(ordering: .relaxed) }

    /// Serves until it is told to stop; then responses in the making are stopped too.
    ///
    /// - Parameters:
    ///   - ready: gets the address of the page once clients can connect.
    ///   - shouldStop: asked several times a second.
    /// - Throws: ``ListenError``.
    package func run(ready: (String) -> Void, shouldStop: () -> Bool) throws(ListenError) {
        let listener = try Listener(host: options.host, port: options.port)
        let host = options.host.byteText.contains(":") ? "[\(options.host)]" : options.host
        ready("http://\(host):\(listener.port)/")
        while !shouldStop() {
            guard let socket = listener.accept(waiting: 200) else { continue }
            let connection = Unowned(Connection(socket, options.limits))
            let isWelcome = activity.connect(limit: options.limits.connections)
            do {
                try BlockingThread.start { [self] in
                    if isWelcome { serve(connection.value) } else { refuse(connection.value) }
                    if isWelcome { activity.disconnect() }
                }
            } catch {
                if isWelcome { activity.disconnect() }
            }
        }
        isStopping.store(true, ordering: .relaxed)
        // Threads end after the forward that they are in; whoever is slower ends with the process.
        for _ in 0..<50 where activity.snapshot.decoding > 0 { listener.pause() }
    }

    /// Hands a connection to its thread: from then on nobody else touches it.
    private struct Unowned: @unchecked Sendable {
        let value: Connection
        init(_ value: Connection) { self.value = value }
    }

    private func refuse(_ connection: Connection) {
        let problem = HTTPProblem(503, "The server has too many connections. Try again.", retryAfter: 1)
        try? send(problem, HTTPResponder(connection, keepsAlive: false))
        connection.lingerAndClose()
    }

    private func serve(_ connection: Connection) {
        for count in 1...options.limits.requestsPerConnection {
            let start = ContinuousClock.now
            do {
                guard let request = try connection.request() else { return }
                let keepsAlive =
                    request.keepsAlive && count < options.limits.requestsPerConnection && !stops
                let responder = HTTPResponder(
                    connection, keepsAlive: keepsAlive, isHead: request.method == "HEAD")
                try answer(request, responder)
                log(request, "\(responder.status)", start)
                guard keepsAlive, !connection.isGone else { return }
            } catch let problem as HTTPProblem {
                // What follows in the stream can't be told apart any more.
                try? send(problem, HTTPResponder(connection, keepsAlive: false))
                log("\(problem.status) \(problem.message.visible)")
                connection.lingerAndClose()
                return
            } catch {
                return
            }
        }
    }

    /// Answers a request, also one that is wrong.
    private func answer(_ request: HTTPRequest, _ responder: HTTPResponder) throws {
        activity.countRequest()
        do {
            try route(request, responder)
        } catch let problem as HTTPProblem {
            guard !responder.hasBegun else { throw ConnectionLost() }
            try send(problem, responder)
        }
    }

    private func send(_ problem: HTTPProblem, _ responder: HTTPResponder) throws {
        let retry = problem.retryAfter.map { [("Retry-After", "\($0)")] } ?? []
        try responder.send(problem.status, problem.json, headers: retry)
    }

    private func log(_ request: HTTPRequest, _ outcome: String, _ start: ContinuousClock.Instant) {
        let passed = start.duration(to: .now).components
        let milliseconds = passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000
        log("\(request.method) \(request.path.prefix(100)) \(outcome) \(milliseconds) ms")
    }
}
