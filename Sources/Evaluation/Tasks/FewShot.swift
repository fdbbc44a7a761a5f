/// Which solved examples stand before a question.
package enum FewShot: Sendable, Hashable {
    /// None.
    case none
    /// The first `count` of the task's own.
    case fixed(count: Int)
    /// Drawn from the training split, others for each question.
    case drawn(ExampleDraw)

    /// How many there are.
    package var count: Int {
        switch self {
        case .none: 0
        case .fixed(let count): count
        case .drawn(let draw): draw.count
        }
    }
}

/// How lm-evaluation-harness draws the examples of each question.
package struct ExampleDraw: Sendable, Hashable {
    /// Examples for each question.
    package let count: Int
    /// The harness's `fewshot_seed`.
    package let seed: UInt64
    /// How many processes shared the questions.
    ///
    /// Process r asks the questions r, r + n, … and each draws from the same seed, so that n questions in a row get
    /// the same examples. Upstream's scripts use 4.
    package let processes: Int

    /// A way to draw; the defaults are those of upstream's runs.
    package init(count: Int, seed: UInt64 = 1234, processes: Int = 4) {
        precondition(count >= 0 && processes >= 1, "a number of examples and at least one process")
        self.count = count
        self.seed = seed
        self.processes = processes
    }

    /// For each question the places of its examples in the training split.
    ///
    /// - Parameters:
    ///   - questions: how many questions are asked in all.
    ///   - population: how many examples there are, at least ``count``.
    ///   - form: for a chat the harness draws twice and uses what it drew last.
    package func places(questions: Int, of population: Int, form: TaskPrompt.Form) -> [[Int]] {
        var random = PythonRandom(seed: seed)
        var draws: [[Int]] = []
        for _ in stride(from: 0, to: questions, by: processes) {
            if form == .chat { _ = random.sample(count, of: population) }
            draws.append(random.sample(count, of: population))
        }
        return (0..<questions).map { draws[$0 / processes] }
    }
}
