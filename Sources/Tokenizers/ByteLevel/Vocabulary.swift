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

/// GPT-2's alphabet: one printable character for each of the 256 bytes.
///
/// Vocabularies of byte-level tokenizers are written in it, for example `Ġthe` for a space and `the`. Printable
/// bytes of Latin-1 stand for themselves; the others follow from U+0100 on, in order.
enum ByteAlphabet {
    /// The scalar of each byte.
    static let scalars: [Unicode.Scalar] = {
        var next: UInt16 = 0x100
        return (UInt8.min...UInt8.max).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                defer { next += 1 }
                return Unicode.Scalar(next) ?? "\u{FFFD}"
            }
        }
    }()

    /// The byte of each scalar from 0, or -1.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
        return table
    }()

    /// The bytes that `token` stands for; nil if it holds a character that isn't of the alphabet.
    static func bytes(of token: String) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(token.utf8.count)
        for scalar in token.unicodeScalars {
            guard scalar.value < bytes.count, bytes[Int(scalar.value)] >= 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: bytes[Int(scalar.value)]))
        }
        return result
    }

    /// The token that stands for `bytes`.
    static func token(of bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes { text.unicodeScalars.append(scalars[Int(byte)]) }
        return text
    }
}

/// A read-only table from byte strings to numbers, kept in three flat arrays.
///
/// A dictionary of arrays would take one allocation per token: 150,000 for Qwen2.
struct ByteStringTable: Sendable {
    private var blob: [UInt8] = []
    /// Where each entry begins in `blob`, and where the last one ends.
    private var starts: [UInt32] = [0]
    private var values: [Int32] = []
    /// Open addressing: an entry's index plus one, or 0.
    private var slots: [UInt32]
    private let mask: Int

    /// Room for `capacity` entries; more don't fit.
    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [UInt32](repeating: 0, count: size)
        mask = size - 1
    }

    /// The number of entries.
    var count: Int { values.count }

    /// Adds an entry; the value that was there stays, and is returned.
    mutating func insert(_ key: [UInt8], _ value: Int32) -> Int32? {
        let slot = key.withUnsafeBufferPointer { find($0) }
        if slots[slot] != 0 { return values[Int(slots[slot]) - 1] }
        // Who fills a table counts first what goes into it.
        precondition(2 * values.count < slots.count, "a table holds what it was made for")
        blob += key
        starts.append(UInt32(blob.count))
        values.append(value)
        slots[slot] = UInt32(values.count)
        return nil
    }

    /// The value of exactly these bytes.
    func value(of key: UnsafeBufferPointer<UInt8>) -> Int32? {
        let entry = slots[find(key)]
        return entry == 0 ? nil : values[Int(entry) - 1]
    }

    /// The value of exactly these bytes.
    func value(of key: [UInt8]) -> Int32? { key.withUnsafeBufferPointer { value(of: $0) } }

    /// The slot of `key`, or the empty one where it would go.
    private func find(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: key.quickHash) & mask
        while slots[slot] != 0 {
            let entry = Int(slots[slot]) - 1
            let range = Int(starts[entry])..<Int(starts[entry + 1])
            if range.count == key.count,
                blob.withUnsafeBufferPointer({ $0[range].elementsEqual(key) })
            {
                break
            }
            slot = (slot + 1) & mask
        }
        return slot
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// A hash of the bytes for tables in memory: fast, and another one in each process, so that nobody can choose keys that
    /// collide.
    var quickHash: UInt64 {
        let secrets = HashSecrets.own
        var hash = secrets.start ^ UInt64(truncatingIfNeeded: count)
        let raw = UnsafeRawBufferPointer(self)
        var offset = 0
        while offset + 8 <= count {
            hash = secrets.folded(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < count {
            rest = rest << 8 | UInt64(self[offset])
            offset += 1
        }
        return secrets.folded(secrets.folded(hash ^ rest))
    }
}

/// Random numbers of this process that decide where tables keep their keys, and nothing else.
///
/// A product with a secret factor whose halves are folded together: unlike a product modulo 2⁶⁴, no difference of two keys
/// comes out the same for every factor.
struct HashSecrets: Sendable {
    static let own = HashSecrets()

    let start = UInt64.random(in: 0 ... .max)
    /// Odd, with bits in both halves.
    private let factor = UInt64.random(in: 0 ... .max) | 0x8000_0001_0000_0001

    func folded(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: factor)
        return product.high ^ product.low
    }
}
