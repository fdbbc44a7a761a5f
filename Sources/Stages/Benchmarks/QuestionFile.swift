internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

/// The artifact of a benchmark: how it is graded, and its questions as JSON lines.
struct QuestionFile {
    let task: TaskOptions
    let equivalence: AnswerEquivalence?
    let items: [TaskItem]

    static let questions = "questions.jsonl"
    static let options = "task.json"

    func write(to folder: FilePath) throws {
        var bytes: [UInt8] = []
        for item in items {
            let line: JSONValue = [
                "id": .string(item.id), "form": .string(item.prompt.form.rawValue),
                "prompt": .string(item.prompt.text), "answerPrefix": .string(item.prompt.answerPrefix),
                "target": .string(item.target), "record": item.record.value,
            ]
            bytes += try line.compactBytes(allowNonFinite: true)
            bytes.append(UInt8(ascii: "\n"))
        }
        try FileSystem.writeAtomically(bytes, to: folder.appending(Self.questions))
        var options: JSONObject = ["task": .string(task.task), "family": .string(task.family.rawValue)]
        if let examples = task.examples { options["examples"] = .integer(examples) }
        if let extraction = task.extraction { options["extraction"] = .string(extraction.rawValue) }
        if let tests = task.tests { options["tests"] = .string(tests.rawValue) }
        if let equivalence { options["equivalence"] = .string(equivalence.rawValue) }
        try FileSystem.writeAtomically(
            try JSONValue.object(options).prettyBytes(), to: folder.appending(Self.options))
    }

    init(task: TaskOptions, equivalence: AnswerEquivalence?, items: [TaskItem]) {
        self.task = task
        self.equivalence = equivalence
        self.items = items
    }

    /// Reads what ``write(to:)`` wrote.
    ///
    /// - Throws: ``DamagedFileError``, `TaskError`, `FileError`.
    init(folder: FilePath) throws {
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
        let lines = folder.appending(Self.questions)
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
                    form: form, text: try line.string("prompt"), answerPrefix: try line.string("answerPrefix")
                ))
        }
    }
}
