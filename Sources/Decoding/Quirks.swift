/// Oddities of the released decoders that change results, each with both behaviours.
///
/// The default is what upstream does, because the paper's numbers were made with it.
public struct Quirks: Sendable, Hashable {
    /// Which behaviour a decoder follows.
    public enum Behaviour: String, Sendable, Hashable, CaseIterable {
        /// As the released code does it.
        case faithful
        /// As the method is meant.
        case corrected
    }

    /// Which masks count as undecoded in the turn that fills everything after an end token.
    ///
    /// `faithful`: those from before the filling, so positions that were just set to the end token are decoded
    /// again; in the last turn such tokens remain behind the end token, and mask counts go wrong.
    /// `corrected`: those from after the filling.
    public var snapshot = Behaviour.faithful

    /// Whether NFE counts a turn that ends decoding without having made a forward (early stop, and D2F's end).
    ///
    /// `faithful`: yes, so NFE is one more than the number of forwards. `corrected`: no.
    public var idleEvaluation = Behaviour.faithful

    /// Which row predicts the first position of a forward beside the cache when logits are shifted by one.
    ///
    /// `faithful`: the first row of that forward, which predicts the position after it. `corrected`: the row of
    /// the position before, kept from the forward that computed it.
    public var boundaryRow = Behaviour.corrected

    /// Up to where a refresh fills the cache while several finished blocks wait to be cached (Dream only).
    ///
    /// `faithful`: up to the last of these blocks, though the others count as not cached; when they join the
    /// cache, it holds their keys and values twice, and everything attends to both. `corrected`: up to the first
    /// of them.
    public var duplicateKeys = Behaviour.faithful

    /// As the released code does it, in all.
    public static let faithful = Quirks(
        snapshot: .faithful, idleEvaluation: .faithful, boundaryRow: .faithful,
        duplicateKeys: .faithful)
    /// As the method is meant, in all.
    public static let corrected = Quirks(
        snapshot: .corrected, idleEvaluation: .corrected, boundaryRow: .corrected,
        duplicateKeys: .corrected)

    public init(
        snapshot: Behaviour = .faithful, idleEvaluation: Behaviour = .faithful,
        boundaryRow: Behaviour = .corrected, duplicateKeys: Behaviour = .faithful
    ) {
        self.snapshot = snapshot
        self.idleEvaluation = idleEvaluation
        self.boundaryRow = boundaryRow
        self.duplicateKeys = duplicateKeys
    }

    init(_ parameters: inout ParameterReader, defaults: Quirks) {
        snapshot = parameters.choice(
            "snapshot", default: defaults.snapshot,
            "Whether positions just filled after an end token may be decoded again (faithful) or not (corrected)."
        )
        idleEvaluation = parameters.choice(
            "idleEvaluation", default: defaults.idleEvaluation,
            "Whether NFE counts a last turn that makes no forward (faithful) or not (corrected).")
        boundaryRow = parameters.choice(
            "boundaryRow", default: defaults.boundaryRow,
            "With shifted logits: which row predicts the first position beside the cache.")
        duplicateKeys = parameters.choice(
            "duplicateKeys", default: defaults.duplicateKeys,
            "Family \"dream\", with cache: whether finished blocks may end up in the cache twice (faithful) or not (corrected)."
        )
    }
}
