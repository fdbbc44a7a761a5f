#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

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
