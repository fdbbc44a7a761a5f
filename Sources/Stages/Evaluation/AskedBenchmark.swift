internal import ArtifactStore
internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import Runs
internal import SystemPackage
internal import Tokenizers
internal import Transformers

/// The questions of a benchmark.
struct AskedBenchmark: AskedQuestions {
    let file: QuestionFile
    let items: [TaskItem]

    init(_ data: DataSet, limit: Int?) throws {
        try data.check(.test)
        let all = try QuestionFile(folder: data.folder)
        file = all
        items = limit.map { Array(all.items.prefix($0)) } ?? all.items
    }

    var ids: [String] { items.map(\.id) }
    var runsPrograms: Bool { file.runsPrograms }

    func questions(for model: AnsweringModel.Source, _ permissions: Permissions) throws -> any Questions {
        // First: it is cheap and may fail, where loading a model isn't.
        let grading = try AnswerGrading(file, permissions)
        let answering = try LoadedModel(model)
        // A user's are checked before the first is decoded, so that what is wrong with the last is known now; those of
        // benchmarks are asked as upstream asks them, whatever their length.
        let prompts =
            file.task.task == OwnTask.name
            ? try items.map { try answering.encoder.prompt(.task($0), room: 1) } : nil
        return BenchmarkQuestions(items: items, prompts: prompts, model: answering, grading: grading)
    }

    func check(_ record: JournalRecord, _ index: Int, in journal: FilePath) throws {
        let item = items[index]
        guard let verdicts = record.value["verdicts"]?.object, let text = record.value["text"]?.string,
            let prompt = record.value["prompt"]?.string
        else {
            throw DamagedFileError(journal, "the record of \(record.key) has no prompt, text or verdicts.")
        }
        try RecordCheck.prompt(record, SHA256.hex(of: Array(prompt.utf8)), in: journal)
        // Only what is graded has a verdict.
        guard record.value["correct"] != .null || item.extractions(text).isEmpty else {
            throw DamagedFileError(
                journal, "the record of \(record.key) has no verdict, but its answer is graded.")
        }
        guard prompt.utf8.count >= item.prompt.text.utf8.count,
            record.value["docHash"]?.string == DocumentHash.of(item.record.value)
        else {
            throw DamagedFileError(journal, "the record of \(record.key) is of another question.")
        }
        var isCorrect: Bool?
        for extraction in item.extractions(text) {
            let recorded = verdicts[extraction.name]?["correct"]?.bool
            if let found = extraction.verdict.isCorrect, found != recorded {
                throw DamagedFileError(
                    journal,
                    "the record of \(record.key) has another verdict \"\(extraction.name)\" than the grader finds."
                )
            }
            if extraction.isReported { isCorrect = recorded }
        }
        isCorrect = verdicts[AnswerGrading.sympy]?["correct"]?.bool ?? isCorrect
        if record.value["correct"] == .null { return }
        try RecordCheck.verdict(record, isCorrect: isCorrect ?? false, in: journal)
    }
}

/// The questions of a benchmark for one model.
private struct BenchmarkQuestions: Questions {
    let items: [TaskItem]
    /// Their tokens, where they are known already.
    let prompts: [[Int32]]?
    let model: LoadedModel
    let grading: AnswerGrading

    var ids: [String] { items.map(\.id) }
    var transformer: Transformer { model.transformer }
    var maskToken: Int32 { model.maskToken }
    var endToken: Int32? { model.tokens.knownEnd }
    var furtherEndTokens: [Int32] { model.tokens.furtherEnds }
    var repetitionPenalty: Double { model.tokens.repetitionPenalty }

    func prompt(_ index: Int) throws -> [Int32] {
        try prompts?[index] ?? model.encoder.tokens(items[index].prompt)
    }

    func text(of token: Int32) -> String {
        model.tokens.tokenizer.exactText(of: [Int(token)])
    }

    func records(
        _ range: Range<Int>, _ decoders: [any Decoder], generationLength: Int
    ) throws -> [JSONValue] {
        let answers = zip(range, decoders).map { Answer($1, items[$0], model.tokens) }
        let grades = try grading.grade(answers.map { ($0.text, $0.item) })
        return try zip(answers, grades).map { answer, grade in
            try record(answer, grade, generationLength: generationLength)
        }
    }

    /// What a decoder leaves.
    private struct Answer {
        let item: TaskItem
        let decoder: any Decoder
        let response: [Int]
        /// Where the first end token is.
        let end: Int?
        /// What stands before it, without special tokens.
        let text: String

        init(_ decoder: any Decoder, _ item: TaskItem, _ tokens: ModelTokens) {
            self.item = item
            self.decoder = decoder
            let response = decoder.tokens[decoder.promptLength...].map(Int.init)
            let ends = tokens.ends
            let end = response.firstIndex { ends.contains(Int32($0)) }
            text = tokens.answers.text(Array(decoder.tokens[decoder.promptLength...]))
            (self.response, self.end) = (response, end)
        }
    }

    private func record(
        _ answer: Answer, _ grade: AnswerGrading.Grade, generationLength: Int
    ) throws -> JSONValue {
        let (item, decoder, text) = (answer.item, answer.decoder, answer.text)
        let ends = model.tokens.ends
        let prompt = try model.encoder.text(item.prompt)
        let stop: String =
            item.graded(text).utf8.count < text.utf8.count
            ? "stop-string" : answer.end == nil ? "length" : "end"
        let record = SampleRecord(
            id: item.id, correct: grade.isCorrect,
            tokensBeforeEnd: TokenCount.throughEnd(answer.response, generationLength: generationLength) {
                ends.contains(Int32($0))
            },
            nfe: decoder.evaluations, forwards: decoder.forwards, tokensForwarded: decoder.tokensForwarded,
            text: text, promptHash: SHA256.hex(of: Array(prompt.utf8)), isGraded: grade.isGraded)
        guard case .object(var object) = record.value else { return record.value }
        object["docHash"] = .string(DocumentHash.of(item.record.value))
        object["promptTokens"] = .integer(decoder.promptLength)
        object["stop"] = .string(stop)
        object["verdicts"] = .object(grade.verdicts)
        object["prompt"] = .string(prompt)
        return .object(object)
    }
}
