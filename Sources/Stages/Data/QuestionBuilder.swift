internal import Base
internal import Evaluation
internal import Files
internal import JSON
internal import Runs
internal import SystemPackage

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
            task: TaskOptions(task: OwnTask.name, family: .llada), equivalence: nil, items: items(test)
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
