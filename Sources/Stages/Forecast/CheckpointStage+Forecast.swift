package import ArtifactStore
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
