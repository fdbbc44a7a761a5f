internal import Base

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The host of a `Host` or `Origin` header, which a port may follow.
struct HostName: Sendable, Hashable {
    /// In small letters, without port and brackets.
    let text: String
    /// Whether it is an address, which nobody can point elsewhere.
    let isNumeric: Bool
    /// Whether it is this machine, whoever asks.
    let isLoopback: Bool

    /// Takes a header apart; nil for what isn't a name or an address, with or without a port.
    init?(_ header: String) {
        let bytes = Array(header.utf8)
        guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let lower = header.lowercased().byteText
        if let inner = lower.dropping(prefix: "[") {
            guard let (address, port) = inner.cut(at: "]"), Self.isPort(port),
                let number = Self.number(address.text, AF_INET6, count: 16)
            else { return nil }
            let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
            (text, isNumeric) = (address.text, true)
            isLoopback =
                number == [UInt8](repeating: 0, count: 15) + [1]
                || (number.starts(with: mapped) && number[12] == 127)
            return
        }
        let parts = lower.split(":", maxSplits: 1, keepingEmpty: true)
        guard let name = parts.first, parts.count == 1 || Self.isPort(":" + parts[1].text) else { return nil }
        text = name.text
        if let number = Self.number(name.text, AF_INET, count: 4) {
            (isNumeric, isLoopback) = (true, number[0] == 127)
        } else {
            (isNumeric, isLoopback) = (false, name == "localhost")
        }
    }

    /// Whether nothing or a port follows a host.
    private static func isPort(_ text: ByteText) -> Bool {
        guard !text.isEmpty else { return true }
        return text.bytes.first == UInt8(ascii: ":")
            && text.bytes.dropFirst().allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    private static func isPort(_ text: String) -> Bool { isPort(text.byteText) }

    /// The bytes of a numeric address, in the one form that all programs read alike.
    private static func number(_ text: String, _ family: CInt, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        return inet_pton(family, text, &bytes) == 1 ? bytes : nil
    }
}
