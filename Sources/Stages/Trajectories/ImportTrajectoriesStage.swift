internal import ArtifactStore
internal import Files
internal import JSON
package import Recipes
internal import Reporting
package import Runs
internal import SystemPackage

/// Converts published trajectories, which hold the whole sequence after each step, to one step number per position.
package struct ImportTrajectoriesStage: QuickStage {
    package static let name = "import-trajectories"
    package static let version = 1
    package static let summary =
        "Converts published trajectories (d3LLM's data sets: the whole sequence after each step) to what distill takes: one step number per position."
    package static let output = ArtifactType.trajectories

    /// Which answers are taken.
    enum Keep: String, CaseIterable {
        case all
        case right
    }

    /// What becomes of a row that no decoding can have given.
    enum Impossible: String, CaseIterable {
        case refuse
        case skip
    }

    let files: ArtifactReference
    let model: ArtifactReference
    let part: String?
    let limit: Int?
    let keep: Keep
    let impossible: Impossible
    let options: PublishedTrajectory.Options

    package init(_ fields: Fields) {
        files = fields.artifact(
            "files", types: [.files],
            "The data set: .parquet, .arrow or .jsonl files (also compressed) with prompt_ids and trajectory."
        )
        model = fields.artifact(
            "model", types: [.model],
            "The teacher that made them: its mask token and vocabulary are needed, and its tokenizer has to be theirs."
        )
        part = fields.optionalString(
            "part", "Beginning of the files' paths, where the data set has several parts.")
        limit = fields.optionalInteger("limit", in: 1...100_000_000, "Rows to read, from the first on.")
        keep = fields.choice(
            "keep", default: Keep.all,
            "all: also rows whose is_correct is false, as the released training takes them; right: only the others."
        )
        impossible = fields.choice(
            "impossible", default: Impossible.refuse,
            "What becomes of a row that no decoding can have given: an error that names the place (refuse), or it is left out and counted (skip)."
        )
        options = PublishedTrajectory.Options(
            blockLength: fields.optionalInteger(
                "blockLength", in: 1...65_536,
                "Block of the teacher's decoding: a row that doesn't finish its blocks one after another counts as impossible."
            ),
            maximumResponse: fields.optionalInteger(
                "maximumResponse", in: 1...1_000_000,
                "Responses are cut to this many tokens (released training for Dream: 256)."),
            maximumLength: fields.optionalInteger(
                "maximumLength", in: 1...1_000_000,
                "Prompt and response are cut to this many tokens together (released training: 384 for LLaDA, 512 for Dream); a row without a response left is left out and counted."
            ))
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let tokens = try ModelTokens(context.folder(of: model))
        let source = try TrajectoryFiles(
            context.folder(of: files), part: part, name: "\(files)", scratch: context.workFolder)
        var agreement = TokenizerAgreement(tokens.tokenizer)
        var counts = Counts()
        let progress = context.progress(total: limit, unit: "rows")
        try context.writeJournal(TrajectoriesStage.journalName) { append in
            try source.forEachRow(limit: limit) { row, place in
                if counts.rows % 64 == 0 { try context.checkCancellation() }
                counts.rows += 1
                progress.advance()
                let answer: PublishedTrajectory
                do throws(ImpossibleTrajectory) {
                    answer = try PublishedTrajectory(row, tokens, options)
                } catch {
                    guard impossible == .skip else {
                        throw DataError(
                            description:
                                "\(place)\(error.row.map { " (idx \($0))" } ?? ""): \(error.description) \"impossible\": \"skip\" leaves such rows out."
                        )
                    }
                    counts.impossible += 1
                    return
                }
                if keep == .right, answer.own?.used != true || answer.isCorrect != nil {
                    guard let isCorrect = answer.isCorrect else {
                        throw DataError(
                            description:
                                "\(place): There is no is_correct, which \"keep\": \"right\" goes by.")
                    }
                    guard isCorrect else {
                        counts.wrong += 1
                        return
                    }
                }
                guard let record = answer.record(number: counts.rows - 1, options) else {
                    counts.tooLong += 1
                    return
                }
                try agreement.compare(row, answer)
                counts.add(record, endToken: tokens.end)
                // Rows of this program know their questions by name, those of others only by place.
                let key: JournalKey = answer.own == nil ? .integer(counts.rows - 1) : .string(record.id)
                try append(JournalRecord(key, record.value))
            }
        }
        try agreement.check(files: "\(files)", model: "\(model)")
        guard counts.kept > 0 else {
            throw DataError(
                description:
                    "\(files) gives no trajectory: of \(counts.rows) rows \(counts.wrong) are wrong answers, \(counts.tooLong) have no room for a response, and \(counts.impossible) are impossible."
            )
        }
        return counts.result(agreement)
    }
}

/// What became of the rows.
private struct Counts {
    var rows = 0
    var kept = 0
    var wrong = 0
    var tooLong = 0
    var impossible = 0
    private var steps = 0
    private var prompt = 0
    private var response = 0
    private var answer = 0

    mutating func add(_ record: TrajectoryRecord, endToken: Int32) {
        kept += 1
        steps += record.evaluations
        prompt += record.prompt?.count ?? 0
        response += record.response.count
        answer += record.response.firstIndex(of: endToken) ?? record.response.count
    }

    func result(_ agreement: TokenizerAgreement) -> StageResult {
        func mean(_ sum: Int) -> Double { Double(sum) / Double(max(1, kept)) }
        let left = [(wrong, "wrong"), (tooLong, "too long"), (impossible, "impossible")].filter { $0.0 > 0 }
            .map { ", \($0.0) \($0.1)" }.joined()
        return StageResult(
            summary:
                "\(kept) of \(rows) rows\(left); prompts of \(FixedPoint.text(mean(prompt), digits: 0)) tokens, responses of \(FixedPoint.text(mean(response), digits: 0)), \(FixedPoint.text(mean(steps), digits: 0)) steps on the mean",
            metrics: [
                "rows": .integer(rows), "kept": .integer(kept), "wrong": .integer(wrong),
                "tooLong": .integer(tooLong), "impossible": .integer(impossible), "nfe": .integer(steps),
                "promptTokens": .number(mean(prompt)), "responseTokens": .number(mean(response)),
                "answerTokens": .number(mean(answer)),
                "tokenizerCompared": .integer(agreement.compared),
                "tokenizerAgreed": .integer(agreement.agreed),
            ])
    }
}
