import ArtifactStore
import Recipes
import SystemPackage

/// Finds what is known of artifacts, by asking the stages that make them, back to those without inputs.
final class FactFinder {
    /// One stage to ask: of the experiment, or one that was read back from the recipe of an artifact.
    struct Source {
        package let implementation: any StageKind
        /// Its artifact, if it is in the store.
        package let record: ArtifactRecord?
    }

    private let speed: any SpeedMeter
    private let threads: Int
    /// The stage behind a reference.
    private let source: (String) -> Source?
    private var known: [String: Facts] = [:]

    package init(_ speed: any SpeedMeter, threads: Int, source: @escaping (String) -> Source?) {
        self.speed = speed
        self.threads = threads
        self.source = source
    }

    /// What is known of the artifact of a stage.
    func facts(ofStage stage: String) -> Facts {
        if let facts = known[stage] { return facts }
        // Also what ends a circle, which recipes of one another can't have, but files of the store might claim.
        known[stage] = [:]
        guard let source = source(stage) else { return [:] }
        let facts = source.implementation.facts(context(source))
        known[stage] = facts
        return facts
    }

    /// What a stage can go by.
    ///
    /// - Parameter share: How many of the threads it has; all when nil.
    package func context(
        _ source: Source, share: Int? = nil, recordsDone: Int = 0, workFolder: FilePath? = nil
    ) -> ForecastContext {
        ForecastContext(
            speed: speed, threads: share ?? threads, measuredThreads: threads, record: source.record,
            recordsDone: recordsDone, workFolder: workFolder
        ) { [unowned self] in facts(ofStage: $0.stage) }
    }
}
