/// Words of a command that a POSIX shell will read.
public enum ShellWord {
    /// The text as one word that a shell takes for itself, whatever bytes it has; plain where nothing needs a quote.
    ///
    /// A NUL can't stand in any word: it becomes U+FFFD.
    public static func quoted(_ text: some StringProtocol) -> String {
        // Some shells expand these where they come first.
        let isExpanded = text.utf8.first == UInt8(ascii: "~") || text.utf8.first == UInt8(ascii: "=")
        if !text.utf8.isEmpty, !isExpanded, text.utf8.allSatisfy(isPlain) { return String(text) }
        let safe = ByteText(text).replacing("\0", with: "\u{FFFD}").replacing("'", with: "'\\''")
        return "'\(safe)'"
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: plainSigns.contains(byte)
        }
    }

    private static let plainSigns = Array("_-./:=@%+,~".utf8)
}
