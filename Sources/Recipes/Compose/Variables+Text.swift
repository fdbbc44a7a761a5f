internal import Base

/// Texts with variables in them.
extension Variables {
    enum Piece {
        case text(String)
        case variable(String)
    }

    /// The text with every `${` written so that it isn't a variable.
    static func escaped(_ text: String) -> String { text.byteText.replacing("${", with: "$${").text }

    /// The text cut at its variables; nil if a `${` isn't closed.
    static func pieces(of text: String) -> [Piece]? {
        var pieces: [Piece] = []
        var plain: [UInt8] = []
        let bytes = Array(text.utf8)
        let (dollar, open, close) = (UInt8(ascii: "$"), UInt8(ascii: "{"), UInt8(ascii: "}"))
        var index = 0
        while index < bytes.count {
            let rest = bytes[index...]
            if rest.starts(with: [dollar, dollar, open]) {
                plain += [dollar, open]
                index += 3
            } else if rest.starts(with: [dollar, open]) {
                guard let end = rest.firstIndex(of: close) else { return nil }
                if !plain.isEmpty { pieces.append(.text(String(decoding: plain, as: UTF8.self))) }
                plain = []
                pieces.append(.variable(String(decoding: bytes[index + 2..<end], as: UTF8.self)))
                index = end + 1
            } else {
                plain.append(bytes[index])
                index += 1
            }
        }
        if !plain.isEmpty || pieces.isEmpty {
            pieces.append(.text(String(decoding: plain, as: UTF8.self)))
        }
        return pieces
    }
}
