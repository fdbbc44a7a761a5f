internal import Numerics

/// Scratch memory of one worker for forward passes, and how many threads each of them may use.
///
/// Not thread-safe: one per worker.
public final class Workspace {
    let arena = Arena()
    private var rotary: (table: RotaryTable, headWidth: Int, theta: Double, scaling: RotaryScaling)?

    /// Threads inside a forward; results don't depend on them.
    public let threads: Int

    /// - Parameter threads: more than one pays for large models only, and where nothing else keeps the cores busy.
    public init(threads: Int = 1) { self.threads = max(1, threads) }

    /// The rotary table for positions below `positions`, kept from pass to pass.
    func rotaryTable(_ configuration: TransformerConfiguration, positions: Int) -> RotaryTable {
        let (headWidth, theta) = (configuration.headWidth, configuration.ropeTheta)
        let scaling = configuration.ropeScaling
        // A workspace may serve several models, one after another.
        if let rotary, rotary.headWidth == headWidth, rotary.theta == theta, rotary.scaling == scaling,
            rotary.table.cosine.rows >= positions
        {
            return rotary.table
        }
        let table = RotaryTable(
            positions: max(positions, 128), headWidth: headWidth, theta: theta, scaling: scaling)
        rotary = (table, headWidth, theta, scaling)
        return table
    }

    /// Bytes of scratch memory held.
    public var bytes: Int { arena.bytes }
}
