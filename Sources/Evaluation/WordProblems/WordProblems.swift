internal import Numerics

/// Generated word problems: one person, one kind of object, a few changes on different weekdays.
///
/// The weekday of a step is its key: it appears in the question and, in the same order, in the response, so that a
/// model which writes many steps at once can tell them apart. Every number is an ordinary decimal number in the
/// text; splitting it into digits is the tokenizer's business. Problem `i` of a split depends on the seed, the
/// split and `i` only (for the test split also on the problems before it, which it must not repeat).
package struct WordProblems: ProblemSource {
    /// Train and test, told apart by a hash of the question.
    package typealias Split = ProblemSplit

    /// Where the results of a response stand.
    package enum Order: String, Sendable, Hashable, CaseIterable {
        /// Each total behind the sum that gives it, `Friday : 47 + 5 = 52 .`: what stands further left is needed first.
        case forward
        /// Each total before its sum, `Friday : 52 = 47 + 5 .`
        ///
        /// What a total is made from stands to the right of it, so that within a sentence the order of positions and the
        /// order of dependencies run against each other, and it matters which masked positions a model sees together.
        case resultFirst = "result-first"
    }

    /// How numbers are written.
    package enum Numbers: String, Sendable, Hashable, CaseIterable {
        /// As usual: `47 + 5 = 52`.
        case plain
        /// Two digits each, in question and response: `47 + 05 = 52`.
        case fixed
    }

    /// Which wordings the sentences of a response have.
    package enum Wordings: String, Sendable, Hashable, CaseIterable {
        /// Of different lengths, so that nobody knows where the answer will stand before the wordings are chosen.
        case free
        /// All wordings of a sentence have the same number of tokens.
        ///
        /// With digits as tokens every response of the same steps and numbers is equally long, and `####`, the answer and
        /// the end have the same places in each (with plain numbers too: changes have one digit, totals two).
        case equalLength = "equal-length"
    }

    /// What decides the distribution of the problems.
    package struct Options: Sendable, Hashable {
        /// How many changes a problem has, 1 to 3; each takes another weekday.
        package var steps: Int
        /// The weight of an answer's variant k is `variantDecay` to the power k; 1 makes all equally likely.
        ///
        /// Questions are always drawn uniformly. A skewed distribution of answers gives the most likely answer a
        /// lead that a parallel decoder can rely on; with 1, tokens of different variants are committed together.
        package var variantDecay: Double
        /// The order of the response; questions are the same in either.
        package var order: Order
        /// How numbers are written.
        package var numbers: Numbers
        /// The wordings of the response; questions are the same with either.
        package var wordings: Wordings

        /// Two steps, halving weights, results last, plain numbers and free wordings, unless told otherwise.
        package init(
            steps: Int = 2, variantDecay: Double = 0.5, order: Order = .forward, numbers: Numbers = .plain,
            wordings: Wordings = .free
        ) {
            self.steps = steps
            self.variantDecay = variantDecay
            self.order = order
            self.numbers = numbers
            self.wordings = wordings
        }
    }

    /// The options that the task was made with.
    package let options: Options
    /// The seed of all random draws.
    package let seed: UInt64

    /// The start total of every problem lies in this range.
    static let startRange = 10..<61
    /// Each change is one of these numbers, up or down.
    static let changeRange = 1..<10
    /// Every total after a step lies in this range, so that all totals have two digits.
    static let totalRange = 10..<100
    /// Draws after which a search for a new question is given up; far beyond what chance can cause.
    static let attemptLimit = 10_000

    /// A task with the given options.
    ///
    /// - Throws: `WordProblemsError` for options outside their legal range.
    package init(options: Options = Options(), seed: UInt64) throws(WordProblemsError) {
        guard (1...3).contains(options.steps) else { throw .illegalSteps(options.steps) }
        guard options.variantDecay > 0, options.variantDecay <= 1 else {
            throw .illegalVariantDecay(options.variantDecay)
        }
        self.options = options
        self.seed = seed
    }

    /// The first `count` problems of a split; a longer list starts with the shorter one.
    ///
    /// - Throws: `WordProblemsError.exhausted` when no new test question can be found.
    package func problems(_ split: Split, count: Int) throws(WordProblemsError) -> [Problem] {
        precondition(count >= 0, "the number of problems isn't negative")
        var result: [Problem] = []
        result.reserveCapacity(count)
        var seen: Set<String> = []
        for index in 0..<count {
            let problem = try problem(split, index: index, excluding: seen)
            if split == .test { seen.insert(problem.question) }
            result.append(problem)
        }
        return result
    }

    /// Problem `index` of the train split, without making those before it.
    ///
    /// - Throws: `WordProblemsError.exhausted`, in practice never.
    package func trainProblem(_ index: Int) throws(WordProblemsError) -> Problem {
        try problem(.train, index: index, excluding: [])
    }

    private func problem(
        _ split: Split, index: Int, excluding seen: Set<String>
    ) throws(WordProblemsError) -> Problem {
        var random = RandomStream(
            seed: seed, purpose: "word-problems/\(split.rawValue)", sample: UInt64(index))
        for _ in 0..<Self.attemptLimit {
            let draft = Draft(options: options, random: &random)
            let question = draft.question(options: options, random: &random)
            guard Split(of: question) == split, !seen.contains(question) else { continue }
            return Problem(
                id: "\(split.rawValue)-\(index)", question: question,
                response: draft.response(options: options, random: &random), answer: draft.answer,
                steps: draft.steps)
        }
        throw .exhausted(split: split, index: index)
    }
}
