internal import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An HTTP server on the loopback interface that does what a test says, wrong things included.
///
/// Each connection has one request and a thread of its own.
public final class LoopbackServer: Sendable {
    /// What a client asked for.
    public struct Request: Sendable {
        public let method: String
        /// As it stood in the request: path and query, or a whole address where the client takes this for a proxy.
        public let target: String
        /// By name in lower case.
        public let fields: [String: String]
        /// Which request of that target it is, from 1.
        public let number: Int

        /// The first byte of `Range: bytes=N-`.
        public var rangeStart: Int? {
            guard let range = fields["range"], range.hasPrefix("bytes="), range.hasSuffix("-") else {
                return nil
            }
            return Int(range.dropFirst(6).dropLast())
        }
    }

    /// What is done with a connection, one after the other; it is closed at the end.
    public enum Step: Sendable {
        case send([UInt8])
        case pause(milliseconds: Int)
        /// Closes it so that the client sees a reset.
        case reset
    }

    private struct State {
        var requests: [Request] = []
        var connections = 0
        var isStopped = false
    }

    private let socket: CInt
    public let port: Int
    private let handler: @Sendable (Request) -> [Step]
    private let state = Mutex(State())

    public struct NotStarted: Error {}

    /// Starts listening on a port of the system's choice.
    public init(_ handler: @escaping @Sendable (Request) -> [Step]) throws {
        let socket = Self.newSocket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && listen(socket, 64) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        guard socket >= 0, isBound else { throw NotStarted() }
        self.socket = socket
        self.handler = handler
        port = Int(UInt16(bigEndian: address.sin_port))
        Self.detach { [weak self] in
            while true {
                let connection = accept(socket, nil, nil)
                if connection < 0 { break }
                guard let self, !self.state.withLock({ $0.isStopped }) else {
                    close(connection)
                    break
                }
                self.state.withLock { $0.connections += 1 }
                Self.detach { [weak self] in
                    self?.serve(connection)
                    close(connection)
                }
            }
            close(socket)
        }
    }

    deinit { stop() }

    /// Listens no more.
    public func stop() {
        let wasStopped = state.withLock { state in
            defer { state.isStopped = true }
            return state.isStopped
        }
        if !wasStopped { shutdown(socket, CInt(SHUT_RDWR)) }
    }

    /// `http://127.0.0.1:<port><path>`.
    public func url(_ path: String, host: String = "127.0.0.1", user: String? = nil) -> String {
        "http://\(user.map { "\($0)@" } ?? "")\(host):\(port)\(path)"
    }

    /// All requests so far, in the order in which they came.
    public var requests: [Request] { state.withLock { $0.requests } }
    /// How many connections were opened, whether anything was asked on them or not.
    public var connections: Int { state.withLock { $0.connections } }

    private static func newSocket() -> CInt {
        #if canImport(Glibc)
            let kind = CInt(SOCK_STREAM.rawValue)
        #else
            let kind = SOCK_STREAM
        #endif
        return Glibc.socket(AF_INET, kind | 0o2000000, 0)
    }

    /// Runs `body` on a thread that nobody waits for.
    private static func detach(_ body: @escaping @Sendable () -> Void) {
        final class Box {
            let body: @Sendable () -> Void; init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        let box = Unmanaged.passRetained(Box(body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                return nil
            }, box)
        if failure == 0 { pthread_detach(thread) } else { Unmanaged<Box>.fromOpaque(box).release() }
    }

    private func serve(_ connection: CInt) {
        guard let request = read(connection) else { return }
        for step in handler(request) {
            switch step {
            case .send(let bytes): if !write(bytes, connection) { return }
            case .pause(let milliseconds): usleep(UInt32(milliseconds) * 1000)
            case .reset:
                var option = linger(l_onoff: 1, l_linger: 0)
                setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
                return
            }
        }
    }

    private func read(_ connection: CInt) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: bytes, as: UTF8.self).contains("\r\n\r\n") {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0, bytes.count < 1 << 16 else { return nil }
            bytes += buffer[..<count]
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return nil }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon].lowercased()] =
                line[line.index(after: colon)...].drop { $0 == " " }.description
        }
        return state.withLock { state in
            let target = String(words[1])
            let request = Request(
                method: String(words[0]), target: target, fields: fields,
                number: state.requests.count { $0.target == target } + 1)
            state.requests.append(request)
            return request
        }
    }

    private func write(_ bytes: [UInt8], _ connection: CInt) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}

extension LoopbackServer.Request {
    /// A response, its length named unless `fields` name one.
    public func reply(_ status: Int, _ fields: [String: String] = [:], _ body: [UInt8] = [])
        -> [LoopbackServer.Step]
    {
        [.send(Self.head(status, fields, length: body.count)), .send(body)]
    }

    /// A file as a good server gives it: with a tag, and parts if the tag is still the same.
    public func file(_ bytes: [UInt8], tag: String = "\"1\"") -> [LoopbackServer.Step] {
        let isSame = fields["if-range"].map { $0 == tag } ?? true
        guard let start = rangeStart, isSame else { return reply(200, ["ETag": tag], bytes) }
        guard start < bytes.count else { return reply(416, ["Content-Range": "bytes */\(bytes.count)"]) }
        return reply(
            206, ["ETag": tag, "Content-Range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"],
            Array(bytes[start...]))
    }

    /// The same, but only so many bytes of the body come.
    public func file(_ bytes: [UInt8], tag: String = "\"1\"", cutAfter count: Int) -> [LoopbackServer.Step] {
        file(bytes, tag: tag).map { step in
            if case .send(let part) = step, !part.starts(with: Array("HTTP/".utf8)) {
                return .send(Array(part.prefix(count)))
            }
            return step
        }
    }

    /// A status line and fields.
    public static func head(_ status: Int, _ fields: [String: String], length: Int?) -> [UInt8] {
        var text = "HTTP/1.1 \(status) Word\r\nConnection: close\r\n"
        if let length, fields["Content-Length"] == nil, fields["Transfer-Encoding"] == nil {
            text += "Content-Length: \(length)\r\n"
        }
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) { text += "\(name): \(value)\r\n" }
        return Array((text + "\r\n").utf8)
    }
}
