internal import Base
internal import Evaluation
internal import Files
package import JSON
internal import Reporting
internal import StageBasics
package import SystemPackage
internal import Tokenizers
internal import Transformers

/// A look at a file of records before it is used: how many there are, what is malformed, how long they are in a model's
/// tokens, and some of them as the model will see them.
package struct DataReport: Sendable {
    /// How the file is read; the same words as the keys of the stage `questions`.
    package struct Request: Sendable {
        package var format: String?
        package var unit: String?
        package var form: String?
        /// Names of columns by what they hold.
        package var columns: [String: String] = [:]
        package var answerMarker: String?
        package var wording: String?
        package var grader: String?
        package var template: String?
        /// Tokens that have to fit behind a question.
        package var generationLength = 256
        /// The folder of a model; nil measures bytes only.
        package var model: FilePath?

        package init() {}
    }

    private struct Lengths {
        let values: [Int]

        init(_ values: [Int]) { self.values = values.sorted() }

        /// Smallest, median, 95 of 100, largest.
        var marks: [(name: String, value: Int)] {
            guard let first = values.first, let last = values.last else { return [] }
            func at(_ share: Double) -> Int { values[Int(Double(values.count - 1) * share)] }
            return [("min", first), ("median", at(0.5)), ("p95", at(0.95)), ("max", last)]
        }
    }

    private struct Problems {
        private static let most = 1000
        private(set) var first: [String] = []
        private(set) var count = 0

        mutating func append(_ problem: String) {
            count += 1
            if count <= Self.most { first.append(problem) }
        }
    }

    private struct Sample {
        let id: String
        let place: String
        let prompt: String
        let tokens: Int?
        let response: String?
        let answer: String?
    }

    /// What is wrong, with file and line: the first thousand.
    package var problems: [String] { found.first }
    private let found: Problems
    private let path: String
    /// nil where a file can't be read, such as one that would take days.
    private let digest: String?
    private let records: Int
    private let form: String
    private let responses: Int
    private let graded: Int
    private let unit: String
    private let prompts: Lengths
    private let answers: Lengths
    private let samples: [Sample]
    /// Most frequent first, of a model whose tokens are words.
    private let unknown: [(word: String, count: Int)]

    /// Reads a file or the files of a folder; nothing is written.
    ///
    /// - Throws: ``DataError`` for a request that names what isn't there; what reading a model's folder throws.
    package init(_ path: FilePath, _ request: Request) throws {
        func choice<T: RawRepresentable<String> & CaseIterable>(_ text: String?, _ key: String) throws -> T? {
            guard let text else { return nil }
            if let value = T(rawValue: text) { return value }
            throw DataError(
                description:
                    "--\(key) takes \(T.allCases.map(\.rawValue).joined(separator: ", ")); this is \"\(text)\"."
            )
        }
        var options = RecordReader.Options()
        options.form = try choice(request.form, "form")
        if let role = request.columns.keys.sorted().first(where: { !RecordReader.roles.contains($0) }) {
            throw DataError(
                description:
                    "--column names what it holds and the column, as prompt=instruction; \"\(role)\" is nothing that a record holds. There are \(RecordReader.roles.joined(separator: ", "))."
            )
        }
        options.columns = request.columns
        options.answerMarker = request.answerMarker
        options.wording = request.wording
        options.grader = try choice(request.grader, "grader") ?? .none
        options.template = try choice(request.template, "template") ?? .model
        let format: RecordFormat? = try choice(request.format, "format")
        let textUnit: TextUnit? = try choice(request.unit, "unit")
        let isFolder = try FileSystem.status(path)?.kind == .folder
        let columns = RecordReader(options: options).columns
        let files =
            isFolder
            ? try RecordFiles(
                folder: path, format: format, unit: textUnit ?? .line, columns: columns, name: path.string)
            : try RecordFiles(file: path, format: format, unit: textUnit ?? .line, columns: columns)
        var problems = Problems()
        var raw: [RawRecord] = []
        var isReadable = true
        for name in files.names {
            do {
                try files.survey(name, { problems.append($0) }, { raw.append($0) })
            } catch {
                isReadable = false
                problems.append("\(error)")
            }
        }
        let reader = RecordReader(options: options)
        var questions: [OwnQuestion] = []
        var shape: RecordReader.Form?
        if let first = raw.first {
            do throws(DataError) { shape = try reader.form(of: first) } catch {
                problems.append(error.description)
            }
        }
        var places: [ByteText: String] = [:]
        for (index, record) in raw.enumerated() {
            guard let shape else { break }
            do throws(DataError) {
                let question = try reader.question(record, number: index + 1, shape)
                if let other = places[question.id.byteText] {
                    problems.append(
                        "\(question.place): the id \"\(question.id)\" is that of another record, \(other).")
                }
                places[question.id.byteText] = question.place
                questions.append(question)
            } catch {
                problems.append(error.description)
            }
        }
        var measured = Measured(
            // Its weights aren't read.
            try request.model.map {
                QuestionEncoder(
                    try TokenizerFiles(folder: $0), try Checkpoint.configuration($0), name: "\($0)")
            }, room: request.generationLength)
        for (index, question) in questions.enumerated() {
            try measured.add(question, index, problems: &problems)
        }
        self.path = path.string
        digest =
            if !isReadable { nil } else {
                try isFolder ? LocalFilesStage.digest(of: path) : SHA256.hex(ofFile: path)
            }
        records = raw.count
        form = shape?.rawValue ?? "unknown"
        responses = questions.count { $0.response != nil }
        graded = questions.count { $0.grader != .none }
        unit = request.model == nil ? "bytes" : "tokens"
        (prompts, answers) = (Lengths(measured.prompts), Lengths(measured.responses))
        samples = measured.samples
        unknown = measured.unknown.map { (word: $0.key.text, count: $0.value) }
            .sorted { ($1.count, $0.word) < ($0.count, $1.word) }
        self.found = problems
    }

    private struct Measured {
        /// How many questions are shown.
        private static let sampleCount = 3
        let encoder: QuestionEncoder?
        let room: Int
        var prompts: [Int] = []
        var responses: [Int] = []
        var samples: [Sample] = []
        var unknown: [ByteText: Int] = [:]

        init(_ encoder: QuestionEncoder?, room: Int) { (self.encoder, self.room) = (encoder, room) }

        mutating func add(_ question: OwnQuestion, _ index: Int, problems: inout Problems) throws {
            let task = try question.item(index)
            let item = DataItem.task(task)
            var shown = question.prompt
            var count: Int?
            if let encoder {
                do {
                    let ids = try encoder.prompt(item, room: room)
                    if samples.count < Self.sampleCount { shown = try encoder.text(task.prompt) }
                    count = ids.count
                    prompts.append(ids.count)
                    if let response = try encoder.response(item) { responses.append(response.count) }
                    try note(question, encoder.tokenizer)
                } catch let error as DataError { problems.append(error.description) }
            } else {
                prompts.append(question.prompt.utf8.count)
                if let response = question.response { responses.append(response.utf8.count) }
            }
            guard samples.count < Self.sampleCount else { return }
            samples.append(
                Sample(
                    id: question.id, place: question.place, prompt: shown, tokens: count,
                    response: question.response,
                    answer: question.grader == .none ? nil : question.answer))
        }

        private mutating func note(_ question: OwnQuestion, _ tokenizer: any Tokenizer) throws {
            guard tokenizer is WordLevelTokenizer, let stranger = tokenizer.unknownTokenId else { return }
            for text in [question.prompt, question.response ?? ""] {
                let bytes = Array(text.utf8)
                for token in try tokenizer.tokenize(text: text) where token.id == stranger {
                    unknown[String(decoding: bytes[token.range], as: UTF8.self).byteText, default: 0] += 1
                }
            }
        }
    }

    /// The report for people.
    package var text: String {
        var lines = [
            "\(path): \(records) record\(records == 1 ? "" : "s") of the form \(form), \(responses) with a response, \(graded) graded"
        ]
        for (name, lengths) in [("questions", prompts), ("responses", answers)] where !lengths.marks.isEmpty {
            let marks = lengths.marks.map { "\($0.name) \($0.value)" }.joined(separator: ", ")
            lines.append("\(name) in \(unit): \(marks)")
        }
        if !unknown.isEmpty {
            let words = unknown.prefix(12).map { "\"\($0.word)\"" }.joined(separator: ", ")
            lines.append("words that the model doesn't know: \(unknown.count), such as \(words)")
        }
        if let digest { lines.append("sha256: \(digest)") }
        lines.append(found.count == 0 ? "nothing is malformed" : "\(found.count) malformed:")
        lines += problems.prefix(50).map { "  \($0)" }
        if found.count > 50 { lines.append("  and \(found.count - 50) more") }
        for (number, sample) in samples.enumerated() {
            lines.append("")
            lines.append(
                "sample \(number + 1): \(sample.id) (\(sample.place))\(sample.tokens.map { ", \($0) tokens" } ?? "")"
            )
            lines.append(Self.indented(sample.prompt))
            if let response = sample.response {
                lines.append("response:")
                lines.append(Self.indented(response))
            }
            if let answer = sample.answer { lines.append("reference: \(answer)") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func indented(_ text: String) -> String {
        text.byteText.split("\n", keepingEmpty: true).map { "  | \($0.text)" }.joined(separator: "\n")
    }

    /// The same as JSON.
    package var value: JSONValue {
        func marks(_ lengths: Lengths) -> JSONValue {
            .object(JSONObject(lengths.marks.map { ($0.name, .integer($0.value)) }))
        }
        return [
            "path": .string(path), "sha256": digest.map { .string($0) } ?? .null,
            "records": .integer(records), "form": .string(form), "responses": .integer(responses),
            "graded": .integer(graded), "unit": .string(unit),
            "lengths": ["questions": marks(prompts), "responses": marks(answers)],
            "unknownWords": .array(unknown.prefix(100).map { .string($0.word) }),
            "problemCount": .integer(found.count), "problems": .array(problems.map { .string($0) }),
            "samples": .array(
                samples.map {
                    [
                        "id": .string($0.id), "place": .string($0.place), "prompt": .string($0.prompt),
                        "tokens": $0.tokens.map { .integer($0) } ?? .null,
                        "response": $0.response.map { .string($0) } ?? .null,
                        "reference": $0.answer.map { .string($0) } ?? .null,
                    ]
                }),
        ]
    }
}
