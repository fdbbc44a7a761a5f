internal import Base

/// Patterns of paths as huggingface_hub's `allow_patterns`: `*` stands for anything, slashes included, `?` for one
/// character.
enum Wildcard {
    static func matches(_ path: String, _ pattern: String) -> Bool {
        let (text, pattern) = (
            Array(path.unicodeScalars),
            Array((pattern.byteText.hasSuffix("/") ? pattern + "*" : pattern).unicodeScalars)
        )
        var (t, p) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while t < text.count {
            if p < pattern.count, pattern[p] == "*" {
                star = (p, t)
                p += 1
            } else if p < pattern.count, pattern[p] == "?" || pattern[p] == text[t] {
                (t, p) = (t + 1, p + 1)
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                (t, p) = (last.text + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[p...].allSatisfy { $0 == "*" }
    }
}
