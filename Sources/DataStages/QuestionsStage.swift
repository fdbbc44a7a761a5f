package import ArtifactStore
internal import Base
internal import Evaluation
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

/// Makes a data set of a file of records: questions of a user's own, with what is wanted of an answer.
package struct QuestionsStage: QuickStage {
    package static let name = "questions"
    package static let version = 1
    package static let summary =
        "Makes a data set of own records (JSON lines, JSON, CSV, Parquet, Arrow, plain text): questions, conversations or text, with graders by name and a part that is never trained on."
    package static let output = ArtifactType.dataset
    package static let parts = ["train", "test"]

    let file: ArtifactReference
    let testFile: ArtifactReference?
    let trainFiles: String?
    let testFiles: String?
    let testPercent: Int?
    let format: RecordFormat?
    let unit: TextUnit?
    let limit: Int?
    package let options: RecordReader.Options
    /// What answers may import.
    package var packages: [String] { options.packages }

    package init(_ fields: Fields) {
        file = fields.artifact(
            "file", types: [.files],
            "The records: a file, or all files of a folder in the order of their names.")
        testFile = fields.optionalArtifact(
            "testFile", types: [.files], "The records of the part that is never trained on.")
        trainFiles = fields.optionalString(
            "trainFiles",
            "Beginning of the paths of the files to train on, where the folder holds both parts.")
        testFiles = fields.optionalString(
            "testFiles", "Beginning of the paths of the files that are never trained on.")
        testPercent = fields.optionalInteger(
            "testPercent", in: 0...100,
            "How many records of 100 are never trained on, chosen by a hash of the question; 10 unless files say which they are."
        )
        format = fields.optionalChoice(
            "format", "How the files are written, where neither their names nor their content say it.")
        unit = fields.optionalChoice(
            "unit",
            "Plain text: what a record is, each line (the default), what blank lines part, or a whole file.")
        limit = fields.optionalInteger("limit", in: 1..., "Only the first records of each part.")
        options = Self.options(fields)
        if testPercent != nil {
            for (key, isGiven) in [
                ("testFile", testFile != nil), ("trainFiles", trainFiles != nil),
                ("testFiles", testFiles != nil),
            ] where isGiven {
                fields.reject(
                    "testPercent",
                    "\"\(key)\" says which records are never trained on; leave one of the two out.")
            }
        }
        if testFile != nil, trainFiles != nil || testFiles != nil {
            fields.reject(
                "testFile",
                "\"trainFiles\" and \"testFiles\" choose among the files of \"file\"; leave them or this key out."
            )
        }
    }

    private static func options(_ fields: Fields) -> RecordReader.Options {
        var options = RecordReader.Options()
        options.form = fields.optionalChoice(
            "form",
            "What the records are, told from their columns unless it is given: prompt and response, question and answer, messages (a conversation), text without a question, or trajectory (published trajectories: question, generated_text, gt_answer; the answers that are marked as wrong are left out)."
        )
        options.columns =
            fields.optionalObject(
                "columns", "Names of columns, where they aren't the usual ones."
            ) { columns in
                var names: [String: String] = [:]
                for (role, what) in [
                    ("prompt", "The question."), ("response", "A worked answer, which a model can learn."),
                    ("answer", "The reference that answers are compared with."),
                    ("id", "What names a record; it has to be there once."),
                    ("messages", "A conversation: a list of role and content."),
                    ("text", "Text without a question."), ("grader", "The name of the record's grader."),
                    ("tests", "Python code that raises unless the program before it is right."),
                    ("entryPoint", "The function that the tests call."),
                ] {
                    if let name = columns.optionalString(role, what) { names[role] = name }
                }
                return names
            } ?? [:]
        options.answerMarker = fields.optionalString(
            "answerMarker",
            "What stands before the reference in the answer, \"####\" in GSM8K's; the last one counts.")
        options.wording = fields.optionalString(
            "wording", "The text that a model is asked, with {} in place of the question.")
        options.grader =
            fields.optionalChoice(
                "grader",
                "What makes an answer right: exact (the reference and nothing else), number (the last number), boxed (what stands in the last \\boxed), tests (a program that passes them), none (the default: nothing is graded, and there is no accuracy)."
            ) ?? .none
        options.packages = ProgramPackages.read(fields)
        if !options.packages.isEmpty, options.grader != .tests {
            fields.reject("packages", ProgramPackages.unneeded)
        }
        let template: Template? = fields.optionalChoice(
            "template",
            "How a question reaches a model: model (the default: in its chat template, once, or as it is where it has none), chat (a model without a template is an error), plain (as it is), twice (in the template, and that in it again: the released training of d3LLM on LLaDA)."
        )
        options.template = template?.form ?? .model
        if let wording = options.wording, !wording.byteText.contains("{}") {
            fields.reject("wording", "The text has no {}, where the question is to stand.")
        }
        if options.answerMarker?.isEmpty ?? false {
            fields.reject("answerMarker", "An empty marker stands everywhere; leave the key out.")
        }
        return options
    }

    /// See `TaskPrompt.Form`.
    private enum Template: String, CaseIterable {
        case model, chat, plain, twice

        var form: TaskPrompt.Form {
            switch self {
            case .model: .model
            case .chat: .chat
            case .plain: .plain
            case .twice: .twice
            }
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let reader = RecordReader(options: options)
        var builder = QuestionBuilder(
            reader: reader, name: "\(file)", limit: limit)
        let files = try RecordFiles(
            folder: context.folder(of: file), format: format, unit: unit ?? .line, columns: reader.columns,
            name: "\(file)", check: context.checkCancellation)
        if let testFile {
            let others = try RecordFiles(
                folder: context.folder(of: testFile), format: format, unit: unit ?? .line,
                columns: reader.columns, name: "\(testFile)", check: context.checkCancellation)
            try builder.add(train: files.records(files.names), test: others.records(others.names))
        } else if let (train, test) = try parts(files.names) {
            try builder.add(train: files.records(train), test: files.records(test))
        } else {
            try builder.add(pool: files.records(files.names), testPercent: testPercent ?? 10)
        }
        try context.checkCancellation()
        return try builder.write(to: context.output)
    }

    /// The files of the parts where names tell them apart: as the keys say, or as data sets usually call them.
    private func parts(_ names: [String]) throws(DataError) -> (train: [String], test: [String])? {
        if testPercent != nil { return nil }
        func chosen(_ key: String, _ prefix: String) throws(DataError) -> [String] {
            let chosen = names.filter { $0.byteText.hasPrefix(prefix) }
            guard chosen.isEmpty else { return chosen }
            throw DataError(
                description:
                    "\"\(key)\" is \"\(prefix)\", and no file of \(file) begins so. It holds \(names.prefix(5).joined(separator: ", "))\(names.count > 5 ? " and others" : "")."
            )
        }
        switch (trainFiles, testFiles) {
        case (let train?, let test?):
            return (try chosen("trainFiles", train), try chosen("testFiles", test))
        case (let train?, nil): return (try chosen("trainFiles", train), [])
        case (nil, let test?):
            let asked = try chosen("testFiles", test)
            return (names.filter { !asked.contains($0) }, asked)
        case (nil, nil):
            let usual = ["train", "test"].map { part in
                names.filter { name in name.byteText.split("/").contains { $0.hasPrefix(part) } }
            }
            return usual.contains(where: \.isEmpty) ? nil : (usual[0], usual[1])
        }
    }
}

/// Puts records into the parts of a data set, each with an id of its own, and writes it.
struct QuestionBuilder {
    let reader: RecordReader
    /// What messages call the data.
    let name: String
    let limit: Int?
    private(set) var train: [OwnQuestion] = []
    private(set) var test: [OwnQuestion] = []

    init(reader: RecordReader, name: String, limit: Int? = nil) {
        (self.reader, self.name, self.limit) = (reader, name, limit)
    }

    /// Takes records whose files say which part they are of.
    ///
    /// - Throws: ``DataError`` for the first record that is wrong, for two with one id, and for one question in both.
    mutating func add(train: [RawRecord], test: [RawRecord]) throws(DataError) {
        self.train = try questions(train, prefix: "train")
        self.test = try questions(test, prefix: "test")
        try finish()
    }

    /// Takes records that are put into parts by a hash of their questions.
    ///
    /// - Throws: As ``add(train:test:)``.
    mutating func add(pool: [RawRecord], testPercent: Int) throws(DataError) {
        for question in try questions(pool, prefix: reader.options.idPrefix) {
            let isTest = StableHash.of(question.identity) % 100 < UInt64(testPercent)
            if isTest { test.append(question) } else { train.append(question) }
        }
        if testPercent > 0, test.isEmpty, let last = train.last {
            throw DataError(
                description:
                    "\(name): of \(train.count) records none falls into the \(testPercent) % that are never trained on. Give more records, a larger \"testPercent\", 0 for none, or a file of its own (\"testFile\"); the last record is \(last.place)."
            )
        }
        try finish()
    }

    private func questions(_ records: [RawRecord], prefix: String) throws(DataError) -> [OwnQuestion] {
        guard let first = records.first else { return [] }
        var reader = reader
        reader.options.idPrefix = prefix
        let form = try reader.form(of: first)
        var result: [OwnQuestion] = []
        result.reserveCapacity(records.count)
        for (index, record) in records.enumerated() {
            result.append(try reader.question(record, number: index + 1, form))
        }
        return result
    }

    private mutating func finish() throws(DataError) {
        guard !(train.isEmpty && test.isEmpty) else {
            throw DataError(description: "\(name) has no record.")
        }
        var places: [ByteText: String] = [:]
        for question in train + test {
            if let other = places[question.id.byteText] {
                throw DataError(
                    description:
                        "\(question.place): the id \"\(question.id)\" is that of another record, \(other). Give each record its own, or leave the column out."
                )
            }
            places[question.id.byteText] = question.place
        }
        func entry(_ question: OwnQuestion) -> Leakage.Entry {
            .init(identity: question.identity, shown: "\"\(question.id)\" (\(question.place))")
        }
        try Leakage.refuse(train: train.map(entry), test: test.map(entry), name: name)
        if let limit {
            train = Array(train.prefix(limit))
            test = Array(test.prefix(limit))
        }
    }

    /// Writes the data set.
    func write(to folder: FilePath) throws -> StageResult {
        func items(_ questions: [OwnQuestion]) throws -> [TaskItem] {
            try questions.enumerated().map { try $1.item($0) }
        }
        // The family says nothing here: each question knows its form.
        try QuestionFile(
            task: TaskOptions(task: OwnTask.name, family: .llada, packages: reader.options.packages),
            equivalence: nil, items: items(test)
        ).write(to: folder, train: items(train))
        let all = train + test
        let responses = all.count { $0.response != nil }
        let graded = all.count { $0.grader != .none }
        let mean = all.isEmpty ? 0 : all.reduce(0) { $0 + $1.identity.utf8.count } / all.count
        let answers = all.compactMap(\.response).reduce(0) { $0 + $1.utf8.count } / max(1, responses)
        return StageResult(
            summary:
                "\(train.count) records to train on, \(test.count) to test; \(responses) with a response, \(graded) graded",
            metrics: [
                "train": .integer(train.count), "test": .integer(test.count),
                "responses": .integer(responses), "graded": .integer(graded),
                "promptBytes": .integer(mean), "responseBytes": .integer(answers),
            ])
    }
}

extension QuestionsStage {
    /// What its record says; before it is made, nothing of its file is known, and questions are taken to be as long as GSM8K's.
    package func facts(_ context: ForecastContext) -> Facts {
        var facts: Facts = [:]
        let metrics = context.record?.metrics
        facts[.train] = metrics?["train"]?.double
        facts[.test] = metrics?["test"]?.double
        // A token of the usual vocabularies covers about four bytes of English.
        facts[.promptTokens] = metrics?["promptBytes"]?.double.map { $0 / 4 + 10 } ?? 100
        facts[.responseTokens] = metrics?["responseBytes"]?.double.map { $0 / 4 + 1 } ?? 230
        return facts
    }

    /// Reading and writing some megabytes.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(seconds: 2, memory: Int(clamped: 4 * MemoryModel.program), disk: 10_000_000)
    }
}
