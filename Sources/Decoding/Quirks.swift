internal import Documents

/// Oddities of the released decoders that change results, and differences to the paper, each with both behaviours.
///
/// The default is what upstream does, because the paper's numbers were made with it. Places are those of d3LLM at
/// e5bfcac: `llada` is `d3llm_LLaDA/d3llm_llada_generate_util.py`, `dream` is
/// `d3llm_DREAM/d3llm_dream_generate_util.py`.
package struct Quirks: Sendable, Hashable {
    /// Which behaviour a decoder follows.
    package enum Behaviour: String, Sendable, Hashable, CaseIterable {
        /// As the released code does it.
        case faithful
        /// As the method is meant.
        case corrected
    }

    /// Which of two descriptions a decoder follows.
    package enum Reading: String, Sendable, Hashable, CaseIterable {
        /// As the released code does it.
        case faithful
        /// As the paper words it.
        case paper
    }

    /// Which masks count as undecoded in the turn that fills everything after an end token.
    ///
    /// `faithful`: those from before the filling, so positions that were just set to the end token are decoded
    /// again; in the last turn such tokens remain behind the end token, and mask counts go wrong (`llada` 242, 343).
    /// `corrected`: those from after the filling.
    package var snapshot = Behaviour.faithful

    /// Whether NFE counts a turn that ends decoding without having made a forward (early stop, and D2F's end).
    ///
    /// `faithful`: yes, so NFE is one more than the number of forwards and TPF lower (`llada` 248-270; D2F's
    /// `_generate_block_single`). `corrected`: no.
    package var idleEvaluation = Behaviour.faithful

    /// Which row predicts the first position of a forward beside the cache when logits are shifted by one.
    ///
    /// `faithful`: the first row of that forward, which predicts the position after it (`dream`, cached version).
    /// `corrected`: the row of the position before, kept from the forward that computed it.
    package var boundaryRow = Behaviour.faithful

    /// Up to where a refresh fills the cache while several finished blocks wait to be cached (Dream only).
    ///
    /// `faithful`: up to the last of these blocks, though the others count as not cached; when they join the
    /// cache, it holds their keys and values twice, and everything attends to both (`dream`, cached version).
    /// `corrected`: up to the first of them.
    package var duplicateKeys = Behaviour.faithful

    /// Whether the surest prediction of all blocks is accepted whatever its entropy (LLaDA only).
    ///
    /// `faithful`: yes, so each forward decodes one token above the threshold at least, perhaps in a block that is
    /// merely activated, and the first fully activated block another one (`llada` 877-881): more tokens per forward,
    /// some of them unsure. `paper`: no; an activated block decodes only what passes the threshold. Dream's code reads
    /// as the paper.
    package var globalBest = Reading.faithful

    /// Whether an entropy that equals the threshold passes (LLaDA only).
    ///
    /// `faithful`: yes (`llada`: rejects what is greater). `paper`: no; tokens under the threshold pass. It matters
    /// for a threshold of 0, which lets predictions through whose entropy rounds to 0. Dream's code reads as the
    /// paper (`dream` 951).
    package var thresholdTies = Reading.faithful

    /// Which fully activated blocks decode a token in every forward, whatever its entropy.
    ///
    /// `faithful`: the first that has masks (`llada` 357-379 and 702-722, `dream` 954-970). `paper`: each of them, which
    /// gives more tokens per forward when several are fully activated.
    package var forcedProgress = Reading.faithful

    /// As the released code does it, in all.
    package static let faithful = Quirks()
    /// As the method is meant, in all.
    package static let corrected = Quirks(
        snapshot: .corrected, idleEvaluation: .corrected, boundaryRow: .corrected,
        duplicateKeys: .corrected, globalBest: .paper, thresholdTies: .paper, forcedProgress: .paper)

    package init(
        snapshot: Behaviour = .faithful, idleEvaluation: Behaviour = .faithful,
        boundaryRow: Behaviour = .faithful, duplicateKeys: Behaviour = .faithful,
        globalBest: Reading = .faithful, thresholdTies: Reading = .faithful,
        forcedProgress: Reading = .faithful
    ) {
        self.snapshot = snapshot
        self.idleEvaluation = idleEvaluation
        self.boundaryRow = boundaryRow
        self.duplicateKeys = duplicateKeys
        self.globalBest = globalBest
        self.thresholdTies = thresholdTies
        self.forcedProgress = forcedProgress
    }
}

extension Quirks {
    init(_ fields: Fields, defaults: Quirks) {
        self = defaults
        snapshot = fields.option(
            "snapshot", default: defaults.snapshot,
            "Whether positions just filled after an end token may be decoded again (faithful) or not (corrected)."
        )
        idleEvaluation = fields.option(
            "idleEvaluation", default: defaults.idleEvaluation,
            "Whether NFE counts a last turn that makes no forward (faithful) or not (corrected).")
        boundaryRow = fields.option(
            "boundaryRow", default: defaults.boundaryRow,
            "With shifted logits: which row predicts the first position beside the cache.")
        duplicateKeys = fields.option(
            "duplicateKeys", default: defaults.duplicateKeys,
            "Family \"dream\", with cache: whether finished blocks may end up in the cache twice (faithful) or not (corrected)."
        )
        globalBest = fields.option(
            "globalBest", default: defaults.globalBest,
            "Family \"llada\": whether the surest prediction of all blocks is accepted above the threshold too (faithful) or not (paper)."
        )
        thresholdTies = fields.option(
            "thresholdTies", default: defaults.thresholdTies,
            "Family \"llada\": whether an entropy that equals the threshold passes (faithful) or not (paper)."
        )
        forcedProgress = fields.option(
            "forcedProgress", default: defaults.forcedProgress,
            "Whether only the first fully activated block with masks decodes at least one token per forward (faithful) or each (paper)."
        )
    }
}
