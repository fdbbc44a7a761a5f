internal import Base

/// Text of others in Markdown.
enum Markdown {
    /// Text that can't start emphasis, code, a link, a cell or a tag, on one line.
    static func text(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        // As scalars: a sign beside a combining mark means the same.
        for scalar in text.visible.unicodeScalars {
            if "\\|*_`<[]".unicodeScalars.contains(scalar) { result.append("\\") }
            result.append(scalar)
        }
        return String(result)
    }

    /// A code span, with a fence that is longer than any run of backticks in the text.
    static func code(_ text: String) -> String {
        let text = text.visible
        var (run, longest) = (0, 0)
        for byte in text.utf8 {
            run = byte == UInt8(ascii: "`") ? run + 1 : 0
            longest = max(longest, run)
        }
        let fence = String(repeating: "`", count: longest + 1)
        // A space at each end is taken off again: a backtick there isn't taken for the fence.
        return longest == 0 ? "`\(text)`" : "\(fence) \(text) \(fence)"
    }
}
