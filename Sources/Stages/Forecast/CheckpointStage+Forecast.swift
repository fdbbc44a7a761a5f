public import ArtifactStore
public import Runs
internal import Transformers

extension CheckpointStage {
    /// The shape of the model, for inputs whose architecture is known before they are downloaded.
    public func facts(_ context: ForecastContext) -> Facts {
        KnownModel(input: source.input).map { Facts($0.configuration) } ?? [:]
    }

    /// What the weights take in the cache, and what of it is still to be downloaded; how long that takes can't be told.
    public func forecast(_ context: ForecastContext) -> StageForecast? {
        let sources = [source] + (adapter.map { [$0] } ?? [])
        let known = KnownModel(input: source.input)
        return StageForecast(
            memory: Int(MemoryModel.program), disk: known?.bytes ?? source.pinnedBytes,
            download: .sum(sources.map(\.missingBytes)))
    }
}

extension FetchStage {
    /// What is still to be downloaded, and what it takes: archives take more when they are unpacked.
    public func forecast(_ context: ForecastContext) -> StageForecast? {
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

/// The shapes of published models, so that a plan needs no download.
struct KnownModel {
    let configuration: TransformerConfiguration
    /// Of the weights in bfloat16.
    let bytes: Int

    private static let llada: Set<String> = ["llada-8b-instruct", "dparallel-llada", "d3llm-llada"]
    /// Dream has the shape of Qwen2.5-7B, which it was made from.
    private static let qwen: Set<String> = [
        "qwen2.5-7b-instruct", "dream-7b-instruct", "dream-7b-base", "dparallel-dream", "d3llm-dream",
        "dream-coder-7b-instruct", "d3llm-dream-coder", "qwen2.5-coder-7b-instruct",
    ]

    /// - Parameter input: A name of `data.lock`.
    init?(input: String) {
        if Self.llada.contains(input) {
            configuration = TransformerConfiguration(
                layers: 32, width: 4096, heads: 32, keyValueHeads: 32, feedForwardWidth: 12_288,
                vocabulary: 126_464)
        } else if Self.qwen.contains(input) {
            configuration = TransformerConfiguration(
                layers: 28, width: 3584, heads: 28, keyValueHeads: 4, feedForwardWidth: 18_944,
                vocabulary: 152_064)
        } else {
            return nil
        }
        bytes = 2 * configuration.parameterCount
    }
}
