internal import ArtifactStore
internal import Files
internal import Runs
internal import SystemPackage
internal import Training
internal import Transformers

extension DistillStage {
    /// The folder of an artifact that holds the adapter where the weights have it in them already.
    private static let besideWeights = "adapter"

    /// Writes the student of a trained adapter.
    ///
    /// A model in 32-bit floats is written with the adapter in its weights, and the adapter beside it. One in bfloat16
    /// isn't written again: the student has the teacher's files, and the adapter, which is merged whenever it is read.
    func write(_ adapter: LoRAAdapter, _ model: Teacher, _ context: StageContext) throws {
        let folder = context.folder(of: teacher)
        guard try Checkpoint.isStoredInBFloat16(folder) else {
            let stored = try Checkpoint.loadFrozen(folder, threads: context.threads)
            try model.write(stored, adding: adapter, to: context.output)
            try adapter.write(to: context.output.appending(Self.besideWeights), model.family)
            return
        }
        let record = context.record(of: teacher)
        for name in try ModelFolderStage.names(in: folder) {
            try context.adopt(
                FileSystem.target(of: folder.appending(name)), as: name, address: record.address(of: name))
        }
        try adapter.write(to: context.output, model.family)
    }

    /// Where a student's adapter is.
    static func adapterFolder(of artifact: FilePath) -> FilePath {
        LoRAOptions.isThere(artifact) ? artifact : artifact.appending(besideWeights)
    }
}
