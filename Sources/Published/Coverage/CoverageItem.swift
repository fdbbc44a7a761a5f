public import SystemPackage

/// One table, figure or claim of a paper, and how far it is covered here.
public struct CoverageItem: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case table, figure, claim
    }

    /// How far an item is covered.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Computed again here from the published numbers, in full.
        case recomputed
        /// The predicate was tested on models trained here from scratch; what came of it is the verdict.
        case mini = "tested at mini scale"
        /// A configuration computes it for whoever has the weights, all or some of its cells.
        case runnable = "runnable with weights"
        /// Nothing here computes it; the reason says why.
        case outOfReach = "out of reach"
    }

    /// Where the verdict of a claim is recorded.
    public struct Record: Sendable, Hashable {
        /// A `claims.csv` of an experiment, relative to the repository.
        public let file: FilePath
        /// The claim in the words of that file.
        public let statement: String
    }

    /// A claim about published numbers, by their paths `table/row/column/metric`.
    public struct Predicate: Sendable, Hashable {
        public let left: String
        public let right: String
        /// What left is more than so many times of.
        public let factor: Double
    }

    /// Short and unique.
    public let key: String
    public let work: String
    public let kind: Kind
    /// The table's title, or the claim in words.
    public let title: String
    /// The published table, if there is one.
    public let table: String?
    /// The configuration that covers it, relative to the repository.
    public let config: String?
    public let state: State
    /// Why it isn't more than that.
    public let reason: String
    public let record: Record?
    public let predicate: Predicate?
}
