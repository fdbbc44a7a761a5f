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
    func items(_ part: Part) throws -> [DataItem] {
        guard hasTasks else {
            return try ProblemFile.read(folder.appending("\(part.rawValue).jsonl")).map { .problem($0) }
        }
        try check(part)
        return try QuestionFile(folder: folder, part).items.map { .task($0) }
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

extension Array where Element == DataItem {
    /// Refuses questions that are to be trained on and asked: their answers would be known.
    ///
    /// - Throws: ``DataError`` with both ids.
    static func refuseLeakage(train: [DataItem], test: [DataItem], name: String) throws(DataError) {
        var known: [String: DataItem] = [:]
        func key(_ item: DataItem) -> String {
            guard case .task(let task) = item else { return item.question }
            let turns = task.prompt.turns.map(\.content) + [item.question]
            // Records of bare text have no question: their text is what may not be in both.
            let text = item.question.isEmpty ? [item.solution ?? ""] : turns
            return text.map(\.byteText.trimmed.text).joined(separator: "\n")
        }
        for item in train { known[key(item)] = item }
        for item in test {
            guard let other = known[key(item)] else { continue }
            throw DataError(
                description:
                    "\(name): the same question is to be trained on and asked: \(other.place) and \(item.place). Take it out of one of the two, so that no answer is known before it is asked."
            )
        }
    }
}
