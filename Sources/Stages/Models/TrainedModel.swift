internal import ArtifactStore
internal import Files
internal import Numerics
internal import Recipes
internal import Runs
internal import SystemPackage
internal import Training
internal import Transformers

/// A model that a stage trains: all of its parameters, or an adapter beside them.
struct TrainedModel {
    /// The folder of an artifact that holds the adapter where the weights have it in them already.
    private static let besideWeights = "adapter"

    let model: LoadedModel
    let trainee: any Trainee
    private let source: ArtifactReference

    /// Reads the model of an artifact.
    ///
    /// - Parameters:
    ///   - adapter: what is trained instead of all parameters, if it is.
    ///   - needs: what the model's folder has to name.
    /// - Throws: As ``LoadedModel/init(_:_:needs:)``; ``DataError`` where memory doesn't suffice.
    init(
        _ source: ArtifactReference, adapter: AdapterFields?, needs: ModelTokens.Needs = .all,
        _ context: StageContext
    ) throws {
        self.source = source
        model = try LoadedModel(
            context.folder(of: source),
            adapter.map { .frozen($0.base ?? .stored, threads: context.threads) } ?? .precision(.float32),
            needs: needs)
        if let adapter {
            trainee = AdapterTraining(model.transformer, adapter.options, seed: context.seed)
        } else {
            try TrainingMemory.check(model.configuration)
            trainee = FullTraining(FlatParameters(copying: model.transformer))
        }
    }

    /// An optimiser of what is trained.
    func optimizer(_ fields: OptimizerFields, threads: Int) -> any Optimizer {
        (trainee as? AdapterTraining).map { fields.make($0, threads: threads) }
            ?? fields.make(model.configuration, family: model.family, threads: threads)
    }

    /// Writes the trained model with the tokenizer of the one that it was made of.
    ///
    /// A base in 32-bit floats is written with the adapter in its weights, and the adapter beside it. One in bfloat16 isn't
    /// written again: the result has the base's files, and the adapter, which is merged whenever it is read.
    func write(_ context: StageContext) throws {
        if let full = trainee as? FullTraining {
            return try model.write(try Transformer(over: full.weights), to: context.output)
        }
        guard let adapter = (trainee as? AdapterTraining)?.adapter else { return }
        let folder = context.folder(of: source)
        guard try Checkpoint.isStoredInBFloat16(folder) else {
            let stored = try Checkpoint.loadFrozen(folder, threads: context.threads)
            try model.write(stored, adding: adapter, to: context.output)
            try adapter.write(to: context.output.appending(Self.besideWeights), model.family)
            return
        }
        let record = context.record(of: source)
        for name in try ModelFolderStage.names(in: folder) {
            try context.adopt(
                FileSystem.target(of: folder.appending(name)), as: name, address: record.address(of: name))
        }
        try adapter.write(to: context.output, model.family)
    }

    /// Where a trained model's adapter is.
    static func adapterFolder(of artifact: FilePath) -> FilePath {
        LoRAOptions.isThere(artifact) ? artifact : artifact.appending(besideWeights)
    }

    /// How many parameters were trained of an artifact's model.
    static func trainedParameters(of artifact: FilePath, isAdapted: Bool) throws -> Int {
        let configuration = try Checkpoint.configuration(artifact)
        guard isAdapted else { return configuration.parameterCount }
        let adapter = try LoRAAdapter(
            adapterFolder(of: artifact), for: configuration, Checkpoint.family(artifact))
        return adapter.pairs.reduce(0) { $0 + $1.a.rows * $1.a.columns + $1.b.rows * $1.b.columns }
    }
}
