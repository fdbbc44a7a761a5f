internal import Files

/// What a browser may do for a page (a Content-Security-Policy): scripts and style sheets in it are named by the hashes
/// of their text.
struct ContentPolicy: Sendable {
    /// As it stands in the page or in a header.
    let text: String

    /// - Parameters:
    ///   - scripts: What stands between the tags of the page's scripts, byte for byte.
    ///   - styles: The same for style sheets.
    init(scripts: [String], styles: [String]) {
        text = [
            "default-src 'none'", "script-src \(Self.sources(scripts))", "style-src \(Self.sources(styles))",
            "base-uri 'none'", "form-action 'none'",
        ].joined(separator: "; ")
    }

    private static func sources(_ texts: [String]) -> String {
        texts.isEmpty ? "'none'" : texts.map { "'sha256-\(base64(digest(of: $0)))'" }.joined(separator: " ")
    }

    private static func digest(of text: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(Array(text.utf8))
        return hash.finalize()
    }

    /// Bytes in base64 with padding (RFC 4648).
    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(UInt32(0)) {
                $0 << 8 | (start + $1 < bytes.count ? UInt32(bytes[start + $1]) : 0)
            }
            for place in 0..<4 {
                let isFilled = place <= group.count
                text.append(isFilled ? digits[Int(bits >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
