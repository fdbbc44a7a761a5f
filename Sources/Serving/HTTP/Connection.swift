internal import Base

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The other side is gone, or too slow.
struct ConnectionLost: Error {}

/// One client: a socket that is read and written with deadlines.
///
/// Owned by one thread.
final class Connection {
    private let socket: CInt
    private let limits: HTTPLimits
    private var pending: [UInt8] = []
    private var isStreaming = false

    init(_ socket: CInt, _ limits: HTTPLimits) {
        self.socket = socket
        self.limits = limits
    }

    deinit { close(socket) }

    /// The next request; nil when the client is done.
    ///
    /// - Throws: `HTTPProblem` for what isn't a request or is too large or too slow; ``ConnectionLost``.
    func request() throws -> HTTPRequest? {
        let headEnd = ContinuousClock.now + limits.headTime
        let mark = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            // A head that arrived at once is as limited as one that came in parts.
            if let end = find(mark, from: searched), end <= limits.headBytes {
                var request = try HTTPRequest(head: pending[..<end])
                pending.removeSubrange(..<(end + mark.count))
                request.body = try body(of: request)
                return request
            }
            searched = max(0, pending.count - mark.count)
            guard pending.count < limits.headBytes + mark.count else {
                throw HTTPProblem(431, "The head of the request has more than \(limits.headBytes) bytes.")
            }
            let isIdle = pending.isEmpty
            switch try receive(before: headEnd) {
            case .some(true): break
            case .some(false): if isIdle { return nil } else { throw ConnectionLost() }
            case nil:
                if isIdle { return nil }
                throw HTTPProblem(408, "The head of the request didn't arrive in time.")
            }
        }
    }

    private func body(of request: HTTPRequest) throws -> [UInt8] {
        let length = try request.bodyLength(limit: limits.bodyBytes)
        if length > pending.count, request["expect"]?.byteText.asciiLowercased == "100-continue" {
            try send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
        }
        let end = ContinuousClock.now + limits.bodyTime
        while pending.count < length {
            switch try receive(before: end) {
            case .some(true): break
            case .some(false): throw ConnectionLost()
            case nil: throw HTTPProblem(408, "The body of the request didn't arrive in time.")
            }
        }
        defer { pending.removeSubrange(..<length) }
        return Array(pending[..<length])
    }

    private func find(_ mark: [UInt8], from start: Int) -> Int? {
        guard pending.count >= mark.count else { return nil }
        return (start...(pending.count - mark.count)).first {
            pending[$0..<($0 + mark.count)].elementsEqual(mark)
        }
    }

    /// Takes what has arrived: true for some bytes, false at the end, nil when the time is over.
    private func receive(before deadline: ContinuousClock.Instant) throws(ConnectionLost) -> Bool? {
        guard wait(for: POLLIN, until: deadline) else { return nil }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        let count = recv(socket, &buffer, buffer.count, 0)
        if count == 0 { return false }
        guard count > 0 else {
            if errno == EINTR || errno == EAGAIN { return true }
            throw ConnectionLost()
        }
        pending += buffer[..<count]
        return true
    }

    /// Whether the client has gone away.
    ///
    /// A client that has ended its side has nothing more to wait for: browsers, curl and HTTP libraries close both.
    var isGone: Bool {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
    }

    /// Sends all bytes.
    ///
    /// - Throws: ``ConnectionLost`` when the client is gone or takes nothing for too long.
    func send(_ bytes: [UInt8]) throws(ConnectionLost) {
        var sent = 0
        while sent < bytes.count {
            guard wait(for: POLLOUT, until: .now + limits.sendTime) else { throw ConnectionLost() }
            let count = bytes.withUnsafeBytes {
                Self.write(socket, $0.baseAddress.map { $0 + sent }, bytes.count - sent)
            }
            if count > 0 {
                sent += count
            } else if errno != EINTR, errno != EAGAIN {
                throw ConnectionLost()
            }
        }
    }

    private static func write(_ socket: CInt, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
        #if canImport(Glibc)
            Glibc.send(socket, bytes, count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
        #else
            Musl.send(socket, bytes, count, CInt(MSG_NOSIGNAL) | CInt(MSG_DONTWAIT))
        #endif
    }

    private func wait(for event: CInt, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = ContinuousClock.now.duration(to: deadline).components
            let milliseconds = left.seconds * 1000 + left.attoseconds / 1_000_000_000_000_000
            guard milliseconds > 0 else { return false }
            var entry = pollfd(fd: socket, events: Int16(event), revents: 0)
            let ready = poll(&entry, 1, CInt(min(milliseconds + 1, 60_000)))
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { return true }
        }
    }

    /// Ends the connection after an answer to a request that wasn't read whole, so that the answer arrives.
    func lingerAndClose() {
        shutdown(socket, CInt(SHUT_WR))
        let end = ContinuousClock.now + .seconds(1)
        var taken = 0
        while taken < 1 << 20, let more = try? receive(before: end), more {
            taken += pending.count
            pending = []
        }
    }
}
