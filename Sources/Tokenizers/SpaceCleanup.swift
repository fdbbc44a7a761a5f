internal import Documents
internal import JSON

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
