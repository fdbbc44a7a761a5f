package import SystemPackage

/// One table, figure or claim of a paper, and how far it is covered here.
package struct CoverageItem: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case table, figure, claim
    }

    /// How far an item is covered.
    package enum State: String, Sendable, Hashable, CaseIterable {
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
    package struct Record: Sendable, Hashable {
        /// A `claims.csv` of an experiment, relative to the repository.
        package let file: FilePath
        /// The claim in the words of that file.
        package let statement: String
    }

    /// A claim about published numbers, by their paths `table/row/column/metric`.
    package struct Predicate: Sendable, Hashable {
        package let left: String
        package let right: String
        /// What left is more than so many times of.
        package let factor: Double
    }

    /// Short and unique.
    package let key: String
    package let work: String
    package let kind: Kind
    /// The table's title, or the claim in words.
    package let title: String
    /// The published table, if there is one.
    package let table: String?
    /// The configuration that covers it, relative to the repository.
    package let config: String?
    package let state: State
    /// Why it isn't more than that.
    package let reason: String
    package let record: Record?
    package let predicate: Predicate?
}
