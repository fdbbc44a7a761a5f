/// GSM8K's comparison of an extracted answer with the reference solution (lm-evaluation-harness, `exact_match`).
package enum ExactMatch {
    /// The regular expressions whose matches are removed from both sides, in this order.
    package static let ignored = [",", #"\$"#, "(?s).*#### ", #"\.$"#]

    /// Whether both are the same once case and all that ``ignored`` matches is gone.
    ///
    /// - Parameters:
    ///   - prediction: what an ``AnswerPattern`` extracted.
    ///   - target: the whole solution of the data set, which ends in `#### <number>`.
    package static func matches(_ prediction: String, _ target: String) -> Bool {
        normalize(prediction) == normalize(target)
    }

    private static func normalize(_ text: String) -> CodePoints {
        var text = inArray(CodePoints(text).removing(","))
        text = inArray(text.removing("$"))
        let hashes: CodePoints = "#### "
        if let last = text.lastIndex(of: hashes) { text = text.suffix(from: last + hashes.count) }
        text = inArray(text)
        // The end of the text is also before a line feed that ends it.
        let end = text.scalars.last == "\n" ? text.count - 1 : text.count
        if end > 0, text[end - 1] == "." { text.scalars.remove(at: end - 1) }
        text = inArray(text)
        // The array's elements keep their width: a letter whose lower case is longer loses the rest.
        return inArray(CodePoints(text.lowercased().scalars.prefix(text.count)))
    }

    /// The text after a stay in a NumPy array, whose strings end before their last zeros.
    private static func inArray(_ text: CodePoints) -> CodePoints {
        guard let last = text.scalars.lastIndex(where: { $0.value != 0 }) else { return "" }
        return text[0..<(last + 1)]
    }
}
