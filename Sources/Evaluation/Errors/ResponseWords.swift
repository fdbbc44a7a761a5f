internal import Base

/// A response in words, as this project's tokenizer joins them: one word a token, up to the first end token.
package struct ResponseWords: Sendable {
    /// The words before the end token.
    package let words: [String]
    /// Whether an end token follows them.
    package let hasEnd: Bool
    /// For each word, and the end token if there is one, the forward that decided it, from 0.
    ///
    /// −1 for none; nil where that isn't known.
    package let decided: [Int]?

    /// - Parameter decided: Must have a number for each word, the end token included; otherwise it is dropped.
    package init(_ text: String, decided: [Int]? = nil, endOfText: String = Grader().endOfText) {
        let cut = text.byteText.cut(at: endOfText.byteText)
        words = (cut?.before ?? text.byteText).words.map(\.text)
        hasEnd = cut != nil
        self.decided = decided?.count == words.count + (hasEnd ? 1 : 0) ? decided : nil
    }

    /// A character of the response, and the word it is in.
    struct Byte {
        let byte: UInt8
        let word: Int
    }

    /// All characters but white space.
    var bytes: [Byte] {
        words.enumerated().flatMap { word, text in
            text.utf8.map { Byte(byte: $0, word: word) }
        }
    }

    /// Whether one forward decided at least two of these words.
    func wereDecidedTogether(_ places: some Sequence<Int>) -> Bool {
        guard let decided else { return false }
        let forwards = Set(places).map { decided[$0] }.filter { $0 >= 0 }
        return Set(forwards).count < forwards.count
    }
}
