internal import JSON
internal import Transformers

/// The shape of a published model, so that a plan needs no download; `known-models.json` has them, each with its source.
struct KnownModel {
    let configuration: TransformerConfiguration
    /// Of the weights in bfloat16.
    var bytes: Int { 2 * configuration.parameterCount }

    /// Every known model by the name that its checkpoint has in `data.lock`.
    static let all: [String: KnownModel] = (try? read(PackageResources.known_models_json)) ?? [:]

    /// - Parameter input: A name of `data.lock`.
    init?(input: String) {
        guard let known = Self.all[input] else { return nil }
        self = known
    }

    private init(_ configuration: TransformerConfiguration) { self.configuration = configuration }

    /// Reads the list.
    ///
    /// - Throws: `JSONSyntaxError`; `FamilyError` for a shape that isn't whole.
    static func read(_ bytes: [UInt8]) throws -> [String: KnownModel] {
        let root = try JSONDocument(parsing: bytes, name: "known-models.json").root
        var known: [String: KnownModel] = [:]
        for node in root["models"]?.array ?? [] {
            func size(_ name: String) throws(FamilyError) -> Int {
                guard let size = node["shape"]?[name]?.int else {
                    throw FamilyError("known-models.json: the size \(name) is missing")
                }
                return size
            }
            var shape = TransformerConfiguration(
                layers: try size("layers"), width: try size("width"), heads: try size("heads"),
                keyValueHeads: try size("keyValueHeads"), headWidth: try size("headWidth"),
                feedForwardWidth: try size("feedForwardWidth"), vocabulary: try size("vocabulary"))
            shape.tiedHead = node["shape"]?["tiedHead"]?.bool ?? false
            if let problem = shape.problem { throw FamilyError("known-models.json: \(problem)") }
            let model = KnownModel(shape)
            for input in node["inputs"]?.array ?? [] {
                if let name = input.string { known[name] = model }
            }
        }
        return known
    }
}
