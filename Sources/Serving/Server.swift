internal import Base
internal import ChatTemplates
internal import Decoding
internal import Documents
internal import JSON
package import Sessions
internal import Synchronization
internal import Tokenizers

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
        /// The questions that the page can ask by their ids; nil for none.
        package var samples: LiveSamples?
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
        let service = HTTPService(
            options.limits, activity, log: log, stops: { [self] in stops },
            route: { [self] in try route($0, $1) })
        try service.run(host: options.host, port: options.port, ready: ready, shouldStop: shouldStop) {
            isStopping.store(true, ordering: .relaxed)
        }
    }
}

/// Takes connections, each on a thread of its own, and gives their requests to who answers them.
final class HTTPService: Sendable {
    private let limits: HTTPLimits
    private let activity: Activity
    private let log: @Sendable (String) -> Void
    private let stops: @Sendable () -> Bool
    private let route: @Sendable (HTTPRequest, HTTPResponder) throws -> Void

    /// - Parameters:
    ///   - log: gets a line per request.
    ///   - stops: whether the server is about to end.
    ///   - route: answers a request, or throws `HTTPProblem`.
    init(
        _ limits: HTTPLimits, _ activity: Activity, log: @escaping @Sendable (String) -> Void,
        stops: @escaping @Sendable () -> Bool,
        route: @escaping @Sendable (HTTPRequest, HTTPResponder) throws -> Void
    ) {
        (self.limits, self.activity, self.log, self.stops, self.route) = (limits, activity, log, stops, route)
    }

    /// Serves until it is told to stop.
    ///
    /// - Parameter ended: called when it was told to; whoever decodes should come to an end then.
    func run(
        host: String, port: Int, ready: (String) -> Void, shouldStop: () -> Bool, ended: () -> Void
    ) throws(ListenError) {
        let listener = try Listener(host: host, port: port)
        let host = host.byteText.contains(":") ? "[\(host)]" : host
        ready("http://\(host):\(listener.port)/")
        while !shouldStop() {
            guard let socket = listener.accept(waiting: 200) else { continue }
            let connection = Unowned(Connection(socket, limits))
            let isWelcome = activity.connect(limit: limits.connections)
            do {
                try BlockingThread.start { [self] in
                    if isWelcome { serve(connection.value) } else { refuse(connection.value) }
                    if isWelcome { activity.disconnect() }
                }
            } catch {
                if isWelcome { activity.disconnect() }
            }
        }
        ended()
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
        for count in 1...limits.requestsPerConnection {
            let start = ContinuousClock.now
            do {
                guard let request = try connection.request() else { return }
                let keepsAlive =
                    request.keepsAlive && count < limits.requestsPerConnection && !stops()
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

/// What the server is doing and has done.
final class Activity: Sendable {
    struct Counts: Sendable {
        var connections = 0
        var decoding = 0
        var requests = 0
        var completed = 0
        var cancelled = 0
        var rejected = 0
        var tokens = 0
        var forwards = 0
    }

    let start = ContinuousClock.now
    private let counts = Mutex(Counts())

    var snapshot: Counts { counts.withLock { $0 } }

    /// Seconds since the server was made.
    var uptime: Int { Int(start.duration(to: .now).components.seconds) }

    /// Counts a connection, if there are fewer than so many.
    func connect(limit: Int) -> Bool {
        counts.withLock {
            guard $0.connections < limit else { return false }
            $0.connections += 1
            return true
        }
    }

    func disconnect() { counts.withLock { $0.connections -= 1 } }
    func countRequest() { counts.withLock { $0.requests += 1 } }

    /// Runs `body` if fewer than so many responses are being decoded.
    ///
    /// - Throws: `HTTPProblem` 429; what `body` throws.
    func decoding<Result>(slots: Int, _ body: () throws -> Result) throws -> Result {
        let isFree = counts.withLock {
            guard $0.decoding < slots else {
                $0.rejected += 1
                return false
            }
            $0.decoding += 1
            return true
        }
        guard isFree else {
            throw HTTPProblem(
                429, "All \(slots) slots for decoding are taken. Try again in a second.", retryAfter: 1)
        }
        defer { counts.withLock { $0.decoding -= 1 } }
        return try body()
    }

    func countEnd(cancelled: Bool, tokens: Int, forwards: Int) {
        counts.withLock {
            if cancelled { $0.cancelled += 1 } else { $0.completed += 1 }
            $0.tokens += tokens
            $0.forwards += forwards
        }
    }
}

/// Why the server can't listen.
package struct ListenError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}

/// A listening socket.
struct Listener: ~Copyable {
    private let socket: CInt
    /// The port that it has, also when it was asked for any.
    let port: Int

    /// - Parameters:
    ///   - host: a numeric address: 127.0.0.1, ::1, 0.0.0.0.
    ///   - port: 0 for any that is free.
    init(host: String, port: Int) throws(ListenError) {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, "\(port)", &hints, &found) == 0, let address = found else {
            throw ListenError(
                description: "\"\(host)\" is no address to listen at. Give a number such as 127.0.0.1 or ::1."
            )
        }
        defer { freeaddrinfo(found) }
        let socket = Self.open(address.pointee)
        guard socket >= 0 else {
            throw ListenError(description: "No socket can be opened: \(Self.reason).")
        }
        var on: CInt = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        guard bind(socket, address.pointee.ai_addr, address.pointee.ai_addrlen) == 0, listen(socket, 64) == 0
        else {
            let reason = Self.reason
            close(socket)
            throw ListenError(
                description:
                    "Can't listen at \(host), port \(port): \(reason). Choose another --port; 0 takes any."
            )
        }
        self.socket = socket
        self.port = Self.port(of: socket) ?? port
    }

    deinit { close(socket) }

    /// The socket of the next client; nil when none came within a while.
    func accept(waiting milliseconds: CInt) -> CInt? {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, milliseconds) > 0 else { return nil }
        let client = Self.take(socket)
        guard client >= 0 else {
            // Out of descriptors: without a pause this would be asked again at once, and again.
            if errno == EMFILE || errno == ENFILE { usleep(100_000) }
            return nil
        }
        _ = fcntl(client, F_SETFD, FD_CLOEXEC)
        var on: CInt = 1
        setsockopt(client, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
        return client
    }

    /// Waits a tenth of a second without taking clients.
    func pause() { usleep(100_000) }

    private static func open(_ address: addrinfo) -> CInt {
        #if canImport(Glibc)
            Glibc.socket(
                address.ai_family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        #else
            Musl.socket(
                address.ai_family, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        #endif
    }

    private static func take(_ socket: CInt) -> CInt {
        #if canImport(Glibc)
            Glibc.accept(socket, nil, nil)
        #else
            Musl.accept(socket, nil, nil)
        #endif
    }

    private static var reason: String { String(cString: strerror(errno)) }

    private static func port(of socket: CInt) -> Int? {
        var address = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        guard result == 0 else { return nil }
        // The port stands at the same place in addresses of both families.
        return withUnsafeBytes(of: &address) { Int($0[2]) << 8 | Int($0[3]) }
    }
}

extension Server {
    /// Answers the page: each event of a response as it happens.
    func stream(_ body: RequestValue, _ responder: HTTPResponder) throws {
        try body.allow(["prompt", "sample", "method", "options", "seed"])
        let sample = try asked(body)
        let text = try sample?.question ?? body.string("prompt")
        let seed = try body["seed"]?.integer()
        let setting = try self.setting(body)
        let prompt = try asProblem { try model.prompt(text, isExact: sample != nil) }
        try activity.decoding(slots: options.slots) {
            try responder.beginEvents()
            do {
                try decode(prompt, setting, seed: seed, check: sample?.check, responder) { event, _ in
                    try responder.event(try event.json.compactBytes())
                }
            } catch let problem as HTTPProblem {
                // The status is on its way already.
                try responder.event(
                    try JSONValue.object(["event": "error", "message": .string(problem.message)])
                        .compactBytes())
            }
            try responder.endEvents()
        }
    }

    /// The question of a data set that a request names instead of giving a prompt.
    private func asked(_ body: RequestValue) throws -> LiveSample? {
        guard let id = try body["sample"]?.string() else { return nil }
        guard body["prompt"] == nil else {
            throw HTTPProblem(400, "Give \"prompt\" or \"sample\", not both.", parameter: "sample")
        }
        guard let samples = options.samples else {
            throw HTTPProblem(
                400, "This server has no questions: there is no data set beside its model. Give \"prompt\".",
                parameter: "sample")
        }
        do {
            return try samples.find(id)
        } catch is SessionError {
            // Its description has folders of this machine.
            throw HTTPProblem(
                400, "There is no question \"\(id.prefix(100))\". The first is \"\(samples.first)\".",
                parameter: "sample")
        } catch {
            throw HTTPProblem(500, "The data set can't be read.")
        }
    }

    /// Decodes until the end, until the client has gone, or until `take` asks for it.
    ///
    /// - Parameters:
    ///   - index: number of the prompt in its request; a seed gives each prompt other draws.
    ///   - likelihoods: which log-probabilities the events tell.
    ///   - check: grades the response.
    ///   - take: gets each event and a function that stops decoding.
    /// - Throws: `HTTPProblem` for what decoding refuses; ``ConnectionLost``.
    @discardableResult
    func decode(
        _ prompt: LivePrompt, _ setting: DecoderSetting, seed: Int?, index: Int = 0,
        likelihoods: LikelihoodRequest? = nil, check: AnswerCheck? = nil, _ responder: HTTPResponder,
        _ take: @escaping (DecodingEvent, _ stop: () -> Void) throws -> Void
    ) throws -> DecodingEvent.End {
        let state = StreamState()
        let session = DecodingSession(
            model, setting, threads: max(1, options.threads / options.slots), check: check)
        let sampling = seed.map { Sampling(seed: UInt64(bitPattern: Int64($0)), sample: UInt64(index)) }
        let end = try asProblem {
            try session.decode(prompt, sampling: sampling, likelihoods: likelihoods) { [self] in
                state.isLost = state.isLost || responder.isGone
                return state.isLost || state.isEnough || state.error != nil || stops
            } observe: { event in
                guard !state.isLost, state.error == nil else { return }
                do {
                    try take(event) { state.isEnough = true }
                } catch is ConnectionLost {
                    state.isLost = true
                } catch {
                    state.error = error
                }
            }
        }
        let isCancelled = end.reason == .cancelled && !state.isEnough
        activity.countEnd(
            cancelled: isCancelled, tokens: end.counters.tokens, forwards: end.counters.forwards)
        if state.isLost { throw ConnectionLost() }
        if let error = state.error { throw error }
        return end
    }

    private final class StreamState {
        var isLost = false
        var isEnough = false
        var error: (any Error)?
    }

    /// The decoder that a request asks for.
    ///
    /// - Parameter choice: An object with `method` and `options`.
    func setting(_ choice: RequestValue?, adding extra: [String: JSONValue] = [:]) throws -> DecoderSetting {
        let method = try choice?["method"]?.string()
        let given = try choice?["options"]?.members() ?? []
        // What the server was started with holds for its own method only.
        let usesOwn = method == nil || method == setting.method.name
        let inherited = extra.merging(usesOwn ? setting.values : [:]) { given, _ in given }
        var values: [String: JSONValue] = [:]
        for (name, value) in given { values[name] = JSONValue(value.node) }
        let name = method ?? setting.method.name
        let asked = try asProblem {
            try DecoderSetting(
                method: name, values: values, inherited: inherited, chosen: usesOwn ? setting.chosen : nil,
                for: model)
        }
        let length = asked.setup.lengths.response
        if length > options.maximumTokens {
            throw HTTPProblem(
                400, "\(length) tokens are more than the \(options.maximumTokens) that this server decodes.",
                parameter: asked.method.option(.responseLength)?.key ?? "method")
        }
        return asked
    }

    /// Makes what a request is to blame for an answer to it.
    func asProblem<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DecodingError where error.code == .turnLimit {
            throw HTTPProblem(500, error.description)
        } catch let error as DecodingError {
            throw HTTPProblem(400, error.description)
        } catch let error as SessionError {
            throw HTTPProblem(400, error.description)
        } catch let error as ChatTemplateError {
            throw HTTPProblem(400, error.description)
        } catch let error as TokenizerError {
            throw HTTPProblem(400, error.description)
        }
    }
}
