internal import Base
import Files
import JSON
import Recipes
package import SystemPackage

/// How far a stage gives the same again, as it was measured on this machine.
package enum Determinism: String, Sendable {
    /// The same bytes every time, with one thread and with many.
    case bitwise
    /// The same bytes with the same number of threads.
    case bitwiseForThreads = "bitwise for given threads"
    /// Other bytes even with the same number of threads.
    case statistical
}

/// What making one stage three times gave.
package struct DeterminismReport: Sendable {
    /// One of the three times.
    package struct Run: Sendable {
        package let threads: Int
        package let seconds: Double
    }

    /// A file that wasn't the same.
    package struct Difference: Sendable, Hashable {
        /// Relative to the artifact; "metrics" and "summary" stand for what isn't in a file.
        package let file: String
        /// Whether it differed between the two runs with one thread.
        package let differsAtOnce: Bool
        /// The largest difference of two numbers in the same place; nil where there are none to compare.
        package let largest: Double?
    }

    /// The stage's full name.
    package let stage: String
    package let kind: String
    package let fingerprint: String
    package let measured: Determinism
    package let runs: [Run]
    /// How many files were compared.
    package let files: Int
    package let differences: [Difference]
    /// Whether the artifact in the store has the same files and metrics; nil when there is none.
    package let sameAsStored: Bool?
    /// Where this was written to.
    package let record: FilePath
}

/// An input that a test needs and that isn't in the store.
package struct MissingInputError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ reference: ArtifactReference, of stage: Stage) {
        description =
            "The input \(reference) of stage \"\(stage.id)\" isn't in the store. Run the experiment first: d3llm run CONFIG --only \(ShellWord.quoted(reference.stage))."
    }
}
