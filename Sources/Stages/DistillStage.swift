internal import Evaluation
internal import JSON
internal import Numerics
public import Pipeline
internal import Reporting
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

/// Trains a student, which starts as a copy of the teacher, on the teacher's own decoded answers.
public struct DistillStage: StageKind {
    public static let name = "distill"
    public static let version = 1
    public static let summary =
        "Distils a student from a teacher's trajectories with d3LLM's loss; random masks instead are the ablation."
    public static let output = ArtifactType.model

    enum Mask: String, CaseIterable {
        case trajectory
        case random
    }

    private let teacher: ArtifactReference
    private let trajectories: ArtifactReference
    private let data: ArtifactReference
    private let steps: Int
    private let batchSize: Int
    private let mask: Mask
    private let noise: NoiseFields
    private let windowLengths: [Int]
    private let objective: D3LLMObjective
    private let optimizer: OptimizerFields
    private let checkpointSeconds: Double

    public init(_ fields: Fields) {
        teacher = fields.artifact("teacher", types: [.model], "The model that the student starts from.")
        trajectories = fields.artifact(
            "trajectories", types: [.trajectories], "The teacher's answers and their order.")
        data = fields.artifact(
            "data", types: [.dataset], "Data set that the trajectories' prompts come from.")
        steps = fields.integer("steps", default: 300, in: 1...10_000_000, "Optimiser steps.")
        batchSize = fields.integer(
            "batch", default: 32, in: 1...65_536,
            "Answers per step; each is seen under a mask and its complement.")
        mask = fields.choice(
            "mask", default: Mask.trajectory,
            "Which tokens of a window are masked: as the teacher's trajectory had them, or at random.")
        noise = fields.object("noise", "Mask ratio over training.") { NoiseFields($0) }
        windowLengths = fields.integers(
            "windowLengths", default: [4, 4, 6, 6, 8, 8], in: 1...65_536, atLeast: 1,
            "Window lengths over training, spread evenly and interpolated; one number keeps it constant.")
        objective = fields.object("loss", "The distillation loss.") { loss in
            D3LLMObjective(
                entropyWeight: Float(
                    loss.number(
                        "entropyWeight", default: 2, in: 0.0..., "Factor on the entropy of right predictions."
                    )),
                temperature: Float(
                    loss.number(
                        "temperature", default: 0.5, in: .above(0),
                        "Temperature of the softmax in the entropy.")),
                usesComplement: loss.flag(
                    "complement", default: true, "Also train on the complementary mask."),
                usesComplementEntropy: loss.flag(
                    "complementEntropy", default: false,
                    "Entropy on the complementary mask as well; released code: off for LLaDA, on for Dream."))
        }
        optimizer = fields.object("optimizer", "How the parameters are updated.") {
            OptimizerFields(
                $0, learningRate: 5e-4, decay: 0.01, warmup: 20, decayShare: 0.3, kind: .adamw,
                rule: .upstream,
                beta2: 0.999)
        }
        checkpointSeconds = TrainingLoop.checkpointSeconds(fields)
    }

    public func run(_ context: StageContext) throws -> StageResult {
        let teacherFolder = context.folder(of: teacher)
        let model = try ModelFolder(teacherFolder)
        let rows = try self.rows(context, model)
        let parameters = FlatParameters(copying: model.transformer)
        let seed = context.seed
        let configuration = model.transformer.configuration
        let order = OrderBox(ShuffledOrder(count: rows.count, seed: seed, purpose: "distill"))
        let phase = TrainingLoop.Phase(
            name: "distill", steps: steps, schedule: optimizer.schedule(steps: steps),
            maximumNorm: optimizer.maximumNorm,
            makeOptimizer: { optimizer.make(configuration, threads: context.threads) },
            batch: { step in
                batch(step, rows, order, configuration, mask: model.maskToken, seed: seed)
            })
        let losses = try TrainingLoop(
            context: context, parameters: parameters, phases: [phase], checkpointInterval: checkpointSeconds
        ).run()
        try ModelFolder.write(try Transformer(over: parameters), model.tokenizer, to: context.output)
        let epochs = Double(steps * batchSize) / Double(rows.count)
        let shown = losses.map {
            "\($0.name) CE \(FixedPoint.text($0.crossEntropy, digits: 3))"
                + ($0.entropy > 0 ? ", entropy \(FixedPoint.text($0.entropy, digits: 3))" : "")
        }.joined(separator: "; ")
        return StageResult(
            summary:
                "\(steps) steps over \(rows.count) answers (\(FixedPoint.text(epochs, digits: 1)) epochs), \(shown)",
            metrics: [
                "steps": .integer(steps), "answers": .integer(rows.count), "epochs": .number(epochs),
                "losses": .object(
                    JSONObject(
                        losses.flatMap {
                            [
                                ("\($0.name).crossEntropy", .number($0.crossEntropy)),
                                ("\($0.name).entropy", .number($0.entropy)),
                            ]
                        })),
            ])
    }

    /// An answer of the teacher, ready to be masked.
    private struct Row {
        let tokens: [Int32]
        let promptLength: Int
        /// Prompt and response up to and including the first end token.
        let fullLength: Int
        let trajectory: TrajectoryMask.Trajectory
    }

    private func rows(_ context: StageContext, _ model: ModelFolder) throws -> [Row] {
        let problems = try ProblemFile.read(context.folder(of: data).appending("train.jsonl"))
        let prompts = Dictionary(
            problems.map { ($0.id, $0.prompt()) }, uniquingKeysWith: { first, _ in first })
        let path = context.folder(of: trajectories).appending("trajectories.jsonl")
        let vocabulary = model.transformer.configuration.vocabulary
        let rows = try Journal.read(path).compactMap { line -> Row? in
            guard let record = TrajectoryRecord(line.value),
                record.response.allSatisfy({ (0..<vocabulary).contains(Int($0)) })
            else {
                throw DamagedFileError(
                    path, "the record of \(line.key) is no trajectory of the teacher's tokens.")
            }
            guard record.isCorrect else { return nil }
            guard let prompt = prompts[record.id] else {
                throw DamagedFileError(path, "there is no problem \(record.id) in the data set.")
            }
            let promptIds = model.tokenizer.ids(prompt)
            let length =
                record.response.firstIndex(of: model.endToken).map { $0 + 1 } ?? record.response.count
            let states = Int(record.unmaskStep.max() ?? -1) + 1
            return Row(
                tokens: promptIds + record.response, promptLength: promptIds.count,
                fullLength: promptIds.count + length,
                trajectory: .init(states: states, unmaskStep: promptIds.map { _ in 0 } + record.unmaskStep))
        }
        guard !rows.isEmpty else {
            throw DataError(
                description: "the teacher got no problem right, so there is nothing to learn from; "
                    + "train it longer, or let it decode more prompts")
        }
        return rows
    }

    private func batch(
        _ step: Int, _ rows: [Row], _ order: OrderBox, _ configuration: TransformerConfiguration, mask: Int32,
        seed: UInt64
    ) -> LossBatch {
        var draws = RandomStream(seed: seed, purpose: "distill", sample: UInt64(step))
        let chosen = (0..<batchSize).map { rows[order.value.index(step * batchSize + $0)] }
        let ratio = noise.ratio(step: step, of: steps, &draws)
        let epoch = Double(step) / Double(steps) * Double(windowLengths.count)
        let options = TrajectoryMask.Options(
            windowLength: Curriculum.windowLength(windowLengths, epoch: epoch), ratio: ratio,
            usesRandomMask: self.mask == .random)
        let windows = chosen.map { row in
            TrajectoryMask.window(
                length: row.tokens.count, promptLength: row.promptLength, fullLength: row.fullLength,
                trajectory: row.trajectory, options, &draws)
        }
        return objective.batch(rows: chosen.map(\.tokens), windows: windows, configuration, mask: mask)
    }
}
