/// The tokens of a byte-level model: their bytes, their ids and the way back.
///
/// Tokens are told apart by bytes. As Swift strings, é and e with a combining accent would be one key, and Qwen2's
/// vocabulary has both.
struct Vocabulary: Sendable {
    /// Ids are below this, which keeps the tables by id small.
    static let idLimit = 1 << 24

    /// Tokens that are written in the byte alphabet, by the bytes that they stand for.
    private var byteLevel: ByteStringTable
    /// All others, by their UTF-8; text never becomes one of them.
    private var literal: ByteStringTable
    /// By id: bytes in `blob`; nothing for an id that isn't in use.
    private var places: [Place]
    private var blob: [UInt8] = []

    private struct Place: Sendable {
        var start: UInt32 = 0
        var length: UInt32 = 0
        var kind = Kind.unused
    }

    private enum Kind: UInt8, Sendable { case unused, byteLevel, literal }

    /// An empty vocabulary.
    ///
    /// - Parameters:
    ///   - capacity: how many tokens will be added.
    ///   - largestId: their largest id, less than ``idLimit``.
    init(capacity: Int, largestId: Int) {
        byteLevel = ByteStringTable(capacity: capacity)
        literal = ByteStringTable(capacity: capacity)
        places = [Place](repeating: Place(), count: largestId + 1)
    }

    /// The number of tokens.
    var count: Int { byteLevel.count + literal.count }

    /// Adds a token as a `tokenizer.json` writes it; false if its id is in use already.
    mutating func insert(_ token: String, id: Int) -> Bool {
        guard places[id].kind == .unused else { return false }
        let bytes = ByteAlphabet.bytes(of: token)
        let stored = bytes ?? Array(token.utf8)
        let present =
            bytes == nil
            ? literal.insert(stored, Int32(id)) : byteLevel.insert(stored, Int32(id))
        // A JSON object has each key once, and each spelling stands for bytes of its own.
        precondition(present == nil, "one id for each token")
        places[id] = Place(
            start: UInt32(blob.count), length: UInt32(stored.count),
            kind: bytes == nil ? .literal : .byteLevel)
        blob += stored
        return true
    }

    /// The id of a token as a `tokenizer.json` writes it.
    func id(of token: String) -> Int32? {
        if let bytes = ByteAlphabet.bytes(of: token) { return byteLevel.value(of: bytes) }
        return literal.value(of: Array(token.utf8))
    }

    /// The id of the token that stands for exactly these bytes of text.
    func id(ofBytes bytes: UnsafeBufferPointer<UInt8>) -> Int32? { byteLevel.value(of: bytes) }

    /// The token of an id, as a `tokenizer.json` writes it.
    func token(_ id: Int) -> String? {
        guard let bytes = bytes(of: id) else { return nil }
        return places[id].kind == .byteLevel
            ? ByteAlphabet.token(of: bytes) : String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes that a token stands for, which is its own UTF-8 if it isn't written in the byte alphabet.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard places.indices.contains(id), places[id].kind != .unused else { return nil }
        let start = Int(places[id].start)
        return blob[start..<(start + Int(places[id].length))]
    }
}
