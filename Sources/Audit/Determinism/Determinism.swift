internal import Base
import Files
import JSON
import Recipes
public import SystemPackage

/// How far a stage gives the same again, as it was measured on this machine.
public enum Determinism: String, Sendable {
    /// The same bytes every time, with one thread and with many.
    case bitwise
    /// The same bytes with the same number of threads.
    case bitwiseForThreads = "bitwise for given threads"
    /// Other bytes even with the same number of threads.
    case statistical
}

/// What making one stage three times gave.
public struct DeterminismReport: Sendable {
    /// One of the three times.
    public struct Run: Sendable {
        public let threads: Int
        public let seconds: Double
    }

    /// A file that wasn't the same.
    public struct Difference: Sendable, Hashable {
        /// Relative to the artifact; "metrics" and "summary" stand for what isn't in a file.
        public let file: String
        /// Whether it differed between the two runs with one thread.
        public let differsAtOnce: Bool
        /// The largest difference of two numbers in the same place; nil where there are none to compare.
        public let largest: Double?
    }

    /// The stage's full name.
    public let stage: String
    public let kind: String
    public let fingerprint: String
    public let measured: Determinism
    public let runs: [Run]
    /// How many files were compared.
    public let files: Int
    public let differences: [Difference]
    /// Whether the artifact in the store has the same files and metrics; nil when there is none.
    public let sameAsStored: Bool?
    /// Where this was written to.
    public let record: FilePath
}

/// An input that a test needs and that isn't in the store.
public struct MissingInputError: Error, Sendable, Hashable, CustomStringConvertible {
    public let description: String

    init(_ reference: ArtifactReference, of stage: Stage) {
        description =
            "The input \(reference) of stage \"\(stage.id)\" isn't in the store. Run the experiment first: d3llm run CONFIG --only \(ShellWord.quoted(reference.stage))."
    }
}
