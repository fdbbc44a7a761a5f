package import ArtifactStore
internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import Numerics
package import Recipes
package import Runs
package import SystemPackage
internal import Tokenizers
internal import Transformers

/// Records the order in which a teacher decodes its answers, one token per forward.
package struct TrajectoriesStage: SampledStage {
    package static let name = "trajectories"
    package static let version = 2
    package static let summary =
        "Decodes training problems with a teacher, one token per forward, and keeps the order of the right answers."
    package static let output = ArtifactType.trajectories
    package static let journalName = "trajectories"

    let teacher: ArtifactReference
    let data: ArtifactReference
    let count: Int
    let blockLength: Int
    let generationLength: Int
    let attempts: Int
    let temperatureStep: Double
    let groupSize: Int
    let order: Order

    /// What the next token of a block is.
    enum Order: String, CaseIterable {
        case confidence
        case entropy
    }

    package init(_ fields: Fields) {
        teacher = fields.artifact("teacher", types: [.model], "The model whose order is recorded.")
        data = fields.artifact("data", types: [.dataset], "Data set whose training part gives the prompts.")
        count = fields.integer("count", default: 2048, in: 1...10_000_000, "Prompts, from the first on.")
        blockLength = fields.integer(
            "blockLength", default: 8, in: 1...65_536, "Block of the teacher's decoding.")
        generationLength = fields.integer(
            "generationLength", default: 48, in: 1...65_536, "Tokens of a response.")
        attempts = fields.integer(
            "attempts", default: 5, in: 1...100,
            "Tries per prompt: the first takes the most probable tokens, each further one adds temperatureStep."
        )
        temperatureStep = fields.number(
            "temperatureStep", default: 0.1, in: .above(0),
            "Rise of the temperature from one try to the next.")
        groupSize = fields.integer("groupSize", default: 16, in: 1...4096, "Prompts decoded in one batch.")
        order =
            fields.optionalChoice(
                "order",
                "Which token of the block comes next: the most probable (confidence, the default; released code for LLaDA) or "
                    + "the one of lowest entropy (entropy; for Dream).") ?? .confidence
        if generationLength % blockLength != 0 {
            fields.reject(
                "blockLength",
                "The generation length \(generationLength) should be a multiple of the block length \(blockLength)."
            )
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        try runGroups(context, unit: "prompts")
    }

    /// The problems that the teacher answers, in order.
    func problems(_ context: StageContext) throws -> [Problem] {
        let problems = try ProblemFile.read(context.folder(of: data).appending("train.jsonl"))
        guard problems.count >= count else {
            throw DataError(
                description: "the data set has \(problems.count) training problems; count asks for \(count)")
        }
        return Array(problems.prefix(count))
    }

    package func sampleKeys(_ context: StageContext) throws -> [JournalKey] {
        try problems(context).map { .string($0.id) }
    }

    package func groups(_ context: StageContext) throws -> SampleGroups {
        let model = try ModelFolder(context.folder(of: teacher))
        let chosen = try problems(context)
        let (size, seed) = (groupSize, context.seed)
        return SampleGroups(of: chosen.count, size: size) { group in
            let range = group * size..<min(chosen.count, (group + 1) * size)
            return try decode(Array(chosen[range]), firstSample: range.lowerBound, model, seed: seed)
                .map { JournalRecord(.string($0.id), $0.value) }
        }
    }

    package func result(of records: [JournalRecord], in journal: FilePath) throws -> StageResult {
        let records = try records.map { record in
            guard let trajectory = TrajectoryRecord(record.value) else {
                throw DamagedFileError(
                    journal,
                    "the record of \(record.key) is no trajectory; delete the file to start the stage again.")
            }
            return trajectory
        }
        let kept = records.count { $0.isCorrect }
        let first = records.count { $0.isCorrect && $0.attempt == 0 }
        return StageResult(
            summary: "\(kept) of \(records.count) kept, \(first) right at the first try",
            metrics: [
                "prompts": .integer(records.count), "kept": .integer(kept), "firstTry": .integer(first),
                "nfe": .integer(records.reduce(0) { $0 + $1.evaluations }),
            ])
    }

    /// Decodes one group; wrong answers are tried again, hotter each time.
    private func decode(
        _ problems: [Problem], firstSample: Int, _ model: ModelFolder, seed: UInt64
    ) throws -> [TrajectoryRecord] {
        let options = BlockwiseOptions(
            generationLength: generationLength, blockLength: blockLength,
            // No entropy is below 0, so that only the lowest of each step is accepted.
            rule: order == .confidence ? .scheduled : .entropyBelow(0))
        var results: [TrajectoryRecord?] = problems.map { _ in nil }
        var evaluations = problems.map { _ in 0 }
        for attempt in 0..<attempts {
            let open = problems.indices.filter { !(results[$0]?.isCorrect ?? false) }
            if open.isEmpty { break }
            var decoders: [any Decoder] = open.map { i in
                let sampling =
                    attempt == 0
                    ? nil
                    : Sampling(
                        temperature: Double(attempt) * temperatureStep, seed: seed,
                        sample: UInt64(firstSample + i),
                        attempt: attempt)
                return BlockwiseDecoder(
                    DecodingTask(
                        prompt: model.tokenizer.ids(problems[i].prompt()), maskToken: model.maskToken,
                        endToken: model.endToken, sampling: sampling), options)
            }
            var recorders = decoders.map { TrajectoryRecorder($0) }
            try BatchDecoder(model.transformer, threads: 1).decode(&decoders) { index, step, _ in
                recorders[index].observe(step)
            }
            for (j, i) in open.enumerated() {
                let trajectory = recorders[j].finish(decoders[j])
                evaluations[i] += trajectory.evaluations
                let text = model.tokenizer.decode(
                    tokenIds: trajectory.response.map(Int.init), skipSpecialTokens: false)
                results[i] = TrajectoryRecord(
                    id: problems[i].id, isCorrect: problems[i].accepts(text),
                    attempt: attempt, evaluations: evaluations[i], response: trajectory.response,
                    unmaskStep: trajectory.unmaskStep)
            }
        }
        return results.compactMap { $0 }
    }
}
