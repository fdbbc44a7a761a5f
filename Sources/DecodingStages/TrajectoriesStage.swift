package import ArtifactStore
internal import DataStages
internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import ModelStages
internal import Numerics
package import Recipes
package import Runs
internal import StageBasics
package import SystemPackage
internal import Tokenizers
internal import Transformers

/// Records the order in which a teacher decodes its answers, one token per forward.
package struct TrajectoriesStage: SampledStage, RestrictedStage {
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
    let keep: Keep?
    let precision: WeightPrecision?
    let reads: Reading

    /// What stands before the teacher's answers.
    enum Reading: String, CaseIterable {
        case question
        case answer
    }

    /// Which answers a student learns from.
    enum Keep: String, CaseIterable {
        case right
        case all
    }

    /// What the next token of a block is.
    enum Order: String, CaseIterable {
        case confidence
        case entropy
    }

    package init(_ fields: Fields) {
        teacher = fields.artifact("teacher", types: [.model], "The model whose order is recorded.")
        data = fields.artifact(
            "data", types: [.dataset],
            "Data set whose training part gives the prompts: generated problems, a benchmark's or own questions."
        )
        count = fields.integer("count", default: 2048, in: 1...10_000_000, "Prompts, from the first on.")
        blockLength = fields.integer(
            "blockLength", default: 32, in: 1...65_536, "Block of the teacher's decoding (released code: 32)."
        )
        generationLength = fields.integer(
            "generationLength", default: 256, in: 1...65_536, "Tokens of a response (released code: 256).")
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
        keep = fields.optionalChoice(
            "keep",
            "Which answers a student learns from: right (the default; released code for LLaDA), or all, also those that are wrong after the last try (the paper's wording; released code for Dream). Answers that nothing grades are always kept."
        )
        precision = fields.optionalChoice(
            "precision",
            "How the teacher's linear layers are kept while it decodes; 32-bit floats unless it is given.")
        reads = fields.option(
            "reads", default: Reading.question,
            "What the teacher sees: the question, or the reference answer before it (TAD); a student learns the answers behind the question alone."
        )
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

    /// The questions that the teacher answers, in order, and what grades them where they are of tasks.
    func questions(_ context: StageContext) throws -> (items: [DataItem], file: QuestionFile?) {
        let (items, file) = try DataSet(context.folder(of: data), name: "\(data)").read(.train)
        guard items.count >= count else {
            throw DataError(
                description: "the data set has \(items.count) training problems; count asks for \(count)")
        }
        return (Array(items.prefix(count)), file)
    }

    package func sampleKeys(_ context: StageContext) throws -> [JournalKey] {
        try questions(context).items.map { .string($0.id) }
    }

    package func permissionNeed(_ stage: (ArtifactReference) -> (any StageDescription)?) -> PermissionNeed? {
        CodeExecution.need(of: stage(data))
    }

    package func groups(_ context: StageContext) throws -> SampleGroups {
        let (chosen, file) = try questions(context)
        // First: it is cheap and may fail, where loading a model isn't.
        let judge = try AnswerJudge(file, context.permissions)
        let known = try ModelTokens(context.folder(of: teacher))
        // All of them before the first is decoded: what is wrong with the last should be known now.
        let prompts = try chosen.map { try known.encoder.prompt($0, room: generationLength) }
        let asked =
            reads == .question
            ? prompts
            : try chosen.map {
                try known.encoder.prompt($0, reading: $0.reference, room: generationLength)
            }
        let model = try Checkpoint.load(context.folder(of: teacher), precision: precision ?? .float32)
        let (size, seed) = (groupSize, context.seed)
        return SampleGroups(of: chosen.count, size: size) { group in
            let range = group * size..<min(chosen.count, (group + 1) * size)
            return try decode(
                Array(chosen[range]), Array(asked[range]), kept: Array(prompts[range]),
                firstSample: range.lowerBound, model, known,
                judge, seed: seed
            ).map { JournalRecord(.string($0.id), $0.value) }
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
        let kept = records.count { $0.isUsed }
        let first = records.count { $0.isCorrect == true && $0.attempt == 0 }
        let graded = records.count { $0.isCorrect != nil }
        var metrics: JSONObject = [
            "prompts": .integer(records.count), "kept": .integer(kept), "firstTry": .integer(first),
            "nfe": .integer(records.reduce(0) { $0 + $1.evaluations }),
        ]
        if records.contains(where: { $0.prompt != nil }) {
            let right = records.count { $0.isCorrect == true }
            metrics["graded"] = .integer(graded)
            metrics["right"] = .integer(right)
            let prompts = records.reduce(0) { $0 + ($1.prompt?.count ?? 0) }
            metrics["promptTokens"] = .number(Double(prompts) / Double(max(1, records.count)))
        }
        return StageResult(
            summary: "\(kept) of \(records.count) kept, "
                + (graded == 0 && !records.isEmpty
                    ? "none graded: the data has no reference answers" : "\(first) right at the first try"),
            metrics: .object(metrics))
    }

    /// Decodes one group; wrong answers are tried again, hotter each time.
    ///
    /// - Parameters:
    ///   - prompts: What the teacher sees.
    ///   - kept: What is recorded as the prompt.
    private func decode(
        _ items: [DataItem], _ prompts: [[Int32]], kept: [[Int32]], firstSample: Int, _ model: Transformer,
        _ known: ModelTokens, _ judge: AnswerJudge, seed: UInt64
    ) throws -> [TrajectoryRecord] {
        let options = BlockwiseOptions(
            generationLength: generationLength, blockLength: blockLength,
            // No entropy is below 0, so that only the lowest of each step is accepted.
            rule: order == .confidence ? .scheduled : .entropyBelow(0))
        var results: [TrajectoryRecord?] = items.map { _ in nil }
        var evaluations = items.map { _ in 0 }
        for attempt in 0..<attempts {
            let open = items.indices.filter { results[$0].map { $0.isCorrect == false } ?? true }
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
                        prompt: prompts[i], maskToken: known.mask, endToken: known.end,
                        furtherEndTokens: known.furtherEnds,
                        sampling: sampling), options)
            }
            var recorders = decoders.map { TrajectoryRecorder($0) }
            try BatchDecoder(model, threads: 1).decode(&decoders) { index, step, _ in
                recorders[index].observe(step)
            }
            let trajectories = zip(recorders, decoders).map { $0.finish($1) }
            let verdicts = try judge.verdicts(
                zip(open, trajectories).map { (items[$0], $1.response) }, known.answers)
            for (j, i) in open.enumerated() {
                evaluations[i] += trajectories[j].evaluations
                results[i] = TrajectoryRecord(
                    id: items[i].id, isCorrect: verdicts[j], attempt: attempt,
                    evaluations: evaluations[i], response: trajectories[j].response,
                    unmaskStep: trajectories[j].unmaskStep)
            }
        }
        return zip(results, zip(items, kept)).compactMap { result, question in
            guard var result else { return nil }
            // What a data set of generated problems and a model made here gives doesn't have to be kept.
            if case .problem = question.0, known.areWords {} else { result.prompt = question.1 }
            if result.prompt != nil || keep == .all {
                result.used = keep == .all || result.isCorrect != false
            }
            return result
        }
    }
}

extension TrajectoriesStage {
    /// Also grades every answer again, so that a verdict can't be changed together with the metrics.
    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let records = try records(in: artifact, context)
        let path = Self.journal(of: artifact)
        let known = try ModelTokens(context.folder(of: teacher))
        for (record, item) in zip(records, try questions(context).items) {
            // A record of another form is told by what sums the records up.
            guard let trajectory = TrajectoryRecord(record.value) else { continue }
            if let prompt = trajectory.prompt,
                try prompt != known.encoder.prompt(item, room: generationLength)
            {
                throw DamagedFileError(
                    path, "the record of \(record.key) has another prompt than its question gives.")
            }
            guard let verdict = verdict(of: trajectory, item, known.answers) else { continue }
            guard trajectory.isCorrect == verdict else {
                throw DamagedFileError(
                    path,
                    "the record of \(record.key) says that its answer is \(verdict ? "wrong" : "right"), but the grader finds it \(verdict ? "right" : "wrong")."
                )
            }
        }
        return try result(of: records, in: path)
    }

    /// What grading says again; nil where that takes running a program or asking sympy, and where nothing is graded.
    private func verdict(
        of trajectory: TrajectoryRecord, _ item: DataItem, _ tokens: AnswerTokens
    ) -> Bool? {
        switch item {
        case .problem(let problem):
            problem.accepts(tokens.problemText(trajectory.response))
        case .task(let task):
            task.extractions(tokens.text(trajectory.response)).first { $0.isReported && $0.name != "none" }?
                .verdict.isCorrect
        }
    }
}

extension TrajectoriesStage {
    /// Tries per prompt: a teacher that was trained well is right at the first, and wrong for a few.
    private var expectedTries: Double { attempts > 1 ? 1.03 : 1 }

    /// Answers that are kept: those of the artifact, or one per prompt.
    package func facts(_ context: ForecastContext) -> Facts {
        let metrics = context.record?.metrics
        var facts: Facts = [
            .answers: metrics?["kept"]?.double ?? Double(count), .responseTokens: Double(generationLength),
        ]
        facts[.promptTokens] =
            metrics?["promptTokens"]?.double ?? context.facts(of: data)[.promptTokens]
        return facts
    }

    /// A forward per token of the response, for the prompts that the journal lacks.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let data = context.facts(of: data)
        guard let configuration = context.facts(of: teacher).configuration,
            let prompt = data[.promptTokens]
        else { return nil }
        let length = Double(generationLength)
        let group = min(groupSize, count)
        let shape = PassShape(
            configuration, sequences: group, tokens: prompt + length, logitRows: 0.6 * Double(blockLength))
        let left = max(0, count - context.recordsDone)
        let cost = GroupCost(
            groups: Double((left + group - 1) / group), forwards: length * expectedTries, shape: shape)
        let problems = data[.train] ?? 0
        let reading = context.seconds(of: ModelWork.readProblem.work, times: problems) ?? 0
        // A token and a step for each position.
        let disk = Double(count) * (110 + 5.5 * length)
        let memory = DecodingMemory(
            teacher, shape, threads: context.threads, chosen: precision ?? .float32,
            besides: problems * MemoryModel.problem)
        var forecast = StageForecast(
            seconds: cost.seconds(context).map { $0 + reading }, memory: memory.chosen,
            disk: Int(clamped: disk), scratch: Int(clamped: disk))
        forecast.models = memory.forms
        return forecast
    }
}
