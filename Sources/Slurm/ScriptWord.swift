/// Words of job scripts.
enum ScriptWord {
    /// Whether a text can stand in a line `#SBATCH`, whose quoting differs from the shell's.
    static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy {
                $0.value > 0x20 && $0.value != 0x7F && !"\"'\\#`$".unicodeScalars.contains($0)
            }
    }
}
