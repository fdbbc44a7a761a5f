package import ArtifactStore
internal import Evaluation
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Tokenizers

/// Generates a data set: problems to train on and unseen ones to be tested on.
package struct SynthesizeStage: StageKind {
    package static let name = "synthesize"
    package static let version = 1
    package static let summary =
        "Generates problems with solutions (word problems of a hundred words or in ordinary English, Countdown, Sudoku 4×4), split by a hash of the question."
    package static let output = ArtifactType.dataset
    package static let parts = ["train", "test"]

    enum Task: String, CaseIterable {
        case wordProblems = "word-problems"
        case english = "english-problems"
        case countdown
        case sudoku = "sudoku-4x4"
    }

    let task: Task
    let train: Int
    let test: Int
    let options: WordProblems.Options
    let english: (sums: ClosedRange<Int>, longest: Int)
    let countdown: Countdown.Options
    let sudokuBlanks: Int

    package init(_ fields: Fields) {
        let task = fields.choice(
            "task", default: Task.wordProblems,
            "What the problems are about; options of other tasks than word problems stand under the task's name."
        )
        self.task = task
        train = fields.integer("train", default: 20_000, in: 1...10_000_000, "Problems to train on.")
        test = fields.integer("test", default: 1000, in: 1...100_000, "Unseen problems, all different.")
        options = WordProblems.Options(
            steps: fields.integer("steps", default: 2, in: 1...3, "Changes of the total per problem."),
            variantDecay: fields.number(
                "variantDecay", default: 0.5, in: .above(0, upTo: 1),
                "Wording k of a sentence in the solution has weight variantDecay^k; 1 makes all equally likely."
            ),
            order: fields.optionalChoice(
                "order",
                "forward (the default): a sum, then its result; result-first: the result, then the sum that it depends on."
            ) ?? .forward,
            numbers: fields.optionalChoice(
                "numbers",
                "plain (the default): 47 + 5 = 52; fixed: every number has two digits, 47 + 05 = 52.")
                ?? .plain,
            wordings: fields.optionalChoice(
                "wordings",
                "free (the default): of different lengths; equal-length: every solution has the same number of tokens, so that the answer and the end have fixed places."
            ) ?? .free)
        english = Self.own(
            .english, task, fields, "Word problems in ordinary English, for checkpoints.",
            default: (2...4, 56)
        ) { fields in
            let least = fields.integer(
                "leastSums", default: 2, in: 1...4, "Sums of the shortest worked answer.")
            let most = fields.integer("mostSums", default: 4, in: 1...4, "Sums of the longest worked answer.")
            if most < least { fields.reject("mostSums", "It is less than leastSums, \(least).") }
            let longest = fields.integer(
                "longest", default: 56, in: 30...200,
                "The most words, digits and signs of a worked answer; a tokenizer may make a few tokens more of them."
            )
            return (min(least, most)...max(least, most), longest)
        }
        countdown = Self.own(
            .countdown, task, fields, "Countdown: a target from given numbers.", default: .init()
        ) { fields in
            Countdown.Options(
                numbers: fields.integer(
                    "numbers", default: 4, in: 2...6, "Given numbers; the solution has one step fewer."),
                largest: fields.integer(
                    "largest", default: 20, in: 2...99, "Numbers are drawn from 1 to this."),
                operators: fields.choice(
                    "operators", default: Countdown.Operators.all,
                    "What solutions are made of: sums (+ and -) or all four (+ - * /)."))
        }
        sudokuBlanks = Self.own(
            .sudoku, task, fields, "Sudoku with four rows, one solution each.", default: 8
        ) { fields in
            fields.integer("blanks", default: 8, in: 1...12, "Cells that the question leaves out.")
        }
        if task != .wordProblems {
            for key in ["steps", "variantDecay", "order", "numbers", "wordings"]
            where fields.node?[key] != nil {
                fields.reject(
                    key, "\"\(key)\" is an option of word problems; this stage's task is \(task.rawValue).")
            }
        }
    }

    /// A task's own options, which stand under its name.
    ///
    /// They leave no trace in the recipes of other tasks.
    private static func own<Options>(
        _ task: Task, _ chosen: Task, _ fields: Fields, _ summary: String, default options: Options,
        _ read: (Fields) -> Options
    ) -> Options {
        if task == chosen { return fields.object(task.rawValue, summary, read) }
        let given = fields.optionalObject(task.rawValue, summary, read)
        if given != nil {
            fields.reject(
                task.rawValue,
                "These are options of the task \(task.rawValue); this stage's is \(chosen.rawValue).")
        }
        return given ?? options
    }

    /// Where the problems come from.
    func source(seed: UInt64) throws -> any ProblemSource {
        switch task {
        case .wordProblems: try WordProblems(options: options, seed: seed)
        case .english: EnglishProblems(sums: english.sums, longest: english.longest, seed: seed)
        case .countdown: Countdown(options: countdown, seed: seed)
        case .sudoku: Sudoku4x4(blanks: sudokuBlanks, seed: seed)
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let source = try source(seed: context.seed)
        let training = try source.problems(.train, count: train)
        try context.checkCancellation()
        let testing = try source.problems(.test, count: test)
        try ProblemFile.write(training, to: context.output.appending("train.jsonl"))
        try ProblemFile.write(testing, to: context.output.appending("test.jsonl"))
        return StageResult(
            summary: "\(training.count) problems to train on, \(testing.count) to test",
            metrics: ["train": .integer(training.count), "test": .integer(testing.count)])
    }
}

extension SynthesizeStage {
    /// Sizes of the data set, measured on a few of its problems.
    package func facts(_ context: ForecastContext) -> Facts {
        var facts: Facts = [.train: Double(train), .test: Double(test)]
        // The seed doesn't matter for sizes.
        guard let problems = try? source(seed: 0).problems(.train, count: 200) else { return facts }
        let count = Double(problems.count)
        func mean(_ size: (Problem) -> Int) -> Double { Double(problems.reduce(0) { $0 + size($1) }) / count }
        facts[.problemBytes] = mean { (try? ProblemFile.value(of: $0).compactBytes().count + 1) ?? 0 }
        guard task != .english else {
            facts[.promptTokens] = mean { EnglishProblems.pieces(of: $0.question) } + Self.chatTemplate
            facts[.responseTokens] = mean { EnglishProblems.pieces(of: $0.response) + 1 }
            return facts
        }
        guard
            let tokenizer = try? WordLevelTokenizer.train(
                on: problems.map { $0.prompt() + " " + $0.response })
        else { return facts }
        facts[.promptTokens] = mean { tokenizer.ids($0.prompt()).count }
        facts[.responseTokens] = mean { tokenizer.ids($0.response).count + 1 }
        facts[.words] = Double(tokenizer.vocabularySize)
        return facts
    }

    /// Tokens that a chat template stands around a question with; SmolLM2's own has 31, a short one none.
    private static let chatTemplate = 31.0

    /// So many problems at the measured time of one.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let bytes = facts(context)[.problemBytes] ?? 400
        let count = Double(train + test)
        return StageForecast(
            seconds: context.seconds(of: ModelWork.generateProblem.work, times: count),
            memory: Int(clamped: MemoryModel.program + count * (MemoryModel.problem / 2 + bytes)),
            disk: Int(clamped: count * bytes))
    }
}

/// Its artifact is a cheap function of its inputs: to check it is to make it again.
extension SynthesizeStage: QuickStage {}
