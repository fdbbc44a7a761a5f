internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

/// Questions of a task with how they are graded: a part of a ``DataSet``, as JSON lines.
struct QuestionFile {
    let task: TaskOptions
    let equivalence: AnswerEquivalence?
    let items: [TaskItem]

    static let questions = "questions.jsonl"
    static let options = "task.json"

    /// The file of a part.
    static func name(of part: DataSet.Part) -> String { part == .test ? questions : "train.jsonl" }

    /// Whether answers are graded by running them.
    var runsPrograms: Bool {
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
    init(folder: FilePath, _ part: DataSet.Part = .test) throws {
        let path = folder.appending(Self.options)
        let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
        guard let name = root["task"]?.string,
            let family = root["family"]?.string.flatMap(BenchmarkTasks.Family.init)
        else { throw DamagedFileError(path, "it names no task, or a family that isn't known.") }
        task = TaskOptions(
            task: name, family: family, examples: root["examples"]?.int,
            extraction: root["extraction"]?.string.flatMap(TaskOptions.Extraction.init),
            tests: root["tests"]?.string.flatMap(EvalPlusTask.Tests.init))
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
