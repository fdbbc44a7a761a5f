#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A client that sends what it is told, be it HTTP or not.
final class HTTPClient {
    private let socket: CInt

    /// Connects to this machine; nil when nobody listens.
    init?(port: Int) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        #if canImport(Glibc)
            socket = Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #else
            socket = Musl.socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        #endif
        var time = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(socket, $0, size) }
        }
        if result != 0 { return nil }
    }

    deinit { close(socket) }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #if canImport(Glibc)
            _ = Glibc.send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL))
        #else
            _ = Musl.send(socket, bytes, bytes.count, CInt(MSG_NOSIGNAL))
        #endif
    }

    /// What has arrived when `mark` has, or at the end.
    func receive(until mark: String? = nil) -> String {
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(socket, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text += buffer[..<count]
            if let mark, String(decoding: text, as: UTF8.self).contains(mark) { break }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
