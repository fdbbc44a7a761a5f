internal import Decoding
internal import JSON
internal import Recipes

/// A decoding method with its options, as configurations write it: `{"method": "multi-block", "threshold": 0.3}`.
///
/// Which options a method takes, and between which limits, is said by the method's own initialiser of them.
struct DecoderFields {
    /// Nil only while nothing but the description of the keys is wanted.
    let method: DecodingMethod?
    private let read: Result<DecoderSetup, DecodingError>

    init(_ fields: Fields) {
        let chosen = fields.alternative(
            "method", of: Self.alternatives, "Name of the decoding method; `d3llm methods` lists them.")
        method = chosen?.value.method
        read =
            chosen.map { .success($0.value.setup) }
            ?? .failure(DecodingError(.unknownMethod, "There is no decoding method."))
    }

    /// A method with options that stand in no configuration.
    init(_ method: DecodingMethod, _ values: [String: JSONValue]) {
        self.method = method
        read = Result { () throws(DecodingError) in try method.setup(values) }
    }

    /// The method with its options, as they were read.
    func setup() throws(DecodingError) -> DecoderSetup { try read.get() }

    private static let alternatives = DecodingMethod.all.map { method in
        FieldAlternative(method.name, method.summary) { (method: method, setup: method.setup($0)) }
    }
}
