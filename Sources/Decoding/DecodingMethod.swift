public import Base
package import Documents
public import JSON
public import Transformers

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
    package let options: [FieldDescription]

    /// Whether decoding needs the token that stands for "not decoded yet".
    public let needsMask: Bool
    /// Which tokens see which in a method's forwards.
    public enum Attention: Sendable, Hashable {
        /// Every token sees every token.
        case whole
        /// A token sees what is before it: the method is for autoregressive models.
        case causal
        /// A token sees the blocks up to its own, in the prompt as in the response.
        case byBlocks
        /// A token of the response sees its block and what is before that.
        case inContext
    }

    /// See ``Attention``.
    public let attention: Attention

    /// Whether the method is for models of which each token sees only what is before it.
    public var isCausal: Bool { attention == .causal }

    private let read: @Sendable (Fields) -> DecoderSetup

    /// A method.
    ///
    /// - Parameters:
    ///   - needsMask: See ``needsMask``.
    ///   - attention: See ``attention``.
    ///   - defaults: What holds where an option isn't given.
    ///   - make: Makes the decoder of a sequence.
    package init<Options: DecoderOptions>(
        _ name: String, _ summary: String, needsMask: Bool = true,
        attends attention: Attention = .whole,
        defaults: Options,
        make: @escaping @Sendable (DecodingTask, Options) -> any Decoder
    ) {
        self.name = name
        self.summary = summary
        self.needsMask = needsMask
        self.attention = attention
        let description = Fields.describing()
        _ = Options(description, defaults: defaults)
        options = description.descriptions
        read = { fields in
            let options = Options(fields, defaults: defaults)
            return DecoderSetup(options) { make($0, options) }
        }
    }

    /// Reads the options from an object of a document; problems are collected there.
    package func setup(_ fields: Fields) -> DecoderSetup { read(fields) }

    /// Reads options that stand in no document.
    ///
    /// - Throws: ``DecodingError`` that names every option that is unknown, wrong or without an effect.
    package func setup(_ values: [String: JSONValue] = [:]) throws(DecodingError) -> DecoderSetup {
        let (setup, fields) = reading(values)
        fields.finish()
        guard fields.session.diagnostics.isEmpty else {
            throw DecodingError(fields.session.diagnostics, of: name)
        }
        return setup
    }

    /// Reads the options and returns what makes a decoder for each sequence.
    ///
    /// - Throws: As ``setup(_:)`` does.
    public func factory(_ values: [String: JSONValue] = [:]) throws(DecodingError) -> DecoderFactory {
        try setup(values).make
    }

    /// What was read from `values`, with the reader; nothing is checked but what the reader found on its way.
    func reading(_ values: [String: JSONValue]) -> (setup: DecoderSetup, fields: Fields) {
        let text = Origin(source: SourceText(name: "the options", bytes: []), range: 0..<0)
        let object = JSONObject(values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
        let session = ReadingSession(subject: "decoding method \"\(name)\"")
        let fields = Fields(JSONNode(.object(object), at: text), anchor: text, path: [], session: session)
        return (read(fields), fields)
    }

    /// The options of `values` that others of them leave without an effect.
    package func unused(_ values: [String: JSONValue]) -> Set<String> {
        reading(values).fields.unused.intersection(values.keys)
    }

    /// Whether a second model judges drafts unless options say otherwise.
    package var needsVerifier: Bool { (try? setup())?.needsVerifier ?? false }

    /// The option that stands for something; nil where the method has none.
    package func option(_ meaning: FieldMeaning) -> FieldDescription? {
        options.first { $0.meaning == meaning }
    }

    /// The method that models are decoded with where nothing else is asked for.
    ///
    /// - Parameter attention: as the models attend.
    public static func usual(_ attention: AttentionPattern) -> DecodingMethod {
        switch attention {
        case .bidirectional: .multiBlock
        case .causal: .autoregressive
        case .blockCausal: .sdar
        }
    }

    /// Whether a model that attends so can be decoded: one that was made to see blocks up to a token's own can't be shown it
    /// all.
    package func suits(_ pattern: AttentionPattern) -> Bool {
        if case .blockCausal = pattern { return attention != .whole && attention != .causal }
        return true
    }

    /// Refuses a model whose tokens see another part of a sequence than the method lets them see.
    ///
    /// - Parameters:
    ///   - model: how the model is called.
    ///   - pattern: as it attends.
    /// - Throws: ``DecodingError`` where it doesn't suit.
    package func check(_ model: String, attends pattern: AttentionPattern) throws(DecodingError) {
        guard case .blockCausal(_, let length) = pattern, !suits(pattern) else { return }
        let others = Self.all.filter { $0.attention == .byBlocks }.map { "\"\($0.name)\"" }
        throw DecodingError(
            .invalidOptions,
            "\(model) sees the blocks of \(length) tokens up to a token's own; the decoding method \"\(name)\" is for models that see the whole sequence. Methods for it are \(others.joined(separator: ", "))."
        )
    }

    /// The method with this name.
    ///
    /// - Throws: ``DecodingError`` that names the nearest method.
    public static func named(_ name: String) throws(DecodingError) -> DecodingMethod {
        if let method = all.first(where: { $0.name == name }) { return method }
        let hint = NearestName.hint(for: name, among: all.map(\.name), what: "The methods") ?? ""
        throw DecodingError(.unknownMethod, "There is no decoding method \"\(name)\". \(hint)")
    }

    /// What is said of a model without a mask token to who needs one.
    ///
    /// - Parameters:
    ///   - model: how the model is called.
    ///   - user: who needs the token, such as "this stage".
    package static func withoutMask(_ model: String, neededBy user: String) -> String {
        let others = all.filter { !$0.needsMask }.map { "\"\($0.name)\"" }
        return
            "\(model) has no mask token: neither config.json (\"mask_token_id\") nor the tokenizer names a mask token, which \(user) needs. Autoregressive models have none: decode them with the method \(others.joined(separator: " or ")), or train them to have one (kinds sft and pretrain, \"maskToken\")."
    }

    /// Every method, one line each; a method is described beside its decoder.
    public static let all: [DecodingMethod] = [
        .vanilla,
        .dream,
        .entropy,
        .fastDLLM,
        .fastDLLMPrefixCache,
        .fastDLLMDualCache,
        .draftGraph,
        .fastDLLMDreamPrefixCache,
        .fastDLLMDreamDualCache,
        .dInfer,
        .dInferPrefixCache,
        .dInferDualCache,
        .stitching,
        .stitchingPrefixCache,
        .multiBlock,
        .multiBlockCache,
        .sglangMultiBlock,
        .tad,
        .d2f,
        .fastDLLMv2,
        .nextBlock,
        .sdar,
        .multiBD,
        .variableLength,
        .adaptiveParallel,
        .residualContext,
        .autoregressive,
        .jacobi,
        .jacobiMultiBlock,
        .layerSkipping,
    ]
}

/// Makes a decoder for one sequence.
public typealias DecoderFactory = @Sendable (DecodingTask) -> any Decoder

/// Why decoding can't start or go on.
public struct DecodingError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .request }

    /// What kind of problem this is.
    public enum Code: Sendable, Hashable {
        /// No decoding method has this name.
        case unknownMethod
        /// Options of a method are missing, unknown or out of range.
        case invalidOptions
        /// A sequence didn't finish within the allowed number of turns.
        case turnLimit
        /// A sequence doesn't fit the model.
        case invalidSequence
    }

    public let code: Code
    /// What is wrong and what would be right, in full sentences.
    public let description: String
    /// What is wrong with the options of a method, one by one, in full sentences.
    public let problems: [String]

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
        problems = []
    }

    /// Wrong options of a method.
    init(_ diagnostics: [Diagnostic], of method: String) {
        code = .invalidOptions
        problems = diagnostics.map { [$0.message, $0.hint].compactMap { $0 }.joined(separator: " ") }
        description =
            "The options of decoding method \"\(method)\" are wrong. " + problems.joined(separator: " ")
    }
}
