internal import Base
internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

/// The questions of an artifact of the type `dataset`, whatever made it.
///
/// Two forms are on disk: generated problems (`train.jsonl` and `test.jsonl`, ``ProblemFile``), and questions with what
/// grades their answers (`questions.jsonl`, those that are asked; `train.jsonl`, those to train on; `task.json`,
/// ``QuestionFile``), as benchmarks and files of a user's own become them.
struct DataSet {
    /// A part, which has no question in common with the other.
    enum Part: String {
        case train
        case test
    }

    let folder: FilePath
    /// What messages call it.
    let name: String
    /// Whether it has questions of tasks, and no generated problems.
    let hasTasks: Bool

    /// The data set in a folder; nothing is read yet.
    init(_ folder: FilePath, name: String) {
        self.folder = folder
        self.name = name
        hasTasks = FileSystem.exists(folder.appending(QuestionFile.options))
    }

    /// The questions of a part, in order.
    ///
    /// - Throws: ``DataError`` where there is no such part; ``DamagedFileError``, `TaskError`, `FileError`.
    func items(_ part: Part) throws -> [DataItem] { try read(part).items }

    /// The same with what grades answers to questions of tasks; nil for generated problems.
    func read(_ part: Part) throws -> (items: [DataItem], file: QuestionFile?) {
        guard hasTasks else {
            let problems = try ProblemFile.read(folder.appending("\(part.rawValue).jsonl"))
            return (problems.map { .problem($0) }, nil)
        }
        try check(part)
        let file = try QuestionFile(folder: folder, part)
        return (file.items.map { .task($0) }, file)
    }

    /// Whether questions of tasks have a part.
    ///
    /// - Throws: ``DataError`` that says how it gets one.
    func check(_ part: Part) throws(DataError) {
        guard FileSystem.exists(folder.appending(QuestionFile.name(of: part))) else {
            throw DataError(
                description: part == .train
                    ? "\(name) has no part to train on: it holds only questions that are asked. Give the benchmark its training split (\"train\": \"@files\"), or take data with both parts."
                    : "\(name) has no part that is asked: all of its records are to train on. Give it \"testFile\", or a \"testPercent\" above 0."
            )
        }
    }
}

/// One question of a data set.
enum DataItem: Sendable {
    case problem(Problem)
    case task(TaskItem)

    /// Unique within its data set.
    var id: String {
        switch self {
        case .problem(let problem): problem.id
        case .task(let item): item.id
        }
    }

    /// The question as it is put, without a model's template.
    var question: String {
        switch self {
        case .problem(let problem): problem.question
        case .task(let item): item.prompt.text
        }
    }

    /// A worked answer, where there is one.
    var solution: String? {
        switch self {
        case .problem(let problem): problem.response
        case .task(let item): item.solution
        }
    }

    /// What a right answer is, for people.
    var answer: String {
        switch self {
        case .problem(let problem): "\(problem.answer)"
        case .task(let item): item.target
        }
    }

    /// Where a message says that the question is: its file and line where the data set kept them.
    var place: String {
        switch self {
        case .problem(let problem): "problem \(problem.id)"
        case .task(let item):
            item.record.value["source"]?.string.map { "\($0) (\(item.id))" } ?? "question \(item.id)"
        }
    }

    /// Question and worked answer as one text, which a tokenizer is made from.
    var corpusText: String {
        switch self {
        case .problem(let problem): problem.prompt() + " " + problem.response
        case .task(let item):
            (item.prompt.turns.map(\.content) + [item.prompt.text, item.solution ?? ""]).joined(
                separator: " ")
        }
    }
}

/// Questions that would be trained on and asked: their answers would be known.
enum Leakage {
    /// A question of a part, as far as the other part is concerned.
    struct Entry {
        /// What is the same in two forms of one question.
        let identity: String
        /// How messages call it.
        let shown: String
    }

    /// What tells a question from others; of records of bare text, which have no question, the text.
    static func identity(turns: [TaskPrompt.Turn], prompt: String, text: String?) -> String {
        (prompt.isEmpty ? [text ?? ""] : turns.map(\.content) + [prompt])
            .map(\.byteText.trimmed.text).joined(separator: "\n")
    }

    /// Refuses a question in both parts.
    ///
    /// - Throws: ``DataError`` with both.
    static func refuse(train: [Entry], test: [Entry], name: String) throws(DataError) {
        var known: [ByteText: Entry] = [:]
        for entry in train { known[entry.identity.byteText] = entry }
        for entry in test {
            guard let other = known[entry.identity.byteText] else { continue }
            throw DataError(
                description:
                    "\(name): the same question is to be trained on and asked: \(other.shown) and \(entry.shown). Take it out of one of the two, so that no answer is known before it is asked."
            )
        }
    }
}

extension TaskItem {
    /// See ``Leakage``.
    var leakage: Leakage.Entry {
        .init(
            identity: Leakage.identity(turns: prompt.turns, prompt: prompt.text, text: solution),
            shown: DataItem.task(self).place)
    }
}
