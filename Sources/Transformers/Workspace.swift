internal import Numerics

/// Scratch memory of one worker for forward passes.
///
/// Not thread-safe: one per worker.
public final class Workspace {
    let arena = Arena()
    private var rotary: (table: RotaryTable, headWidth: Int, theta: Double)?

    public init() {}

    /// The rotary table for positions below `positions`, kept from pass to pass.
    func rotaryTable(_ configuration: TransformerConfiguration, positions: Int) -> RotaryTable {
        let (headWidth, theta) = (configuration.headWidth, configuration.ropeTheta)
        // A workspace may serve several models, one after another.
        if let rotary, rotary.headWidth == headWidth, rotary.theta == theta,
            rotary.table.cosine.rows >= positions
        {
            return rotary.table
        }
        let table = RotaryTable(positions: max(positions, 128), headWidth: headWidth, theta: theta)
        rotary = (table, headWidth, theta)
        return table
    }

    /// Bytes of scratch memory held.
    public var bytes: Int { arena.bytes }
}
