package import ArtifactStore
internal import JSON
package import Runs
internal import Transformers

extension CheckpointStage {
    /// The shape of the model, for inputs whose architecture is known before they are downloaded.
    package func facts(_ context: ForecastContext) -> Facts {
        KnownModel(input: source.input).map {
            // What an adapter changes is in memory in 32-bit floats.
            Facts($0.configuration).merging([.weightBytes: adapter == nil ? 2 : 4])
        } ?? [:]
    }

    /// What the weights take in the cache, and what of it is still to be downloaded; how long that takes can't be told.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let sources = [source] + (adapter.map { [$0] } ?? [])
        let known = KnownModel(input: source.input)
        return StageForecast(
            memory: Int(MemoryModel.program), disk: known?.bytes ?? source.pinnedBytes,
            download: .sum(sources.map(\.missingBytes)))
    }
}

extension FetchStage {
    /// What is still to be downloaded, and what it takes: archives take more when they are unpacked.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(disk: source.pinnedBytes, download: .sum([source.missingBytes]))
    }
}

extension StageForecast.Download {
    /// Several downloads together.
    fileprivate static func sum(_ bytes: [Int?]) -> Self {
        let known = bytes.compactMap(\.self)
        guard known.count == bytes.count else { return .unknown }
        return .bytes(
            known.reduce(0) { sum, bytes in
                let (total, isTooLarge) = sum.addingReportingOverflow(bytes)
                return isTooLarge ? .max : total
            })
    }
}

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
