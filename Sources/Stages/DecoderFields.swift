internal import Decoding
internal import Pipeline

/// A decoding method with its options, as configurations write it: `{"method": "multi-block", "threshold": 0.3}`.
///
/// The keys are those of all methods together; which of them a method takes, and between which limits, is the
/// method's own description.
struct DecoderFields {
    let method: String
    private let values: [String: ParameterValue]

    init(_ fields: Fields) {
        method = fields.string("method", "Name of the decoding method; `d3llm methods` lists them.")
        var values: [String: ParameterValue] = [:]
        for parameter in Self.parameters {
            let key = parameter.name
            let value: ParameterValue? =
                switch parameter.kind {
                case .integer: fields.optionalInteger(key, in: .any, parameter.summary).map { .integer($0) }
                case .number: fields.optionalNumber(key, in: .any, parameter.summary).map { .number($0) }
                case .flag: fields.optionalFlag(key, parameter.summary).map { .flag($0) }
                case .choice: fields.optionalString(key, parameter.summary).map { .text($0) }
                }
            // Null is a value of its own for some options ("accept all"), not the absence of one.
            values[key] = value ?? (fields.isNull(key) ? ParameterValue.none : nil)
        }
        self.values = values
        do throws(DecodingError) {
            _ = try DecodingMethod.named(method).factory(values)
        } catch {
            fields.reject("method", error.description)
        }
    }

    /// What makes the decoders; the options were checked when they were read.
    func factory() throws(DecodingError) -> DecoderFactory {
        try DecodingMethod.named(method).factory(values)
    }

    /// The value of a numeric option: as given, or the method's default.
    func number(_ name: String) throws(DecodingError) -> Double? {
        let parameters = try DecodingMethod.named(method).parameters
        switch values[name] ?? parameters.first(where: { $0.name == name })?.defaultValue {
        case .integer(let integer): return Double(integer)
        case .number(let number): return number
        default: return nil
        }
    }

    /// Every option of any method, the first description of each name.
    private static let parameters: [DecoderParameter] = {
        var seen: Set<String> = []
        return DecodingMethod.all.flatMap(\.parameters).filter { seen.insert($0.name).inserted }
    }()
}
