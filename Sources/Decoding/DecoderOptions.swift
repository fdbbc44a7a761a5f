package import Documents

/// Options of a decoder: read from named values, and able to make the decoder.
package protocol DecoderOptions: Sendable, Hashable {
    /// Reads and describes the options; what isn't given is as in `defaults`.
    ///
    /// Options that others leave without an effect are named with ``Fields/condition(_:isUsed:with:user:)``.
    init(_ fields: Fields, defaults: Self)

    /// Tokens of a response and of a block: what is counted and what forecasts go by.
    var lengths: DecodingLengths { get }

    /// The forwards that a response is expected to take; nil where nothing is known of that, which forecasts show as
    /// "?".
    ///
    /// - Parameters:
    ///   - prompt: Tokens of a prompt.
    ///   - answer: Tokens of an answer, its end token included.
    func effort(prompt: Double, answer: Double) -> DecodingEffort?
}

/// A method with its options set: what makes its decoders, and what is known of them beforehand.
public struct DecoderSetup: Sendable {
    /// See ``DecoderOptions/lengths``.
    public let lengths: DecodingLengths
    /// Makes the decoder of a sequence.
    public let make: DecoderFactory

    private let expected: @Sendable (Double, Double) -> DecodingEffort?

    init<Options: DecoderOptions>(_ options: Options, make: @escaping DecoderFactory) {
        lengths = options.lengths
        self.make = make
        expected = { options.effort(prompt: $0, answer: $1) }
    }

    /// See ``DecoderOptions/effort(prompt:answer:)``.
    public func effort(prompt: Double, answer: Double) -> DecodingEffort? { expected(prompt, answer) }
}

/// What options of decoders stand for.
extension FieldMeaning {
    /// Tokens that a response may have.
    package static let responseLength = FieldMeaning("response length")
    /// Tokens of a block.
    package static let blockLength = FieldMeaning("block length")
    /// Whether decoding ends with the end token.
    package static let earlyStop = FieldMeaning("early stop")
    /// The temperature at which tokens are drawn.
    package static let temperature = FieldMeaning("temperature")
    /// The probability that the most probable tokens pass together.
    package static let topP = FieldMeaning("top p")
}

/// Options that several decoders have.
extension Fields {
    /// The two lengths that every block decoder has.
    func lengths(generation: Int, block: Int) -> (generation: Int, block: Int) {
        let generation = option(
            "generationLength", default: generation, in: 1...1_000_000, "Tokens to generate.",
            meaning: .responseLength)
        let block = option(
            "blockLength", default: block, in: 1...1_000_000, "Tokens per block.",
            meaning: .blockLength)
        return (generation, block)
    }

    /// Whether decoding ends with the end token.
    func earlyStop(default value: Bool, _ summary: String) -> Bool {
        option("earlyStop", default: value, summary, meaning: .earlyStop)
    }

    /// Rejects a generation length that leaves a shorter last block.
    func requireWholeBlocks(generation: Int, block: Int) {
        guard generation % block != 0 else { return }
        reject(
            "generationLength",
            "\"generationLength\" is \(generation) and should be a multiple of \"blockLength\", \(block).")
    }
}
