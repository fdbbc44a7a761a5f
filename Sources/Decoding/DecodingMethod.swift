/// Options of a decoder: read from named values, and able to make the decoder.
public protocol DecoderOptions: Sendable, Hashable {
    /// Reads and describes the options; what isn't given is as in `defaults`.
    init(_ parameters: inout ParameterReader, defaults: Self)
}

/// A decoding method by name: a decoder with default options.
///
/// To add a method, write its decoder, its options and a static `DecodingMethod` in one file of `Decoders/`, and
/// name that in ``all``.
public struct DecodingMethod: Sendable {
    /// Name in configurations.
    public let name: String
    /// One line for lists of methods.
    public let summary: String
    /// The options with their defaults.
    public let parameters: [DecoderParameter]

    private let read: @Sendable (inout ParameterReader) -> DecoderFactory

    init<Options: DecoderOptions>(
        _ name: String, _ summary: String, defaults: Options,
        make: @escaping @Sendable (DecodingTask, Options) -> any Decoder
    ) {
        self.name = name
        self.summary = summary
        var description = ParameterReader()
        _ = Options(&description, defaults: defaults)
        parameters = description.described
        read = { reader in
            let options = Options(&reader, defaults: defaults)
            return { make($0, options) }
        }
    }

    /// Whether it unmasks positions, for which a model needs a mask token.
    public var needsMask: Bool { name != Self.autoregressive.name }

    /// Reads the options and returns what makes a decoder for each sequence.
    ///
    /// - Throws: ``DecodingError`` that names every option that is unknown or wrong.
    public func factory(_ values: [String: ParameterValue] = [:]) throws(DecodingError) -> DecoderFactory {
        var reader = ParameterReader(values)
        let factory = read(&reader)
        try reader.finish(name)
        return factory
    }

    /// The method with this name.
    ///
    /// - Throws: ``DecodingError`` that names the nearest method.
    public static func named(_ name: String) throws(DecodingError) -> DecodingMethod {
        if let method = all.first(where: { $0.name == name }) { return method }
        let names = all.map(\.name)
        let hint =
            NearestName.of(name, in: names).map { "Did you mean \"\($0)\"?" }
            ?? "The methods are " + names.joined(separator: ", ") + "."
        throw DecodingError(.unknownMethod, "There is no decoding method \"\(name)\". \(hint)")
    }

    /// Every method, one line each; a method is described beside its decoder.
    public static let all: [DecodingMethod] = [
        .vanilla,
        .dream,
        .entropy,
        .fastDLLM,
        .fastDLLMPrefixCache,
        .fastDLLMDualCache,
        .fastDLLMDreamPrefixCache,
        .fastDLLMDreamDualCache,
        .dInfer,
        .dInferPrefixCache,
        .dInferDualCache,
        .multiBlock,
        .multiBlockCache,
        .d2f,
        .autoregressive,
    ]
}

/// Makes a decoder for one sequence.
public typealias DecoderFactory = @Sendable (DecodingTask) -> any Decoder
