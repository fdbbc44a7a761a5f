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
