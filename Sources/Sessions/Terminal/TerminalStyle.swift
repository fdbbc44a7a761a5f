internal import Base

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
