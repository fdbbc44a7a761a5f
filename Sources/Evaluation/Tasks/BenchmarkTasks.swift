/// The benchmarks of the paper, as each model family is asked them upstream.
package enum BenchmarkTasks {
    /// A model family whose evaluation harness is followed.
    package enum Family: String, Sendable, Hashable, CaseIterable {
        /// d3LLM's `eval_llada.py`: only the programming tasks use the chat template.
        case llada
        /// `eval_instruct` of Dream: everything uses it, and MATH has no examples.
        case dream
    }

    /// All tasks of a family.
    package static func all(_ family: Family) -> [any BenchmarkTask] {
        switch family {
        case .llada:
            [
                GSM8KTask(.stepByStep, form: .plain), GSM8KTask(.questionAnswer, form: .plain),
                MATHTask(form: .plain), HumanEvalTask(.fenced), MBPPTask(.beginDone),
                EvalPlusTask(.humanEval), EvalPlusTask(.mbpp),
            ]
        case .dream:
            [
                GSM8KTask(.stepByStep, form: .chat), GSM8KTask(.questionAnswer, form: .chat),
                MATHTask(form: .chat, examples: 0), HumanEvalTask(.startedAnswer), MBPPTask(.startedAnswer),
                EvalPlusTask(.humanEval), EvalPlusTask(.mbpp),
            ]
        }
    }

    /// The task of that name.
    ///
    /// - Throws: ``TaskError`` that lists the names when there is none.
    package static func named(_ name: String, _ family: Family) throws(TaskError) -> any BenchmarkTask {
        let tasks = all(family)
        if let task = tasks.first(where: { $0.name == name }) { return task }
        let names = tasks.map { "\"\($0.name)\"" }.joined(separator: ", ")
        throw TaskError("There is no benchmark \"\(name)\". There are \(names).")
    }
}

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

/// What a model is asked.
package struct TaskPrompt: Sendable, Hashable {
    /// How the text reaches the model.
    package enum Form: String, Sendable, Hashable, CaseIterable {
        /// As it is; the model goes on writing.
        case plain
        /// As what a user says, in the model's chat template.
        case chat
        /// As ``chat`` where the model has a chat template, else as ``plain``.
        case model
        /// As ``chat``, and the text of that once more as what a user says: the released training of d3LLM on LLaDA.
        case twice
    }

    /// What was said before the question.
    package struct Turn: Sendable, Hashable {
        /// `system`, `user` or `assistant`.
        package let role: String
        package let content: String

        package init(role: String, content: String) {
            self.role = role
            self.content = content
        }
    }

    package let form: Form
    /// The examples and the question.
    package let text: String
    /// What the answer of the assistant starts with.
    ///
    /// The model goes on behind it, so that a chat template has to leave the message open. Always empty in plain
    /// form.
    package let answerPrefix: String
    /// What was said before ``text``, in order; empty but for conversations.
    package let turns: [Turn]

    /// A prompt of the given parts.
    package init(form: Form, text: String, answerPrefix: String = "", turns: [Turn] = []) {
        self.form = form
        self.text = text
        self.answerPrefix = answerPrefix
        self.turns = turns
    }
}
