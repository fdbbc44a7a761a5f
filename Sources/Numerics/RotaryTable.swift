/// Cosines and sines of the rotary position embedding, one row per position (P × K/2).
///
/// Computed in 32-bit floats in the order in which the upstream models do (frequency, then angle, then cosine),
/// so that far positions agree with them to the last bits.
public struct RotaryTable: Sendable {
    public let cosine: Matrix
    public let sine: Matrix

    /// - Parameters:
    ///   - positions: number of positions.
    ///   - headWidth: K; even.
    ///   - theta: base of the frequencies.
    ///   - scaling: how the frequencies differ from those of the base.
    public init(positions: Int, headWidth: Int, theta: Double, scaling: RotaryScaling = .unscaled) {
        precondition(headWidth % 2 == 0, "rotary embedding needs an even head width, not \(headWidth)")
        let half = headWidth / 2
        let cosine = MutableMatrix(zeros: positions, half)
        let sine = MutableMatrix(zeros: positions, half)
        for i in 0..<half {
            let frequency = scaling.scaled(
                1 / Elementary.pow(Float(theta), Float(2 * i) / Float(headWidth)))
            for p in 0..<positions {
                let angle = Float(p) * frequency
                cosine[p, i] = Elementary.cos(angle)
                sine[p, i] = Elementary.sin(angle)
            }
        }
        self.cosine = cosine.view
        self.sine = sine.view
    }
}
