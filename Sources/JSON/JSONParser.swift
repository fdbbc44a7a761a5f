/// A recursive-descent parser over UTF-8 bytes; `JSONDocument` is its only user.
struct JSONParser {
    /// The first thing that is wrong, by byte offset.
    struct Failure: Error {
        let offset: Int
        let message: String
    }

    private let source: SourceText
    let bytes: [UInt8]
    let allowComments: Bool
    let allowNonFinite: Bool
    var offset = 0
    private var depth = 0
    private var valueCount = 0

    init(_ source: SourceText, bytes: [UInt8], allowComments: Bool, allowNonFinite: Bool) {
        self.source = source
        self.bytes = bytes
        self.allowComments = allowComments
        self.allowNonFinite = allowNonFinite
    }

    mutating func parseDocument() throws(Failure) -> JSONNode {
        if let invalid = firstInvalidUTF8(in: bytes) {
            throw Failure(offset: invalid, message: "This byte isn't UTF-8; save the file as UTF-8.")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
        try skipSpace()
        let root = try parseValue()
        try skipSpace()
        guard offset == bytes.count else {
            throw Failure(
                offset: offset, message: "The document ends before this; only one value may stand in it.")
        }
        return root
    }

    /// The byte at the cursor; nil at the end.
    var current: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func parseValue() throws(Failure) -> JSONNode {
        let start = offset
        valueCount += 1
        guard valueCount <= JSONDocument.maximumValues else {
            throw Failure(
                offset: start,
                message:
                    "More than \(JSONDocument.maximumValues) values stand before this, which are the most that are read of one document. Write records on lines of their own."
            )
        }
        let value: JSONNode.Value
        switch current {
        case UInt8(ascii: "{"): value = .object(try parseMembers())
        case UInt8(ascii: "["): value = .array(try parseElements())
        case UInt8(ascii: "\""): value = .string(try parseString())
        case UInt8(ascii: "-")?, (UInt8(ascii: "0")...UInt8(ascii: "9"))?: value = .number(try parseNumber())
        case nil:
            throw Failure(offset: start, message: "The file ends where a value should stand.")
        default: value = try parseWord()
        }
        return JSONNode(value: value, origin: Origin(source: source, range: start..<offset))
    }

    private mutating func parseElements() throws(Failure) -> [JSONNode] {
        let opening = offset
        try enter()
        var elements: [JSONNode] = []
        try skipSpace()
        if current == UInt8(ascii: "]") {
            leave()
            return elements
        }
        while true {
            elements.append(try parseValue())
            if try atEnd(of: "array", opening: opening, closing: "]") { return elements }
            if current == UInt8(ascii: "]") {
                throw Failure(offset: offset, message: "A comma may not stand before the end of an array.")
            }
        }
    }

    private mutating func parseMembers() throws(Failure) -> [JSONMember] {
        let opening = offset
        try enter()
        var members: [JSONMember] = []
        var seen = SeenKeys()
        try skipSpace()
        if current == UInt8(ascii: "}") {
            leave()
            return members
        }
        while true {
            guard current == UInt8(ascii: "\"") else {
                throw Failure(offset: offset, message: missingKeyMessage)
            }
            let start = offset
            let key = try parseString()
            let keyOrigin = Origin(source: source, range: start..<offset)
            guard seen.insert(key, among: members) else {
                throw Failure(offset: start, message: "The key \"\(key)\" is already set in this object.")
            }
            try skipSpace()
            guard current == UInt8(ascii: ":") else {
                throw Failure(offset: offset, message: "A colon should follow the key \"\(key)\".")
            }
            offset += 1
            try skipSpace()
            members.append(JSONMember(key: key, keyOrigin: keyOrigin, value: try parseValue()))
            if try atEnd(of: "object", opening: opening, closing: "}") { return members }
        }
    }

    private var missingKeyMessage: String {
        switch current {
        case UInt8(ascii: "}"): "A comma may not stand before the end of an object."
        case UInt8(ascii: "'"): "Keys stand in double quotes."
        case nil: "The file ends inside an object; a key in double quotes or } should stand here."
        default: "A key in double quotes should stand here."
        }
    }

    /// Steps over `,` or the closing bracket; true for the bracket.
    private mutating func atEnd(
        of container: String, opening: Int, closing: Unicode.Scalar
    ) throws(Failure) -> Bool {
        try skipSpace()
        switch current {
        case UInt8(ascii: ","):
            offset += 1
            try skipSpace()
            return false
        case UInt8(ascii: closing):
            leave()
            return true
        case nil:
            throw Failure(
                offset: opening, message: "This \(container) is never closed: \(closing) is missing.")
        default:
            throw Failure(
                offset: offset,
                message: "A comma or \(closing) should stand here, after an element of an \(container).")
        }
    }

    private mutating func enter() throws(Failure) {
        depth += 1
        guard depth <= JSONDocument.maximumDepth else {
            throw Failure(
                offset: offset,
                message: "Values are nested more than \(JSONDocument.maximumDepth) deep here.")
        }
        offset += 1
    }

    private mutating func leave() {
        depth -= 1
        offset += 1
    }

    private mutating func parseWord() throws(Failure) -> JSONNode.Value {
        let start = offset
        while let byte = current, isWordByte(byte) { offset += 1 }
        let word = String(decoding: bytes[start..<offset], as: UTF8.self)
        switch word {
        case "true": return .bool(true)
        case "false": return .bool(false)
        case "null": return .null
        case "NaN" where allowNonFinite, "Infinity" where allowNonFinite:
            return .number(JSONNumber(text: word))
        case "NaN", "Infinity", "nan", "inf":
            throw Failure(
                offset: start, message: "\(word) is no JSON number; only finite numbers may be written.")
        case "True", "False", "None":
            throw Failure(offset: start, message: "\(word) is Python; JSON says true, false and null.")
        case "":
            throw Failure(offset: start, message: "A value should stand here.")
        default:
            throw Failure(offset: start, message: "\"\(word)\" is no value; text stands in double quotes.")
        }
    }

    private func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default: false
        }
    }
}

/// The keys of one object.
private struct SeenKeys {
    private var keys: Set<ExactString> = []

    /// Adds `key`; false when it was there.
    ///
    /// Small objects are searched one by one, which is faster.
    mutating func insert(_ key: String, among members: [JSONMember]) -> Bool {
        if members.count < 16 { return !members.contains { $0.key.hasSameBytes(as: key) } }
        if keys.isEmpty { for member in members { keys.insert(ExactString(member.key)) } }
        return keys.insert(ExactString(key)).inserted
    }
}

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
