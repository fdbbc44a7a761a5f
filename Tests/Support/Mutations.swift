/// Damages texts in repeatable ways.
///
/// What is drawn depends on the environment variable `D3LLM_FUZZ_SEED` (1).
public struct Mutations {
    private var state: UInt64
    private let tokens: [[UInt8]]

    /// - Parameter tokens: What is put into texts, beside pieces of themselves.
    public init(_ tokens: [[UInt8]]) {
        state = Command.number("D3LLM_FUZZ_SEED") ?? 1
        self.tokens = tokens
    }

    /// A number from 0 to below `bound`.
    public mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }

    /// A few changes of one text: bits, bytes, cuts, repetitions, tokens, and pieces of itself.
    public mutating func mutated(_ seed: [UInt8]) -> [UInt8] {
        var bytes = seed
        for _ in 0...next(3) where !bytes.isEmpty {
            let at = next(bytes.count)
            let end = min(bytes.count, at + 1 + next(24))
            switch next(9) {
            case 0: bytes[at] ^= UInt8(1 << next(8))
            case 1: bytes[at] = UInt8(next(256))
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.removeSubrange((next(8) == 0 ? at : max(at, bytes.count - 40))...)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: next(bytes.count))
            case 5: bytes.replaceSubrange(at..<end, with: tokens[next(tokens.count)])
            case 6: bytes.insert(contentsOf: tokens[next(tokens.count)], at: at)
            default: Self.swapTokens(&bytes, at, next(bytes.count))
            }
        }
        return bytes
    }

    /// A text in which one value stands for another: what is still read after that is wrong in what it says.
    public mutating func replacingValue(of seed: [UInt8]) -> [UInt8] {
        let places = seed.indices.filter { seed[$0] == UInt8(ascii: ":") }
        guard !places.isEmpty else { return mutated(seed) }
        let start = places[next(places.count)] + 1
        let end = seed[start...].firstIndex { ",\n}]".utf8.contains($0) } ?? seed.count
        return seed[..<start] + [UInt8(ascii: " ")] + tokens[next(tokens.count)] + seed[end...]
    }

    /// Exchanges the words around two places: a key, a number, what stands between quotes.
    private static func swapTokens(_ bytes: inout [UInt8], _ a: Int, _ b: Int) {
        func word(_ at: Int) -> Range<Int> {
            func ends(_ byte: UInt8) -> Bool { " \n,:{}[]".utf8.contains(byte) }
            let start = bytes[..<at].lastIndex(where: ends).map { $0 + 1 } ?? 0
            return start..<(bytes[at...].firstIndex(where: ends) ?? bytes.count)
        }
        let (first, second) = (word(min(a, b)), word(max(a, b)))
        guard first.lowerBound < first.upperBound, first.upperBound <= second.lowerBound else { return }
        let moved = Array(bytes[first])
        bytes.replaceSubrange(first, with: Array(bytes[second]))
        let shift = second.count - first.count
        bytes.replaceSubrange(second.lowerBound + shift..<second.upperBound + shift, with: moved)
    }
}
