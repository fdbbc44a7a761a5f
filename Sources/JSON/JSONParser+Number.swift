/// Numbers, by the strict grammar: no leading zeros or plus, digits on both sides of the point.
extension JSONParser {
    mutating func parseNumber() throws(Failure) -> JSONNumber {
        let start = offset
        if current == UInt8(ascii: "-") { offset += 1 }
        let infinity = "Infinity".utf8
        if allowNonFinite, offset > start, bytes[offset...].starts(with: infinity) {
            offset += infinity.count
            return JSONNumber(text: "-Infinity")
        }
        if current == UInt8(ascii: "0") {
            offset += 1
            if let byte = current, isDigit(byte) {
                throw Failure(offset: start, message: "A number may not start with a zero and a digit.")
            }
        } else {
            try skipDigits(from: start, after: "the sign")
        }
        if current == UInt8(ascii: ".") {
            offset += 1
            try skipDigits(from: start, after: "the decimal point")
        }
        if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
            try skipDigits(from: start, after: "the exponent's e")
        }
        return JSONNumber(text: String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    private mutating func skipDigits(from start: Int, after what: String) throws(Failure) {
        guard let first = current, isDigit(first) else {
            throw Failure(offset: start, message: "A digit should follow \(what) of this number.")
        }
        while let byte = current, isDigit(byte) { offset += 1 }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}
