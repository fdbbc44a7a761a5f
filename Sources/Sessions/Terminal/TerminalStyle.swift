internal import Base
internal import CUTF8Proc

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What a terminal can show.
package struct TerminalStyle: Sendable, Hashable {
    /// Whether escape sequences may colour text.
    package var isColored: Bool
    /// Whether characters beyond ASCII are shown.
    package var isUnicode: Bool

    /// A style with these properties.
    package init(isColored: Bool, isUnicode: Bool) {
        self.isColored = isColored
        self.isUnicode = isUnicode
    }

    /// What standard output can show; nil where it is no terminal that can be written over.
    ///
    /// `NO_COLOR` (no-color.org) and `TERM=dumb` are honoured; where the locale isn't UTF-8 there is only ASCII.
    package static func ofStandardOutput() -> TerminalStyle? {
        guard isatty(1) == 1, let terminal = variable("TERM"), terminal != "dumb" else { return nil }
        let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
        let encoding = locale.uppercased()
        return TerminalStyle(
            isColored: variable("NO_COLOR") == nil,
            isUnicode: encoding.byteText.contains("UTF-8") || encoding.byteText.contains("UTF8"))
    }

    /// Columns and rows of the terminal at standard output, now.
    static func size() -> (columns: Int, rows: Int) {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
        return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
    }

    /// The value of a variable that is set and not empty.
    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The text in a colour or another rendition, where there are any.
    func styled(_ text: String, _ codes: String) -> String {
        isColored && !codes.isEmpty && !text.isEmpty ? "\u{1B}[\(codes)m\(text)\u{1B}[0m" : text
    }
}

/// From sure to unsure: what colour an entropy has.
enum EntropyScale {
    /// Upper limits in nats of the steps but the last.
    static let limits = [0.01, 0.1, 0.3, 0.7]
    /// Colours of the 256-colour palette, from green to red; told apart by brightness too.
    static let colors = [35, 113, 220, 208, 197]

    /// The step of an entropy, from 0; what isn't a number is unsure.
    static func step(_ entropy: Double) -> Int {
        limits.firstIndex { entropy < $0 } ?? limits.count
    }
}

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
