internal import Numerics

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
    fileprivate mutating func pick(_ choices: [String]) -> String {
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
