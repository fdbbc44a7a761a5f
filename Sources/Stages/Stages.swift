package import Recipes

/// The kinds of stages that experiments can name, one file each.
package enum Stages {
    package static let registry = StageRegistry(
        [
            SynthesizeStage.self, TokenizerStage.self, PretrainStage.self, TrajectoriesStage.self,
            SFTStage.self, DistillStage.self, EvaluateStage.self, AUPStage.self, ReplicatesStage.self,
            LocalFilesStage.self, QuestionsStage.self, BenchmarkStage.self, ModelFolderStage.self,
            FetchStage.self, CheckpointStage.self, ImportTrajectoriesStage.self,
            ExportTrajectoriesStage.self,
        ], pins: .dataLock)
}
