/// Words of shell scripts.
enum ScriptWord {
    /// A text as one word for the shell: in single quotes unless it consists of harmless characters.
    static func quoted(_ text: String) -> String {
        let harmless = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%")
        if !text.isEmpty, text.allSatisfy(harmless.contains) { return text }
        return "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#)
            + "'"
    }

    /// Whether a text can stand in a line `#SBATCH`, whose quoting differs from the shell's.
    static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !"\"'\\#`$".unicodeScalars.contains($0)
            }
    }
}
