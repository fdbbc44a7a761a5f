internal import ArtifactStore
internal import Audit
internal import Transformers

/// Whether a machine can train all weights of a model.
enum TrainingMemory {
    /// Bytes of each parameter that every training has: the weight, its gradient and a momentum, in 32-bit floats.
    private static let bytes = 12

    /// Refuses a model that can't fit, before memory is asked for that isn't there.
    ///
    /// `plan` says what a training takes in all.
    /// - Throws: ``DataError``.
    static func check(_ configuration: TransformerConfiguration) throws(DataError) {
        let needed = bytes * configuration.parameterCount
        guard needed > Machine.current.memory else { return }
        func gigabytes(_ bytes: Int) -> String { "\(max(1, bytes / 1_000_000_000)) GB" }
        throw DataError(
            description:
                "to train all of its \(configuration.parameterCount) parameters takes at least \(gigabytes(needed)) of memory, and this machine has \(gigabytes(Machine.current.memory)). Train a smaller model, or an adapter (\"adapter\" of distill)."
        )
    }
}
