internal import Numerics

/// Scratch memory of one worker for forward passes.
///
/// Not thread-safe: one per worker.
public final class Workspace {
    let arena = Arena()
    private var rotary: RotaryTable?

    public init() {}

    /// The rotary table for positions below `positions`, kept from pass to pass.
    func rotaryTable(_ configuration: TransformerConfiguration, positions: Int) -> RotaryTable {
        if let rotary, rotary.cosine.rows >= positions { return rotary }
        let table = RotaryTable(
            positions: max(positions, 128), headWidth: configuration.headWidth, theta: configuration.ropeTheta
        )
        rotary = table
        return table
    }

    /// Bytes of scratch memory held.
    public var bytes: Int { arena.bytes }
}
