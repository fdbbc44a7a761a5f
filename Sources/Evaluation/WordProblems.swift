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

/// Why word problems can't be generated.
package enum WordProblemsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The number of steps is outside 1...3.
    case illegalSteps(Int)
    /// The decay isn't above 0 and at most 1.
    case illegalVariantDecay(Double)
    /// So many problems were asked for that no new question is found.
    case exhausted(split: WordProblems.Split, index: Int)

    package var description: String {
        switch self {
        case .illegalSteps(let steps):
            "A word problem can't have \(steps) steps: legal are 1, 2 and 3."
        case .illegalVariantDecay(let decay):
            "The variant decay \(decay) is outside its range: it must be above 0 and at most 1 (1 means uniform)."
        case .exhausted(let split, let index):
            "No new question was found for problem \(index) of the \(split.rawValue) split after "
                + "\(WordProblems.attemptLimit) draws: ask for fewer problems, or for more steps per problem."
        }
    }
}

extension WordProblems {
    /// The words of the task.
    ///
    /// Punctuation stands apart, so that splitting at white space gives the tokens.
    enum Words {
        struct Person: Sendable {
            let name: String
            let pronoun: String
        }

        static let persons = [
            Person(name: "Anna", pronoun: "she"), Person(name: "Ben", pronoun: "he"),
            Person(name: "Clara", pronoun: "she"), Person(name: "David", pronoun: "he"),
            Person(name: "Emma", pronoun: "she"), Person(name: "Frank", pronoun: "he"),
            Person(name: "Julia", pronoun: "she"), Person(name: "Tom", pronoun: "he"),
        ]
        static let objects = ["apples", "books", "cards", "coins", "pens", "shells", "stamps", "stones"]
        static let days = [
            "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
        ]
    }

    /// What a problem is about, before any of it is put into words.
    struct Draft {
        let person: Words.Person
        /// Somebody else, for the sentences in which objects change hands.
        let friend: Words.Person
        let objects: String
        let start: Int
        let steps: [Problem.Step]

        var answer: Int { steps.last?.total ?? start }

        init(options: Options, random: inout RandomStream) {
            let who = random.nextInt(in: 0..<Words.persons.count)
            let other = random.nextInt(in: 0..<(Words.persons.count - 1))
            person = Words.persons[who]
            friend = Words.persons[other < who ? other : other + 1]
            objects = Words.objects[random.nextInt(in: 0..<Words.objects.count)]
            start = random.nextInt(in: WordProblems.startRange)

            var days = Words.days
            var steps: [Problem.Step] = []
            var total = start
            for _ in 0..<options.steps {
                let day = days.remove(at: random.nextInt(in: 0..<days.count))
                var change = 0
                repeat {
                    change = random.nextInt(in: WordProblems.changeRange)
                    if random.nextInt(in: 0..<2) == 1 { change = -change }
                } while !WordProblems.totalRange.contains(total + change)
                total += change
                steps.append(Problem.Step(day: day, change: change, total: total))
            }
            self.steps = steps
        }

        /// The question; each sentence's wording is drawn uniformly.
        func question(options: Options, random: inout RandomStream) -> String {
            var sentences = [
                random.pick([
                    "\(person.name) has \(start) \(objects) .", "\(person.name) owns \(start) \(objects) .",
                ])
            ]
            for step in steps {
                let opening = "On \(step.day) \(person.pronoun)"
                let amount = options.numbers.text(abs(step.change))
                let wordings =
                    step.change > 0
                    ? [
                        "buys \(amount) more .", "finds \(amount) \(objects) .",
                        "gets \(amount) from \(friend.name) .",
                    ]
                    : [
                        "loses \(amount) \(objects) .", "gives \(amount) to \(friend.name) .",
                        "sells \(amount) \(objects) .",
                    ]
                sentences.append("\(opening) \(random.pick(wordings))")
            }
            sentences.append(
                random.pick([
                    "How many \(objects) now ?", "How many \(objects) does \(person.pronoun) have ?",
                ]))
            return sentences.joined(separator: " ")
        }

        /// The worked solution; each sentence's wording is drawn with decaying weights.
        func response(options: Options, random: inout RandomStream) -> String {
            let decay = options.variantDecay
            let isFree = options.wordings == .free
            var sentences = [random.pick(isFree ? openings : evenOpenings, decay: decay)]
            var total = start
            for step in steps {
                let sign = step.change > 0 ? "+" : "-"
                let working = "\(total) \(sign) \(options.numbers.text(abs(step.change)))"
                let sum =
                    switch options.order {
                    case .forward: "\(working) = \(step.total)"
                    case .resultFirst: "\(step.total) = \(working)"
                    }
                let wordings = isFree ? wordings(step.day, sum) : evenWordings(step.day, sum)
                sentences.append(random.pick(wordings, decay: decay))
                total = step.total
            }
            sentences.append(random.pick(isFree ? endings : evenEndings, decay: decay))
            return sentences.joined(separator: " ")
        }

        private var openings: [String] {
            [
                "\(person.name) starts with \(start) \(objects) .", "At first there are \(start) .",
                "We begin with \(start) \(objects) .", "Step by step : \(start) at first .",
            ]
        }

        private func wordings(_ day: String, _ sum: String) -> [String] {
            [
                "\(day) : \(sum) .", "On \(day) \(person.name) has \(sum) \(objects) .",
                "After \(day) there are \(sum) .", "\(day) makes it \(sum) .",
                "Then comes \(day) so \(sum) .",
            ]
        }

        private var endings: [String] {
            [
                "So \(person.name) has \(answer) \(objects) . #### \(answer)",
                "The answer is \(answer) . #### \(answer)", "That is all . #### \(answer)", "#### \(answer)",
            ]
        }

        /// Seven tokens each.
        private var evenOpenings: [String] {
            [
                "\(person.name) starts with \(start) \(objects) .", "At first there are \(start) .",
                "We begin with \(start) \(objects) .", "In the beginning : \(start) .",
            ]
        }

        /// Five tokens beside the sum.
        private func evenWordings(_ day: String, _ sum: String) -> [String] {
            [
                "On \(day) there are \(sum) .", "After \(day) there are \(sum) .",
                "Then comes \(day) so \(sum) .", "By \(day) it is \(sum) .", "\(day) now makes it \(sum) .",
            ]
        }

        /// Ten tokens each; all state the total.
        private var evenEndings: [String] {
            [
                "So \(person.name) has \(answer) \(objects) . #### \(answer)",
                "So the answer is \(answer) . #### \(answer)",
                "In total that makes \(answer) . #### \(answer)",
                "Now we end with \(answer) . #### \(answer)",
            ]
        }
    }
}

extension WordProblems.Numbers {
    /// A number from 0 to 99 in this form.
    func text(_ number: Int) -> String {
        self == .fixed ? ProblemDraws.twoDigits(number) : String(number)
    }
}

extension RandomStream {
    /// One of `choices`, each as likely as the others.
    mutating func pick(_ choices: [String]) -> String {
        choices[nextInt(in: 0..<choices.count)]
    }

    /// One of `choices`; choice k has weight `decay` to the power k.
    fileprivate mutating func pick(_ choices: [String], decay: Double) -> String {
        // Powers by multiplication: `pow` differs in the last bit between C libraries.
        var weights: [Double] = []
        var weight = 1.0
        for _ in choices {
            weights.append(weight)
            weight *= decay
        }
        var rest = nextDouble() * weights.reduce(0, +)
        for (choice, weight) in zip(choices, weights) {
            if rest < weight { return choice }
            rest -= weight
        }
        return choices[choices.count - 1]
    }
}
