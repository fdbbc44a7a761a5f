internal import CUTF8Proc

/// How many columns text takes on a terminal.
enum DisplayWidth {
    /// Columns of one character as people see it: 0, 1 or 2.
    static func of(_ character: Character) -> Int {
        let scalars = character.unicodeScalars
        // A variation selector or a joiner makes an emoji of what is narrow alone.
        if scalars.count > 1, scalars.contains(where: { $0.value == 0xFE0F || $0.value == 0x200D }) {
            return 2
        }
        return min(2, scalars.map { Int(utf8proc_charwidth(Int32(bitPattern: $0.value))) }.max() ?? 0)
    }

    /// Columns of a text without control characters.
    static func of(_ text: some StringProtocol) -> Int { text.reduce(0) { $0 + of($1) } }

    /// The beginning of a text that fits; where something is cut, it ends in an ellipsis.
    static func fitted(_ text: String, _ columns: Int, ellipsis: String = "…") -> String {
        guard of(text) > columns else { return text }
        var result = ""
        var width = of(ellipsis)
        // by Character: columns of what a reader sees
        for character in text {
            width += of(character)
            if width > columns { break }
            result.append(character)
        }
        return columns > 0 ? result + ellipsis : ""
    }
}

/// Makes text safe for a terminal: a model may write anything, escape sequences among it.
enum Printable {
    /// The character itself, or a picture of a control character.
    ///
    /// - Parameter isUnicode: whether the terminal shows more than ASCII.
    static func character(_ character: Character, isUnicode: Bool) -> Character {
        guard let scalar = character.unicodeScalars.first else { return character }
        let isControl = character.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            // Format characters can turn the direction of a line around; those that join letters have to stay.
            case .control, .lineSeparator, .paragraphSeparator: true
            case .format: scalar.value != 0x200D && scalar.value != 0x200C
            default: false
            }
        }
        if isControl {
            guard isUnicode else { return "?" }
            let picture = scalar.value < 0x20 ? Unicode.Scalar(0x2400 + scalar.value) : nil
            return picture.map { Character($0) } ?? "\u{FFFD}"
        }
        return isUnicode || character.isASCII ? character : "?"
    }

    /// A text on one line.
    static func line(_ text: String, isUnicode: Bool) -> String {
        String(
            // by Character: columns of what a reader sees
            text.map { $0 == "\n" || $0 == "\t" || $0 == "\r\n" ? " " : character($0, isUnicode: isUnicode) })
    }
}
