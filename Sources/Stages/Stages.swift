package import ArtifactStore
internal import DataStages
internal import DecodingStages
internal import ModelStages
package import Ranks
package import Recipes
internal import ResultStages
package import Runs
internal import TrainingStages

/// The kinds of stages that experiments can name, one file each.
package enum Stages {
    package static let registry = StageRegistry(
        [
            SynthesizeStage.self, TokenizerStage.self, PretrainStage.self, TrajectoriesStage.self,
            SFTStage.self, DistillStage.self, EvaluateStage.self, AUPStage.self, ReplicatesStage.self,
            LocalFilesStage.self, QuestionsStage.self, BenchmarkStage.self, ModelFolderStage.self,
            FetchStage.self, CheckpointStage.self, ImportTrajectoriesStage.self,
            ExportTrajectoriesStage.self, ExportGGUFStage.self, CommandStage.self,
        ], pins: .dataLock)
}

extension Stages {
    /// What a rank other than 0 can be asked.
    ///
    /// - Parameter threads: How many it computes with.
    /// - Throws: `FileError` when there is no room for temporary files.
    package static func rankServices(
        _ experiment: Experiment, _ store: Store, _ permissions: Permissions, threads: Int
    ) throws -> [String: any RankService] {
        [
            GroupService.name: try GroupService(experiment, store, permissions),
            LaneService.name: LaneService(threads: threads),
        ]
    }
}
