/// Something about a notebook that people have to know, with its place.
package struct NotebookFinding: Sendable, Hashable, CustomStringConvertible {
    /// What has to be done about it.
    package enum Kind: String, Sendable, Hashable {
        /// A block doesn't show what the results say; rendering mends it.
        case stale
        /// A marker can't be understood, or what it names isn't there; its text has to be corrected.
        case marker
        /// Recorded results aren't whole, or aren't those of the run in the store.
        case results
    }

    package let kind: Kind
    /// The notebook, as its path was given.
    package let file: String
    /// The line, from 1.
    package let line: Int
    /// The column, from 1, in characters.
    package let column: Int
    /// What is wrong and what would be right, as sentences.
    package let message: String

    package var description: String { "\(file):\(line):\(column): \(kind.rawValue): \(message)" }
}

/// Why a marker can't be rendered; the notebook adds the place.
struct NotebookProblem: Error, Hashable {
    let kind: NotebookFinding.Kind
    let message: String

    static func marker(_ message: String) -> NotebookProblem {
        NotebookProblem(kind: .marker, message: message)
    }

    static func results(_ message: String) -> NotebookProblem {
        NotebookProblem(kind: .results, message: message)
    }
}
