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

    package init(
        task: String, family: BenchmarkTasks.Family, examples: Int? = nil, extraction: Extraction? = nil,
        tests: EvalPlusTask.Tests? = nil
    ) {
        self.tests = tests
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
