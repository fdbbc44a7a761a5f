extension StringProtocol {
    /// The same with what a terminal or a reader's eye would be led astray by made visible, for text that comes from
    /// somebody else: a file, a server, an imported result.
    ///
    /// Control characters (escape sequences, carriage returns, C1), marks that turn the direction of writing,
    /// invisible format characters and line separators become `\u{…}`, line feeds and tabs `\n` and `\t`: what is shown
    /// stays on its line and can't move the cursor, hide, or pose as the program's own words.
    public var visible: String {
        guard unicodeScalars.contains(where: \.isInvisible) else { return String(self) }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": shown.append(contentsOf: "\\n".unicodeScalars)
            case "\t": shown.append(contentsOf: "\\t".unicodeScalars)
            case "\r": shown.append(contentsOf: "\\r".unicodeScalars)
            case _ where scalar.isInvisible:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                shown.append(contentsOf: "\\u{\(digits)}".unicodeScalars)
            default: shown.append(scalar)
            }
        }
        return String(shown)
    }

    /// As ``visible`` for text of several lines or with columns: line feeds and tabs stay.
    public var visibleLines: String {
        ByteText(self).split("\n", keepingEmpty: true).map { line in
            line.split("\t", keepingEmpty: true).map(\.text.visible).joined(separator: "\t")
        }.joined(separator: "\n")
    }
}

extension Unicode.Scalar {
    /// Whether a terminal acts on it, or nobody sees it.
    public var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        // Joiners belong to scripts and to emoji; they move nothing.
        case .format: value != 0x200C && value != 0x200D
        default: false
        }
    }
}

extension String {
    /// The beginning of a text that somebody else wrote, for a message that quotes it.
    ///
    /// - Parameter bytes: About how many bytes of UTF-8 it may have.
    package func shortened(to bytes: Int = 80) -> String {
        guard utf8.count > bytes else { return self }
        return String(decoding: utf8.prefix(bytes), as: UTF8.self).unicodeScalars.filter { $0 != "\u{FFFD}" }
            .reduce(into: "") { $0.unicodeScalars.append($1) } + "…"
    }
}

extension String {
    /// A phrase at the start of a sentence.
    package var capitalizedFirst: String {
        guard let first else { return self }
        return first.uppercased() + dropFirst()
    }

    /// A sentence inside another: "no space left on device".
    package var lowercasedFirst: String {
        guard let first else { return self }
        return first.lowercased() + dropFirst()
    }
}

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

/// Suggestions for names that nobody knows.
package enum NearestName {
    /// A sentence that names the candidate most like `name`, or lists them all when none is alike.
    package static func hint(for name: String, among candidates: [String], what: String) -> String? {
        if let best = nearest(to: name, among: candidates) { return "Did you mean \"\(best)\"?" }
        guard !candidates.isEmpty, candidates.count <= 40 else { return nil }
        return "\(what): \(candidates.joined(separator: ", "))."
    }

    /// The candidate with the smallest edit distance, if that is small enough to be a slip.
    package static func nearest(to name: String, among candidates: [String]) -> String? {
        // A person types no more; from elsewhere a name may be as long as it wants.
        guard name.utf8.count <= 200 else { return nil }
        let folded = fold(name)
        var best: (name: String, edits: Int)?
        for candidate in candidates.prefix(2000) where candidate.utf8.count <= 200 {
            let other = fold(candidate)
            // Each character more is an edit.
            let least = abs(folded.count - other.count)
            guard least < best?.edits ?? .max else { continue }
            let edits = distance(folded, other)
            if edits < best?.edits ?? .max { best = (candidate, edits) }
        }
        guard let best else { return nil }
        return best.edits <= max(1, min(name.count, best.name.count) / 3) ? best.name : nil
    }

    /// `block_length`, `blockLength` and `BlockLength` are the same name to a person who mistypes it.
    private static func fold(_ name: String) -> [Character] {
        // by Character: what a person typed
        Array(name.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// Edits that turn `a` into `b`: insert, remove, replace, or swap of two neighbours.
    package static func distance(_ a: [Character], _ b: [Character]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    best = min(best, beforeLast[j - 1] + 1)
                }
                row.append(best)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}

/// What an error means for whoever started the program: which of its exit codes it ends with.
public enum FailureKind: Sendable, Hashable, CaseIterable {
    /// Work failed: a stage, a check, a comparison, a server.
    case work
    /// What was asked for is wrong or isn't there: a configuration, an option, a name.
    case request
    /// A file or a store can't be read or written, or is damaged.
    case inputOutput
    /// The command line doesn't give a permission that is needed.
    case permission
    /// A library or the isolation of programs is missing on this machine.
    case unavailable
    /// Stopped on purpose, at a point from which it can go on.
    case interruption
}

/// An error that says what it means for the program; one that doesn't is a failure of ``FailureKind/work``.
///
/// Its description is a full sentence: what is wrong, where, and what would be right.
public protocol Failure: Error, CustomStringConvertible {
    /// What it means for the program.
    var failureKind: FailureKind { get }
    /// Whether its description has lines of its own, in which the text of others keeps to its line.
    var hasOwnLines: Bool { get }
}

extension Failure {
    /// One sentence or several on one line.
    public var hasOwnLines: Bool { false }
}

extension Error {
    /// The description for people: on one line, whatever line feeds the text of others has that it quotes, unless the error
    /// has lines of its own.
    public var told: String {
        let text = "\(self)"
        return (self as? any Failure)?.hasOwnLines == true ? text : text.visible
    }
}
