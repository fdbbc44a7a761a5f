/// Options of a decoder: read from named values, and able to make the decoder.
public protocol DecoderOptions: Sendable, Hashable {
    /// Reads and describes the options; what isn't given is as in `defaults`.
    ///
    /// Options that others leave without an effect are named with ``ParameterReader/condition(_:isUsed:with:user:)``.
    init(_ parameters: inout ParameterReader, defaults: Self)

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

    /// Whether decoding needs the token that stands for "not decoded yet".
    public let needsMask: Bool
    /// Whether the method is for models of which each token sees only what is before it.
    public let isCausal: Bool

    private let read: @Sendable (inout ParameterReader) -> DecoderSetup

    /// A method.
    ///
    /// - Parameters:
    ///   - needsMask: See ``needsMask``.
    ///   - isCausal: See ``isCausal``.
    ///   - defaults: What holds where an option isn't given.
    ///   - make: Makes the decoder of a sequence.
    public init<Options: DecoderOptions>(
        _ name: String, _ summary: String, needsMask: Bool = true, isCausal: Bool = false, defaults: Options,
        make: @escaping @Sendable (DecodingTask, Options) -> any Decoder
    ) {
        self.name = name
        self.summary = summary
        self.needsMask = needsMask
        self.isCausal = isCausal
        var description = ParameterReader()
        _ = Options(&description, defaults: defaults)
        parameters = description.described
        read = { reader in
            let options = Options(&reader, defaults: defaults)
            return DecoderSetup(options) { make($0, options) }
        }
    }

    /// Reads the options.
    ///
    /// - Throws: ``DecodingError`` that names every option that is unknown, wrong or without an effect.
    public func setup(_ values: [String: ParameterValue] = [:]) throws(DecodingError) -> DecoderSetup {
        var reader = ParameterReader(values)
        let setup = read(&reader)
        try reader.finish(name)
        return setup
    }

    /// Reads the options and returns what makes a decoder for each sequence.
    ///
    /// - Throws: As ``setup(_:)`` does.
    public func factory(_ values: [String: ParameterValue] = [:]) throws(DecodingError) -> DecoderFactory {
        try setup(values).make
    }

    /// What makes decoders with options that nobody has checked; for tests of what a check would refuse.
    func unchecked(_ values: [String: ParameterValue]) -> DecoderFactory {
        var reader = ParameterReader(values)
        return read(&reader).make
    }

    /// The options of `values` that others of them leave without an effect.
    public func unused(_ values: [String: ParameterValue]) -> Set<String> {
        var reader = ParameterReader(values)
        _ = read(&reader)
        return Set(values.keys).intersection(reader.unused.keys)
    }

    /// The options in the one form that recipes hold them in, so that settings that mean the same look the same.
    ///
    /// An option at its default is left out, unless ``DecoderParameter/isAlwaysRecorded`` says otherwise: then it is
    /// held wherever it has an effect. Numbers are numbers, and zero has no sign.
    public func recorded(_ values: [String: ParameterValue]) -> [String: ParameterValue] {
        var reader = ParameterReader(values)
        _ = read(&reader)
        var recorded: [String: ParameterValue] = [:]
        for parameter in parameters {
            let normal = parameter.defaultValue.normal(as: parameter.kind)
            let value = values[parameter.name]?.normal(as: parameter.kind) ?? normal
            let isHeld = parameter.isAlwaysRecorded && reader.unused[parameter.name] == nil
            if value != normal || isHeld { recorded[parameter.name] = value }
        }
        return recorded
    }

    /// The option that stands for something; nil where the method has none.
    public func parameter(_ role: DecoderParameter.Role) -> DecoderParameter? {
        parameters.first { $0.role == role }
    }

    /// The method that models are decoded with where nothing else is asked for.
    public static func usual(isCausal: Bool) -> DecodingMethod { isCausal ? .autoregressive : .multiBlock }

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
