/// One kind of recorded cases: knows its files and how to repeat them.
///
/// To add a kind, write a type in `Kinds/` and name it in ``ParityRunner/kinds``.
package protocol ParityKind: Sendable {
    /// Family and subject, for example `llada/decode`.
    var name: String { get }
    /// The file whose presence says that there are cases of this kind.
    var file: String { get }
    /// Repeats every case in `folder` and notes which agree.
    ///
    /// - Throws: whatever keeps the kind from being run at all; it counts as a failure.
    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws
}

/// What became of the cases of one kind.
package struct ParityTally: Sendable, Hashable {
    /// Number of cases that agree.
    public private(set) var passed = 0
    /// What is different in each case that doesn't.
    public private(set) var failures: [String] = []
    /// The cases among those that agree only once a near-tie is decided otherwise.
    public private(set) var nearTies: [String] = []
    /// Why the cases weren't run, if they weren't.
    public private(set) var skipped: String?

    package init() {}

    /// Notes one case; `divergence` is nil if it agrees, else where it first doesn't.
    package mutating func record(_ divergence: String?) {
        if let divergence { failures.append(divergence) } else { passed += 1 }
    }

    /// Notes a case that agrees once candidates within ``NearTies/width`` of each other swap.
    mutating func recordNearTie(_ id: String) {
        passed += 1
        nearTies.append(id)
    }

    /// Says that the cases aren't run.
    package mutating func skip(_ reason: String) { skipped = reason }

    /// `185 passed, 0 failed`, or why there is nothing to count.
    package var summary: String {
        skipped.map { "skipped, \($0)" } ?? "\(passed) passed, \(failures.count) failed"
    }
}
