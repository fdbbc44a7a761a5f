internal import Documents
internal import JSON

/// Turns tokens into text one by one, as a model gives them.
///
/// A character whose bytes are spread over several tokens comes out with the last of them, never in halves; a space that
/// may have to go, with what stands behind it. All parts
/// together are what ``Tokenizer/decode(tokenIds:skipSpecialTokens:)`` makes of all tokens together.
public struct StreamingDetokenizer: Sendable {
    private let tokenizer: any Tokenizer
    private let skipsSpecialTokens: Bool
    /// Bytes that may still become a character: at most three.
    private var pending: [UInt8] = []
    private var isFirst = true
    private var cleanup: SpaceCleanup?

    /// Begins a text.
    public init(_ tokenizer: any Tokenizer, skipSpecialTokens: Bool = false) {
        self.tokenizer = tokenizer
        skipsSpecialTokens = skipSpecialTokens
        cleanup = tokenizer.cleansUpSpaces ? SpaceCleanup() : nil
    }

    /// The text that is certain now that `id` has come; often empty.
    public mutating func append(_ id: Int) -> String {
        guard let bytes = tokenizer.decodedBytes(of: id, skipSpecialTokens: skipsSpecialTokens) else {
            return ""
        }
        if !isFirst { pending += tokenizer.tokenSeparator.utf8 }
        isFirst = false
        pending += bytes
        let certain = pending.count - Self.unfinishedCount(pending)
        let text = String(decoding: pending[..<certain], as: UTF8.self)
        pending.removeFirst(certain)
        guard let cleaned = cleanup?.append(Array(text.utf8)) else { return text }
        return String(decoding: cleaned, as: UTF8.self)
    }

    /// The rest of the text, U+FFFD for a character whose end never came; then a new text begins.
    public mutating func finish() -> String {
        defer {
            pending = []
            isFirst = true
        }
        let text = String(decoding: pending, as: UTF8.self)
        guard let last = cleanup?.append(Array(text.utf8)), let rest = cleanup?.finish() else { return text }
        return String(decoding: last + rest, as: UTF8.self)
    }

    /// How many bytes at the end are the beginning of a character that more bytes could complete.
    private static func unfinishedCount(_ bytes: [UInt8]) -> Int {
        for count in 1...3 where count <= bytes.count {
            let byte = bytes[bytes.count - count]
            if byte & 0xC0 == 0x80 { continue }
            let length =
                switch byte {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            guard count < length else { return 0 }
            // Some second bytes make the character impossible, as in surrogates; then its first byte stands alone.
            if count > 1 {
                let second = bytes[bytes.count - count + 1]
                let legal: ClosedRange<UInt8> =
                    switch byte {
                    case 0xE0: 0xA0...0xBF
                    case 0xED: 0x80...0x9F
                    case 0xF0: 0x90...0xBF
                    case 0xF4: 0x80...0x8F
                    default: 0x80...0xBF
                    }
                guard legal.contains(second) else { return 0 }
            }
            return count
        }
        return 0
    }
}

/// Takes spaces out of decoded text that stand before punctuation and before endings of English words.
///
/// What `decode` of transformers does where `clean_up_tokenization_spaces` of tokenizer_config.json is true: ten
/// replacements, one after another over the whole text. Here each of them gets the text in parts and holds back at most
/// three bytes that may still become a match, so that parts together give the same.
struct SpaceCleanup: Sendable {
    private static let rules: [(pattern: StaticString, replacement: StaticString)] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ]

    private var steps = rules.map {
        Step(
            pattern: $0.pattern.withUTF8Buffer(Array.init),
            replacement: $0.replacement.withUTF8Buffer(Array.init))
    }

    /// The bytes that are certain now that more of the text has come; whole characters for whole characters.
    mutating func append(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for index in steps.indices { bytes = steps[index].append(bytes) }
        return bytes
    }

    /// The rest of the text; then a new one begins.
    mutating func finish() -> [UInt8] {
        var bytes: [UInt8] = []
        for index in steps.indices { bytes = steps[index].append(bytes) + steps[index].finish() }
        return bytes
    }

    /// A whole text.
    static func text(_ text: String) -> String {
        var cleanup = SpaceCleanup()
        let bytes = cleanup.append(Array(text.utf8)) + cleanup.finish()
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether a tokenizer_config.json asks for it; transformers doesn't do it unless it is asked for.
    ///
    /// - Throws: `TokenizerError` for a value that is neither true nor false.
    static func isWanted(_ configuration: JSONDocument?) throws(TokenizerError) -> Bool {
        guard let configuration else { return false }
        return try TokenizerField(root: configuration)["clean_up_tokenization_spaces"]?.bool() ?? false
    }

    /// One replacement.
    private struct Step: Sendable {
        let pattern: [UInt8]
        let replacement: [UInt8]
        /// The beginning of the pattern.
        private var held: [UInt8] = []

        init(pattern: [UInt8], replacement: [UInt8]) {
            self.pattern = pattern
            self.replacement = replacement
        }

        mutating func append(_ bytes: [UInt8]) -> [UInt8] {
            var result: [UInt8] = []
            result.reserveCapacity(bytes.count + held.count)
            for byte in bytes {
                held.append(byte)
                while !pattern.starts(with: held) { result.append(held.removeFirst()) }
                guard held.count == pattern.count else { continue }
                result += replacement
                held = []
            }
            return result
        }

        mutating func finish() -> [UInt8] {
            defer { held = [] }
            return held
        }
    }
}
