import Numerics
import Training
import Transformers

/// Models and draws for the tests of training.
enum Tiny {
    static let mask: Int32 = 15

    /// One layer by default, width 16, V 16; the last token is the mask.
    static func configuration(layers: Int = 1, tied: Bool = false, shift: Bool = false)
        -> TransformerConfiguration
    {
        var c = TransformerConfiguration(
            layers: layers, width: 16, heads: 2, feedForwardWidth: 24, vocabulary: 16)
        c.tiedHead = tied
        c.logitShift = shift
        c.maskToken = mask
        c.endToken = 0
        return c
    }

    static func parameters(_ c: TransformerConfiguration, seed: UInt64 = 1) -> FlatParameters {
        Initialization(embedding: 1, matrices: 0.2).parameters(c, seed: seed)
    }

    /// Tokens that are neither the end nor the mask.
    static func tokens(_ count: Int, seed: UInt64) -> [Int32] {
        var stream = RandomStream(seed: seed, purpose: "tokens")
        return (0..<count).map { _ in Int32(stream.nextInt(in: 1..<15)) }
    }

    static func bits(_ flat: FlatParameters) -> [UInt32] {
        (0..<flat.buffer.count).map { flat.buffer.pointer[$0].bitPattern }
    }

    static func elements(_ flat: FlatParameters) -> [Float] {
        (0..<flat.buffer.count).map { flat.buffer.pointer[$0] }
    }
}

/// Draws that a test writes down; records the ranges it was asked for.
struct ScriptedDraws: DrawSource {
    var integers: [Int] = []
    var uniforms: [Double] = []
    /// What each call of ``integer(_:_:)`` was asked for.
    var ranges: [ClosedRange<Int>] = []

    mutating func integer(_ low: Int, _ high: Int) -> Int {
        ranges.append(low...high)
        return integers.isEmpty ? low : integers.removeFirst()
    }

    mutating func uniform(_ count: Int) -> [Double] {
        let taken = Array(uniforms.prefix(count))
        uniforms.removeFirst(taken.count)
        return taken + Array(repeating: 0.5, count: count - taken.count)
    }
}
