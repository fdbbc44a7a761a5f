/// A benchmark: how its records are read, asked and graded.
///
/// To add one, write a type that conforms, name it in ``BenchmarkTasks``, and test its prompts against those of the
/// harness that published numbers were made with.
package protocol BenchmarkTask: Sendable {
    /// One problem.
    associatedtype Document: Sendable

    /// Its name in configurations, such as `gsm8k-cot`.
    var name: String { get }
    /// How prompts reach the model.
    var form: TaskPrompt.Form { get }
    /// The examples before each question.
    var fewShot: FewShot { get }
    /// Where a response ends, before it is graded.
    var stopStrings: [String] { get }
    /// The examples that ``FewShot/fixed(count:)`` takes.
    var fixedExamples: [Document] { get }

    /// Reads a record; nil when it isn't part of the split that is asked.
    func document(_ record: TaskRecord) throws(TaskError) -> Document?
    /// The record as it is kept for grading; itself unless something of it can't be written as JSON here.
    func kept(_ record: TaskRecord) throws(TaskError) -> TaskRecord
    /// What names a problem, within its benchmark.
    func id(of document: Document, index: Int) -> String
    /// The prompt of a problem.
    func prompt(for document: Document, examples: [Document]) -> TaskPrompt
    /// The right answer, or the tests, as the data set has them.
    func target(of document: Document) -> String
    /// A worked answer as a model could have written it, where the data set has one; a student is trained on it.
    func solution(of document: Document) -> String?
    /// Grades a response that was cut at ``stopStrings``.
    func verdict(_ response: String, _ document: Document) -> TaskVerdict
    /// What each of the harness's ways to find the answer makes of a response that was cut at ``stopStrings``.
    func extractions(_ response: String, _ document: Document) -> [TaskExtraction]
}

extension BenchmarkTask {
    package var fewShot: FewShot { .none }
    package var fixedExamples: [Document] { [] }

    package func kept(_ record: TaskRecord) throws(TaskError) -> TaskRecord { record }

    package func id(of document: Document, index: Int) -> String { "\(name)-\(index)" }

    package func solution(of document: Document) -> String? { nil }

    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        [TaskExtraction(name: "none", verdict: verdict(response, document), isReported: true)]
    }

    /// Grades a response: text up to its end token, without special tokens.
    package func grade(_ response: String, _ document: Document) -> TaskVerdict {
        verdict(StopStrings.cut(response, at: stopStrings), document)
    }

    /// Every problem of a benchmark file with its prompt.
    ///
    /// - Parameters:
    ///   - records: the file that is asked, whole: which examples a question gets depends on its place.
    ///   - training: the training split, for tasks that draw examples.
    /// - Throws: ``TaskError`` for a record that lacks something and for too few examples.
    package func items(_ records: [TaskRecord], training: [TaskRecord] = []) throws(TaskError) -> [TaskItem] {
        var asked: [(TaskRecord, Document)] = []
        for record in records { if let document = try document(record) { asked.append((record, document)) } }
        let examples = try examples(questions: asked.count, training)
        return try asked.enumerated().map { (index, asked) throws(TaskError) in
            let (record, document) = asked
            return item(
                try kept(record), document, id: id(of: document, index: index),
                prompt: prompt(for: document, examples: examples[index]))
        }
    }

    /// A problem whose prompt was made before, for grading.
    ///
    /// - Throws: ``TaskError`` for a record that lacks something or isn't part of the split that is asked.
    package func item(_ record: TaskRecord, id: String, prompt: TaskPrompt) throws(TaskError) -> TaskItem {
        guard let document = try document(record) else {
            throw record.problem("the record isn't part of the split that \(name) asks.")
        }
        return item(record, document, id: id, prompt: prompt)
    }

    private func item(
        _ record: TaskRecord, _ document: Document, id: String, prompt: TaskPrompt
    ) -> TaskItem {
        TaskItem(
            id: id, prompt: prompt, target: target(of: document), solution: solution(of: document),
            record: record,
            stopStrings: stopStrings,
            extractions: { extractions($0, document) }, grade: { verdict($0, document) })
    }

    private func read(_ records: [TaskRecord]) throws(TaskError) -> [Document] {
        var documents: [Document] = []
        for record in records { if let document = try document(record) { documents.append(document) } }
        return documents
    }

    private func examples(questions: Int, _ training: [TaskRecord]) throws(TaskError) -> [[Document]] {
        let pool: [Document]
        switch fewShot {
        case .none: return Array(repeating: [], count: questions)
        case .fixed: pool = fixedExamples
        case .drawn: pool = try read(training)
        }
        guard (0...pool.count).contains(fewShot.count) else {
            throw TaskError(
                "\(name) needs \(fewShot.count) examples and there are \(pool.count). "
                    + "Give the training split, or fewer examples.")
        }
        guard case .drawn(let draw) = fewShot else {
            return Array(repeating: Array(pool.prefix(fewShot.count)), count: questions)
        }
        return draw.places(questions: questions, of: pool.count, form: form).map { $0.map { pool[$0] } }
    }
}

/// A problem that is ready to be asked.
package struct TaskItem: Sendable, Identifiable {
    /// Unique within its benchmark.
    package let id: String
    package let prompt: TaskPrompt
    /// The right answer, or the tests, as the data set has them.
    package let target: String
    /// A worked answer, where the data set has one.
    package let solution: String?
    /// The record of the data set.
    package let record: TaskRecord
    /// Where a response ends, before it is graded.
    package let stopStrings: [String]
    private let extracting: @Sendable (String) -> [TaskExtraction]
    private let grading: @Sendable (String) -> TaskVerdict

    init(
        id: String, prompt: TaskPrompt, target: String, solution: String?, record: TaskRecord,
        stopStrings: [String],
        extractions: @escaping @Sendable (String) -> [TaskExtraction],
        grade: @escaping @Sendable (String) -> TaskVerdict
    ) {
        self.id = id
        self.prompt = prompt
        self.target = target
        self.solution = solution
        self.record = record
        self.stopStrings = stopStrings
        extracting = extractions
        grading = grade
    }

    /// The part of a response that is graded: what stands before the first stop string.
    package func graded(_ response: String) -> String { StopStrings.cut(response, at: stopStrings) }

    /// Grades a response: text up to its end token, without special tokens.
    package func grade(_ response: String) -> TaskVerdict { grading(graded(response)) }

    /// What each way to find the answer makes of a response: text up to its end token, without special tokens.
    package func extractions(_ response: String) -> [TaskExtraction] { extracting(graded(response)) }
}

/// Cuts responses where a task says that they end.
package enum StopStrings {
    /// The response up to the first of each stop string, one after the other.
    ///
    /// - Note: `generate_until` of both evaluation harnesses of d3LLM. The decoder isn't stopped: what is cut off
    ///   was decoded and counts in NFE.
    package static func cut(_ response: String, at stopStrings: [String]) -> String {
        stopStrings.reduce(CodePoints(response)) { text, stop in text.prefix(before: CodePoints(stop)) }
            .string
    }
}
