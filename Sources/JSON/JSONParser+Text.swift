/// White space, comments and strings.
extension JSONParser {
    mutating func skipSpace() throws(Failure) {
        while let byte = current {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): offset += 1
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(Failure) {
        let start = offset
        guard allowComments else {
            throw Failure(offset: start, message: "Comments aren't allowed in this file.")
        }
        switch offset + 1 < bytes.count ? bytes[offset + 1] : nil {
        case UInt8(ascii: "/"):
            while let byte = current, byte != UInt8(ascii: "\n") { offset += 1 }
        case UInt8(ascii: "*"):
            offset += 2
            while offset + 1 < bytes.count {
                if bytes[offset] == UInt8(ascii: "*"), bytes[offset + 1] == UInt8(ascii: "/") {
                    offset += 2
                    return
                }
                offset += 1
            }
            throw Failure(offset: start, message: "This comment is never closed: */ is missing.")
        default:
            throw Failure(offset: start, message: "A single / starts nothing; comments are // … or /* … */.")
        }
    }

    /// Reads a string from its opening quote to beyond its closing one.
    mutating func parseString() throws(Failure) -> String {
        let opening = offset
        offset += 1
        var start = offset
        var text: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                let run = bytes[start..<offset]
                offset += 1
                if text.isEmpty { return String(decoding: run, as: UTF8.self) }
                text.append(contentsOf: run)
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[start..<offset])
                try parseEscape(into: &text)
                start = offset
            case 0..<0x20:
                let what = byte == UInt8(ascii: "\n") ? "A line break" : "A control character"
                throw Failure(
                    offset: byte == UInt8(ascii: "\n") ? opening : offset,
                    message: "\(what) stands inside a string; close the string or write it as an escape.")
            default: offset += 1
            }
        }
        throw Failure(offset: opening, message: "This string is never closed: \" is missing.")
    }

    private mutating func parseEscape(into text: inout [UInt8]) throws(Failure) {
        let start = offset
        offset += 1
        guard let byte = current else {
            throw Failure(offset: start, message: "The file ends inside an escape.")
        }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try parseScalar(from: start)
            text.append(contentsOf: String(Character(scalar)).utf8)
        default:
            throw Failure(
                offset: start, message: #"This is no escape; legal are \" \\ \/ \b \f \n \r \t and \uXXXX."#)
        }
    }

    /// The scalar of `\uXXXX`, or of two of them that form a surrogate pair; the cursor stands behind the u.
    private mutating func parseScalar(from start: Int) throws(Failure) -> Unicode.Scalar {
        let lone = Failure(
            offset: start, message: "This escape is half of a surrogate pair; its other half is missing.")
        let first = try parseHex(from: start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, offset + 1 < bytes.count, bytes[offset] == UInt8(ascii: "\\"),
            bytes[offset + 1] == UInt8(ascii: "u")
        else { throw lone }
        offset += 2
        let second = try parseHex(from: offset - 2)
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw lone }
        return scalar
    }

    private mutating func parseHex(from start: Int) throws(Failure) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, let digit = hexDigit(byte) else {
                throw Failure(offset: start, message: #"Four hexadecimal digits should follow \u."#)
            }
            value = value << 4 | digit
            offset += 1
        }
        return value
    }

    private func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}

/// The offset of the first byte that breaks UTF-8 (overlong forms, surrogates and cut sequences included).
func firstInvalidUTF8(in bytes: [UInt8]) -> Int? {
    var index = 0
    while index < bytes.count {
        let lead = bytes[index]
        if lead < 0x80 {
            index += 1
            continue
        }
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        case 0xF1...0xF3: length = 4
        default: return index
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]),
            bytes[(index + 1)..<(index + length)].allSatisfy({ $0 & 0xC0 == 0x80 })
        else { return index }
        index += length
    }
    return nil
}
