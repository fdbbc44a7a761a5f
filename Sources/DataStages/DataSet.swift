internal import Base
package import Evaluation
internal import Files
package import JSON
package import StageBasics
package import SystemPackage

/// The questions of an artifact of the type `dataset`, whatever made it.
///
/// Two forms are on disk: generated problems (`train.jsonl` and `test.jsonl`, ``ProblemFile``), and questions with what
/// grades their answers (`questions.jsonl`, those that are asked; `train.jsonl`, those to train on; `task.json`,
/// ``QuestionFile``), as benchmarks and files of a user's own become them.
package struct DataSet {
    /// A part, which has no question in common with the other.
    package enum Part: String {
        case train
        case test
    }

    package let folder: FilePath
    /// What messages call it.
    let name: String
    /// Whether it has questions of tasks, and no generated problems.
    package let hasTasks: Bool

    /// The data set in a folder; nothing is read yet.
    package init(_ folder: FilePath, name: String) {
        self.folder = folder
        self.name = name
        hasTasks = FileSystem.exists(folder.appending(QuestionFile.options))
    }

    /// Whether there is a file of the part.
    package func has(_ part: Part) -> Bool {
        FileSystem.exists(
            folder.appending(hasTasks ? QuestionFile.name(of: part) : "\(part.rawValue).jsonl"))
    }

    /// The questions of a part, in order.
    ///
    /// - Throws: ``DataError`` where there is no such part; ``DamagedFileError``, `TaskError`, `FileError`.
    package func items(_ part: Part) throws -> [DataItem] { try read(part).items }

    /// The same with what grades answers to questions of tasks; nil for generated problems.
    package func read(_ part: Part) throws -> (items: [DataItem], file: QuestionFile?) {
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
    package func check(_ part: Part) throws(DataError) {
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
package enum DataItem: Sendable {
    case problem(Problem)
    case task(TaskItem)

    /// Unique within its data set.
    package var id: String {
        switch self {
        case .problem(let problem): problem.id
        case .task(let item): item.id
        }
    }

    /// The question as it is put, without a model's template.
    package var question: String {
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

    /// What a teacher is shown that may know the answer: a worked one, or the answer alone.
    package var reference: String { solution ?? answer }

    /// What a right answer is, for people.
    package var answer: String {
        switch self {
        case .problem(let problem): "\(problem.answer)"
        case .task(let item): item.target
        }
    }

    /// Where a message says that the question is: its file and line where the data set kept them.
    package var place: String {
        switch self {
        case .problem(let problem): "problem \(problem.id)"
        case .task(let item):
            item.record.value["source"]?.string.map { "\($0) (\(item.id))" } ?? "question \(item.id)"
        }
    }

    /// Question and worked answer as one text, which a tokenizer is made from.
    package var corpusText: String {
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

/// Problems as JSON lines.
package enum ProblemFile {
    static func write(_ problems: [Problem], to path: FilePath) throws {
        var bytes: [UInt8] = []
        for problem in problems {
            bytes += try value(of: problem).compactBytes()
            bytes.append(UInt8(ascii: "\n"))
        }
        try FileSystem.writeAtomically(bytes, to: path)
    }

    /// All problems of a file; empty lines are skipped.
    ///
    /// - Throws: ``DamagedFileError`` that names the first bad line; `FileError`.
    package static func read(_ path: FilePath) throws -> [Problem] {
        let lines = try FileSystem.read(path, limit: FileLimit.data).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return try lines.enumerated().compactMap { index, line in
            if line.isEmpty { return nil }
            let root: JSONNode
            do throws(JSONSyntaxError) {
                root = try JSONDocument(parsing: Array(line), name: path.string, allowNonFinite: true).root
            } catch {
                throw DamagedFileError(path, line: index + 1, "column \(error.column): \(error.message)")
            }
            guard let problem = problem(from: root) else {
                throw DamagedFileError(
                    path, line: index + 1, "a problem needs id, question, response, answer and steps.")
            }
            return problem
        }
    }

    package static func value(of problem: Problem) -> JSONValue {
        let steps = problem.steps.map { step -> JSONValue in
            ["day": .string(step.day), "change": .integer(step.change), "total": .integer(step.total)]
        }
        var value: JSONObject = [
            "id": .string(problem.id), "question": .string(problem.question),
            "response": .string(problem.response), "answer": .integer(problem.answer), "steps": .array(steps),
        ]
        switch problem.rules {
        case .finalNumber: break
        case .countdown(let numbers):
            value["task"] = .string(Countdown.name)
            value["numbers"] = .array(numbers.map { .integer($0) })
        case .sudoku(let givens):
            value["task"] = .string(Sudoku4x4.name)
            value["givens"] = .array(givens.map { .integer($0) })
        }
        return .object(value)
    }

    package static func problem(from node: JSONNode) -> Problem? {
        guard let id = node["id"]?.string, let question = node["question"]?.string,
            let response = node["response"]?.string, let answer = node["answer"]?.int,
            let stepNodes = node["steps"]?.array
        else { return nil }
        let steps = stepNodes.compactMap { step -> Problem.Step? in
            guard let day = step["day"]?.string, let change = step["change"]?.int,
                let total = step["total"]?.int
            else { return nil }
            return Problem.Step(day: day, change: change, total: total)
        }
        guard steps.count == stepNodes.count, let rules = rules(from: node) else { return nil }
        return Problem(
            id: id, question: question, response: response, answer: answer, steps: steps, rules: rules)
    }

    /// What makes a response right; nil for what no task writes.
    private static func rules(from node: JSONNode) -> Problem.Rules? {
        guard let task = node["task"] else { return .finalNumber }
        func integers(_ key: String, in range: ClosedRange<Int>) -> [Int]? {
            let nodes = node[key]?.array ?? []
            let numbers = nodes.compactMap(\.int).filter(range.contains)
            return numbers.count == nodes.count ? numbers : nil
        }
        switch task.string {
        case Countdown.name?:
            guard let numbers = integers("numbers", in: 0...99), (1...64).contains(numbers.count) else {
                return nil
            }
            return .countdown(numbers: numbers)
        case Sudoku4x4.name?:
            guard let givens = integers("givens", in: 0...4), givens.count == 16 else { return nil }
            return .sudoku(givens: givens)
        default: return nil
        }
    }
}

/// Questions of a task with how they are graded: a part of a ``DataSet``, as JSON lines.
package struct QuestionFile {
    package let task: TaskOptions
    package let equivalence: AnswerEquivalence?
    package let items: [TaskItem]

    static let questions = "questions.jsonl"
    static let options = "task.json"

    /// The file of a part.
    static func name(of part: DataSet.Part) -> String { part == .test ? questions : "train.jsonl" }

    /// Whether answers are graded by running them.
    package var runsPrograms: Bool {
        BenchmarkStage.Task(rawValue: task.task)?.runsPrograms
            ?? items.contains { $0.record.value["grader"]?.string == OwnGrader.tests.rawValue }
    }

    /// Writes what is asked and how it is graded.
    ///
    /// - Parameter train: What is to be trained on; nil or none leaves the part out.
    func write(to folder: FilePath, train: [TaskItem]? = nil) throws {
        if let train, !train.isEmpty {
            try Self.write(train, to: folder.appending(Self.name(of: .train)))
        }
        if !items.isEmpty || train == nil {
            try Self.write(items, to: folder.appending(Self.questions))
        }
        var options: JSONObject = ["task": .string(task.task), "family": .string(task.family.rawValue)]
        if let examples = task.examples { options["examples"] = .integer(examples) }
        if let extraction = task.extraction { options["extraction"] = .string(extraction.rawValue) }
        if let tests = task.tests { options["tests"] = .string(tests.rawValue) }
        if !task.packages.isEmpty { options["packages"] = .array(task.packages.map { .string($0) }) }
        if let equivalence { options["equivalence"] = .string(equivalence.rawValue) }
        try FileSystem.writeAtomically(
            try JSONValue.object(options).prettyBytes(), to: folder.appending(Self.options))
    }

    private static func write(_ items: [TaskItem], to path: FilePath) throws {
        var bytes: [UInt8] = []
        for item in items {
            var line: JSONObject = [
                "id": .string(item.id), "form": .string(item.prompt.form.rawValue),
                "prompt": .string(item.prompt.text), "answerPrefix": .string(item.prompt.answerPrefix),
                "target": .string(item.target), "record": item.record.value,
            ]
            if !item.prompt.turns.isEmpty {
                line["turns"] = .array(
                    item.prompt.turns.map { ["role": .string($0.role), "content": .string($0.content)] })
            }
            bytes += try JSONValue.object(line).compactBytes(allowNonFinite: true)
            bytes.append(UInt8(ascii: "\n"))
        }
        try FileSystem.writeAtomically(bytes, to: path)
    }

    init(task: TaskOptions, equivalence: AnswerEquivalence?, items: [TaskItem]) {
        self.task = task
        self.equivalence = equivalence
        self.items = items
    }

    /// Reads what ``write(to:train:)`` wrote of a part.
    ///
    /// - Throws: ``DamagedFileError``, `TaskError`, `FileError`.
    package init(folder: FilePath, _ part: DataSet.Part = .test) throws {
        let path = folder.appending(Self.options)
        let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        guard let name = root["task"]?.string,
            let family = root["family"]?.string.flatMap(BenchmarkTasks.Family.init)
        else { throw DamagedFileError(path, "it names no task, or a family that isn't known.") }
        task = TaskOptions(
            task: name, family: family, examples: root["examples"]?.int,
            extraction: root["extraction"]?.string.flatMap(TaskOptions.Extraction.init),
            tests: root["tests"]?.string.flatMap(EvalPlusTask.Tests.init),
            packages: root["packages"]?.array?.compactMap(\.string) ?? [])
        equivalence = root["equivalence"]?.string.flatMap(AnswerEquivalence.init)
        let benchmark = try BenchmarkTasks.make(task)
        let lines = folder.appending(Self.name(of: part))
        items = try TaskRecord.read(lines).map { line in
            guard let form = TaskPrompt.Form(rawValue: try line.string("form")),
                let record = line.value["record"], record.object != nil
            else {
                throw DamagedFileError(lines, line: line.index + 1, "a question needs a form and a record.")
            }
            let original = try TaskRecord(
                parsing: try record.compactBytes(allowNonFinite: true), index: line.index,
                file: "\(lines), record",
                line: line.index + 1)
            return try benchmark.item(
                original, id: try line.string("id"),
                prompt: TaskPrompt(
                    form: form, text: try line.string("prompt"),
                    answerPrefix: try line.string("answerPrefix"),
                    turns: (line.value["turns"]?.array ?? []).map {
                        .init(role: $0["role"]?.string ?? "", content: $0["content"]?.string ?? "")
                    }))
        }
        var ids: Set<String> = []
        for (index, item) in items.enumerated() where !ids.insert(item.id).inserted {
            throw DamagedFileError(
                lines, line: index + 1, "an earlier question has the same id.")
        }
    }
}
