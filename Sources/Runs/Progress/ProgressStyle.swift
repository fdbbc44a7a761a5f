internal import Base

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension ProgressReporter {
    /// How the log looks.
    package struct Style: Sendable {
        /// Whether the lines of running stages are written over.
        package var rewritesLines: Bool
        /// Whether escape sequences may colour it.
        package var isColored: Bool
        /// Whether bars may be drawn with characters beyond ASCII.
        package var isUnicode: Bool
        /// Columns and rows of the terminal now; lines are cut to the one, their number to the other.
        package var size: @Sendable () -> (columns: Int, rows: Int)

        /// A style for a terminal of a size that doesn't change.
        package init(
            rewritesLines: Bool, isColored: Bool, isUnicode: Bool = true, columns: Int = 80, rows: Int = 24
        ) {
            self.init(rewritesLines: rewritesLines, isColored: isColored, isUnicode: isUnicode) {
                (columns, rows)
            }
        }

        /// A style for a terminal whose size is asked for each time.
        package init(
            rewritesLines: Bool, isColored: Bool, isUnicode: Bool,
            size: @escaping @Sendable () -> (columns: Int, rows: Int)
        ) {
            self.rewritesLines = rewritesLines
            self.isColored = isColored
            self.isUnicode = isUnicode
            self.size = size
        }

        /// For a file.
        package static let plain = Style(rewritesLines: false, isColored: false)

        /// What fits the standard error of this process.
        ///
        /// `NO_COLOR` (no-color.org) and `TERM=dumb` are honoured; bars are drawn in ASCII where the locale isn't
        /// UTF-8.
        package static func forStandardError() -> Style {
            guard isatty(2) == 1, let terminal = variable("TERM"), terminal != "dumb" else { return .plain }
            let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
            let encoding = locale.uppercased()
            return Style(
                rewritesLines: true, isColored: variable("NO_COLOR") == nil,
                isUnicode: encoding.byteText.contains("UTF-8") || encoding.byteText.contains("UTF8"),
                size: terminalSize)
        }

        private static func terminalSize() -> (columns: Int, rows: Int) {
            var size = winsize()
            guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return (80, 24) }
            return (Int(size.ws_col), size.ws_row > 0 ? Int(size.ws_row) : 24)
        }

        /// The value of a variable that is set and not empty.
        private static func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
    }
}
