internal import Base
internal import Documents
internal import Files
package import JSON
package import SystemPackage

/// One record of a benchmark's file; its accessors say what is missing and where.
package struct TaskRecord: Sendable {
    /// Its place in the file, from 0; lines without content aren't counted.
    package let index: Int
    /// The whole record, keys in the file's order.
    package var value: JSONValue { JSONValue(node) }
    private let node: JSONNode
    /// File, line and column for messages.
    private let place: String

    /// Parses one JSON object, which may have the numbers `NaN`, `Infinity` and `-Infinity`: Python wrote it.
    ///
    /// - Parameters:
    ///   - index: the place among the records, from 0.
    ///   - line: the line of the file, from 1.
    package init(parsing bytes: [UInt8], index: Int, file: String, line: Int) throws(TaskError) {
        self.index = index
        place = "\(file):\(line)"
        do throws(JSONSyntaxError) {
            node = try JSONDocument(parsing: bytes, name: file, allowNonFinite: true).root
        } catch {
            throw TaskError("\(place):\(error.column): \(error.message)")
        }
        guard node.members != nil else {
            throw TaskError("\(place): the line is \(node.kindName), and a record is an object.")
        }
    }

    /// All records of a JSONL file.
    ///
    /// - Throws: `FileError`, or ``TaskError`` for a line that is no JSON object and for a file without records.
    package static func read(_ path: FilePath) throws -> [TaskRecord] {
        try records(in: try FileSystem.read(path, limit: FileLimit.data), name: path.string)
    }

    /// All records of the content of a JSONL file.
    ///
    /// - Parameters:
    ///   - name: what messages call the file.
    ///   - fileBytes: the size of a file that was decompressed.
    package static func records(
        in bytes: [UInt8], name: String, fileBytes: Int? = nil
    ) throws(TaskError) -> [TaskRecord] {
        let budget = MemoryBudget(fileBytes: fileBytes ?? bytes.count)
        var records: [TaskRecord] = []
        try bytes[...].eachLine { (number, line) throws(TaskError) in
            let isBlank = line.allSatisfy { $0 == UInt8(ascii: " ") || (0x09...0x0D).contains($0) }
            if isBlank { return }
            let record = try TaskRecord(
                parsing: Array(line), index: records.count, file: name, line: number + 1)
            guard budget.take(record.memory) else { throw TaskError("\(name): \(budget.refusal)") }
            records.append(record)
        }
        guard !records.isEmpty else {
            throw TaskError("\(name) is empty. It should have one JSON object on each line.")
        }
        return records
    }

    /// About how many bytes of memory the record takes, and a question that is made of it.
    package var memory: Int { 512 + node.range.count + node.memory }

    /// The text under `key`.
    package func string(_ key: String) throws(TaskError) -> String {
        try read(key) { (value) throws(RecordFlaw) in try value.string() }
    }

    /// The whole number under `key`.
    package func int(_ key: String) throws(TaskError) -> Int {
        try read(key) { (value) throws(RecordFlaw) in try value.integer() }
    }

    /// The texts of the list under `key`.
    package func strings(_ key: String) throws(TaskError) -> [String] {
        try read(key) { (value) throws(RecordFlaw) in
            try value.elements().map { (element) throws(RecordFlaw) in try element.string() }
        }
    }

    /// Whether the record has the key.
    package func has(_ key: String) -> Bool { node[key] != nil }

    /// What is under `key` as Python writes it, numbers with all of their digits; a text is taken for such already.
    func pythonLiteral(_ key: String) throws(TaskError) -> String {
        let value = try member(key)
        return value.string ?? PythonLiteral.text(value)
    }

    /// The same record with texts in place of what is under some keys.
    func replacing(_ members: [(String, String)]) throws(TaskError) -> TaskRecord {
        var object = value.object ?? [:]
        for (key, text) in members { object[key] = .string(text) }
        let bytes: [UInt8]
        do throws(JSONWritingError) {
            bytes = try JSONValue.object(object).compactBytes(allowNonFinite: true)
        } catch {
            throw problem("\(error)")
        }
        return try TaskRecord(parsing: bytes, index: index, file: place, line: 1)
    }

    /// An error about this record.
    package func problem(_ text: String) -> TaskError { TaskError("\(place): \(text)") }

    private func member(_ key: String) throws(TaskError) -> JSONNode {
        if let value = node[key] { return value }
        let known = (node.members ?? []).map { "\"\($0.key)\"" }.joined(separator: ", ")
        throw problem("the record has no \"\(key)\"; it has \(known.isEmpty ? "nothing" : known).")
    }

    /// What `read` makes of the value under `key`; its place is that of the record, whose line the file has.
    private func read<T>(
        _ key: String, _ read: (DocumentValue<RecordFlaw>) throws(RecordFlaw) -> T
    ) throws(TaskError) -> T {
        _ = try member(key)
        do throws(RecordFlaw) {
            return try read(DocumentValue(node, subject: "the record").member(key))
        } catch {
            throw problem(error.flaw.message)
        }
    }
}

/// What is wrong with a value of a record, before its line is known.
private struct RecordFlaw: DocumentProblem {
    let flaw: DocumentFlaw

    init(_ flaw: DocumentFlaw) { self.flaw = flaw }
}

/// A benchmark file or a choice of task that can't be used.
package struct TaskError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, where, and what would be right.
    package let description: String

    /// An error with a full sentence.
    package init(_ description: String) { self.description = description }
}

/// Which benchmark is asked, in which family's way, and what differs from that.
package struct TaskOptions: Sendable, Hashable {
    /// Which of GSM8K's filters decides.
    package enum Extraction: String, Sendable, Hashable, CaseIterable {
        /// The words that the task's examples use.
        case strict
        /// The last number.
        case flexible
    }

    /// A name of ``BenchmarkTasks``.
    package var task: String
    package var family: BenchmarkTasks.Family
    /// Examples before each question; as many as the family's harness gives when nil.
    package var examples: Int?
    /// What decides for GSM8K; ``Extraction/flexible`` when nil.
    package var extraction: Extraction?
    /// What decides for EvalPlus; ``EvalPlusTask/Tests/plus`` when nil.
    package var tests: EvalPlusTask.Tests?
    /// What answers that are programs may import beside the standard library.
    package var packages: [String]

    package init(
        task: String, family: BenchmarkTasks.Family, examples: Int? = nil, extraction: Extraction? = nil,
        tests: EvalPlusTask.Tests? = nil, packages: [String] = []
    ) {
        self.tests = tests
        self.packages = packages
        self.task = task
        self.family = family
        self.examples = examples
        self.extraction = extraction
    }
}

extension BenchmarkTasks {
    /// The names of all tasks, the same for each family.
    package static let names = all(.llada).map(\.name)

    /// The task as the options want it.
    ///
    /// - Throws: ``TaskError`` for an unknown name, and for options that the task doesn't have.
    package static func make(_ options: TaskOptions) throws(TaskError) -> any BenchmarkTask {
        // Records of a user's own have their grader with them.
        if options.task == OwnTask.name { return OwnTask() }
        let task = try named(options.task, options.family)
        if options.tests != nil, !(task is EvalPlusTask) {
            throw TaskError(
                "The benchmark \"\(task.name)\" has one set of tests; leave \"tests\" out.")
        }
        switch task {
        case let task as GSM8KTask:
            let strict: AnswerPattern = task.wording == .stepByStep ? .theAnswerIs : .fourHashes
            return GSM8KTask(
                task.wording, form: task.form,
                fewShot: options.examples.map { $0 == 0 ? .none : .drawn(ExampleDraw(count: $0)) },
                pattern: options.extraction == .strict ? strict : .lastNumber)
        case _ where options.extraction != nil:
            throw TaskError(
                "The benchmark \"\(task.name)\" has one way to find an answer; leave \"extraction\" out.")
        case let task as EvalPlusTask where options.examples ?? 0 == 0:
            return EvalPlusTask(task.dataset, tests: options.tests ?? .plus)
        case let task as MATHTask:
            guard let examples = options.examples else { return task }
            try check(examples, task.fixedExamples.count, task.name)
            return MATHTask(form: task.form, examples: examples)
        case let task as MBPPTask:
            guard let examples = options.examples else { return task }
            try check(examples, task.fixedExamples.count, task.name)
            return MBPPTask(task.wording, examples: examples)
        default:
            guard options.examples ?? 0 == 0 else {
                throw TaskError("The benchmark \"\(task.name)\" has no examples; leave \"examples\" out.")
            }
            return task
        }
    }

    private static func check(_ count: Int, _ most: Int, _ name: String) throws(TaskError) {
        guard count <= most else {
            throw TaskError("The benchmark \"\(name)\" has \(most) examples; \"examples\" asks for \(count).")
        }
    }
}

/// The hash by which lm-evaluation-harness knows a record of a data set.
package enum DocumentHash {
    /// SHA-256 of the record as `json.dumps(record, indent=2, ensure_ascii=False)` writes it.
    package static func of(_ document: JSONValue) -> String { SHA256.hex(of: Array(text(of: document).utf8)) }

    /// The record as Python writes it.
    static func text(of value: JSONValue, indent: Int = 0) -> String {
        let inner = String(repeating: " ", count: indent + 2)
        let outer = String(repeating: " ", count: indent)
        switch value {
        case .array(let elements):
            guard !elements.isEmpty else { return "[]" }
            return "[\n" + elements.map { inner + text(of: $0, indent: indent + 2) }.joined(separator: ",\n")
                + "\n\(outer)]"
        case .object(let object):
            guard !object.members.isEmpty else { return "{}" }
            return "{\n"
                + object.members.map {
                    "\(inner)\(JSONValue.pythonQuoted($0.key)): \(text(of: $0.value, indent: indent + 2))"
                }
                .joined(separator: ",\n") + "\n\(outer)}"
        case .string(let string): return JSONValue.pythonQuoted(string)
        default:
            return (try? value.compactBytes(allowNonFinite: true)).map { String(decoding: $0, as: UTF8.self) }
                ?? "null"
        }
    }
}
