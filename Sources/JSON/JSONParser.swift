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
