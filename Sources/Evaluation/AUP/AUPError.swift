/// Why a curve has no area.
package enum AUPError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The two lists don't have the same length.
    case lengthMismatch(tpf: Int, accuracy: Int)
    /// The curve has no point.
    case empty
    /// A point's tokens per forward is zero, negative or not a number.
    case nonPositiveTPF(Double)
    /// An accuracy, speed, alpha or offset is infinite or not a number.
    case notFinite
    /// The best accuracy isn't a positive number.
    case illegalBest(Double)
    /// The fastest point loses more accuracy than the offset allows.
    case accuracyFallsTooFar(first: Double, last: Double, offset: Double)

    package var description: String {
        switch self {
        case .lengthMismatch(let tpf, let accuracy):
            "A curve needs one accuracy per speed, but there are \(tpf) speeds and \(accuracy) accuracies."
        case .empty:
            "A curve needs at least one point, but there is none."
        case .nonPositiveTPF(let tpf):
            "A point has \(tpf) tokens per forward: every point must have a positive one."
        case .notFinite:
            "A point, alpha or the offset is infinite or not a number: all must be finite."
        case .illegalBest(let best):
            "The best accuracy of the task is given as \(best): it must be a positive number."
        case .accuracyFallsTooFar(let first, let last, let offset):
            "The accuracy falls from \(first) at the slowest to \(last) at the fastest point, which is more than "
                + "the offset \(offset): leave out faster settings, or use the mode `paper`, which drops such points."
        }
    }
}
