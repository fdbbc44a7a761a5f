import Evaluation
import Testing

struct WordProblemsTests {
    private func task(_ options: WordProblems.Options = .init(), seed: UInt64 = 1) throws -> WordProblems {
        try WordProblems(options: options, seed: seed)
    }

    @Test func responseFollowsFromQuestion() throws {
        for problem in try task().problems(.train, count: 300) + task().problems(.test, count: 300) {
            let days = problem.steps.map(\.day)
            #expect(Set(days).count == 2)
            var total = try #require(firstNumber(in: problem.question))
            #expect((10...60).contains(total))
            for step in problem.steps {
                #expect((1...9).contains(abs(step.change)))
                #expect(step.total == total + step.change)
                #expect((10...99).contains(step.total))
                let sign = step.change > 0 ? "+" : "-"
                #expect(problem.response.contains("\(total) \(sign) \(abs(step.change)) = \(step.total)"))
                #expect(problem.question.contains("On \(step.day) "))
                #expect(problem.question.contains(" \(abs(step.change)) "))
                total = step.total
            }
            #expect(problem.answer == total)
            #expect(Grader().grade(problem.response, answer: problem.answer) == .correct)
        }
    }

    private func firstNumber(in text: String) -> Int? {
        text.split(separator: " ").lazy.compactMap { Int($0) }.first
    }

    @Test func nobodyTradesWithThemselves() throws {
        for problem in try task().problems(.train, count: 500) {
            let words = problem.question.split(separator: " ")
            #expect(words.count { $0 == words[0] } == 1, "\(problem.question)")
        }
    }

    @Test func pronounFitsName() throws {
        let she: Set<Substring> = ["Anna", "Clara", "Emma", "Julia"]
        for problem in try task().problems(.train, count: 200) {
            let words = problem.question.split(separator: " ")
            #expect(words.contains("she") == she.contains(words[0]))
            #expect(words.contains("he") != she.contains(words[0]))
        }
    }

    @Test func splitsShareNoQuestionAndTestQuestionsAreUnique() throws {
        let train = try task().problems(.train, count: 2000).map(\.question)
        let test = try task().problems(.test, count: 400).map(\.question)
        #expect(Set(train).isDisjoint(with: test))
        #expect(Set(test).count == 400)
        #expect(train.allSatisfy { WordProblems.Split(of: $0) == .train })
        #expect(test.allSatisfy { WordProblems.Split(of: $0) == .test })
    }

    @Test func longerListStartsWithShorterOne() throws {
        let long = try task().problems(.test, count: 60)
        #expect(try task().problems(.test, count: 20) == Array(long.prefix(20)))
        #expect(try task().trainProblem(17) == task().problems(.train, count: 18)[17])
        #expect(try task(seed: 2).problems(.test, count: 20) != Array(long.prefix(20)))
    }

    /// Pins the generator: a change here changes every artifact made from the data.
    @Test func problemsOfSeedOneAreTheseForever() throws {
        let train = try task().trainProblem(0)
        let test = try task().problems(.test, count: 1)[0]
        #expect(StableHash.of("") == 0xEFD0_1F60_BA99_2926)
        #expect([train.question, train.response, test.question, test.response] == pinned)
    }

    private let pinned = [
        "Frank owns 16 stamps . On Saturday he gets 1 from Anna . On Tuesday he loses 3 stamps . "
            + "How many stamps does he have ?",
        "Frank starts with 16 stamps . Saturday makes it 16 + 1 = 17 . Tuesday : 17 - 3 = 14 . "
            + "The answer is 14 . #### 14",
        "David owns 19 cards . On Wednesday he finds 9 cards . On Sunday he sells 6 cards . "
            + "How many cards does he have ?",
        "At first there are 19 . After Wednesday there are 19 + 9 = 28 . Sunday : 28 - 6 = 22 . "
            + "So David has 22 cards . #### 22",
    ]

    @Test(arguments: [1, 2, 3]) func stepCountDecidesDepth(steps: Int) throws {
        let problems = try task(.init(steps: steps)).problems(.train, count: 50)
        #expect(problems.allSatisfy { $0.steps.count == steps && $0.dependencyDepth == steps + 1 })
    }

    @Test func depthBoundIsARatioOfSums() {
        #expect(Problem.tokensPerForwardBound(answerTokens: [30, 50], depths: [3, 2]) == 16)
        #expect(Problem.tokensPerForwardBound(answerTokens: [], depths: []) == nil)
        let stepless = Problem(id: "x", question: "", response: "", answer: 1, steps: [])
        #expect(stepless.dependencyDepth == 2)
    }

    @Test func variantsFollowTheirWeights() throws {
        func shareOfFirst(_ decay: Double) throws -> Double {
            let problems = try task(.init(variantDecay: decay)).problems(.train, count: 2000)
            return Double(problems.count { $0.response.contains("So \(name($0)) has") }) / 2000
        }
        func name(_ problem: Problem) -> Substring { problem.question.prefix { $0 != " " } }
        #expect(abs(try shareOfFirst(0.5) - 8.0 / 15) < 0.04)
        #expect(abs(try shareOfFirst(1) - 0.25) < 0.04)
    }

    /// The lengths that the mini experiments are laid out for: 6 blocks of 8 tokens for the response.
    @Test(arguments: [0.5, 1]) func textsFitTheGenerationLength(variantDecay: Double) throws {
        func tokens(_ text: String) -> Int {
            text.split(separator: " ").reduce(0) { $0 + (Int($1) == nil ? 1 : $1.count) }
        }
        let problems = try task(.init(variantDecay: variantDecay)).problems(.train, count: 2000)
        let withEnd = problems.map { tokens($0.response) + 1 }
        #expect(try #require(withEnd.max()) <= 48)
        #expect(problems.allSatisfy { tokens($0.prompt()) <= 32 })
        if variantDecay == 0.5 {
            #expect((36.0...42.0).contains(Double(withEnd.reduce(0, +)) / 2000))
        }
    }

    @Test func vocabularyIsSmall() throws {
        var words: Set<Substring> = []
        for problem in try task().problems(.train, count: 2000) {
            for word in (problem.question + " " + problem.response).split(separator: " ")
            where Int(word) == nil {
                words.insert(word)
            }
        }
        #expect(words.count < 80)
    }

    @Test func illegalOptionsAreRefused() {
        #expect(throws: WordProblemsError.illegalSteps(4)) { try task(.init(steps: 4)) }
        #expect(throws: WordProblemsError.illegalSteps(0)) { try task(.init(steps: 0)) }
        #expect(throws: WordProblemsError.illegalVariantDecay(0)) { try task(.init(variantDecay: 0)) }
        #expect(throws: WordProblemsError.self) { try task(.init(variantDecay: .nan)) }
        #expect("\(WordProblemsError.illegalSteps(4))".contains("legal are 1, 2 and 3"))
    }

    @Test func promptEndsInSeparator() {
        let problem = Problem(id: "x", question: "How many ?", response: "#### 1", answer: 1, steps: [])
        #expect(problem.prompt() == "How many ? <|sep|>")
    }
}

struct ResultFirstTests {
    @Test("result-first asks the same questions and writes the same words, each total before its sum")
    func order() throws {
        let forward = try WordProblems(seed: 4).problems(.train, count: 300)
        let reversed = try WordProblems(options: .init(order: .resultFirst), seed: 4).problems(
            .train, count: 300)
        for (a, b) in zip(forward, reversed) {
            #expect(a.question == b.question && a.steps == b.steps && a.answer == b.answer)
            #expect(Grader().grade(b.response, answer: b.answer) == .correct)
            for step in b.steps {
                let sum = "\(step.total - step.change) \(step.change > 0 ? "+" : "-") \(abs(step.change))"
                #expect(a.response.contains("\(sum) = \(step.total)"))
                #expect(b.response.contains("\(step.total) = \(sum)"))
            }
            #expect(a.response.split(separator: " ").sorted() == b.response.split(separator: " ").sorted())
        }
    }
}

struct WordProblemFormTests {
    private func digest(_ options: WordProblems.Options) throws -> String {
        let task = try WordProblems(options: options, seed: 1)
        let all = try task.problems(.train, count: 500) + task.problems(.test, count: 100)
        return StableHash.hex(all.map { $0.question + "\n" + $0.response }.joined(separator: "\n"))
    }

    /// Recorded before the forms came: recorded experiments stand on these problems.
    @Test func problemsWithoutFormsAreThoseOfBefore() throws {
        #expect(try digest(.init()) == "7665fac8d3e353b8")
        #expect(try digest(.init(steps: 3, variantDecay: 1, order: .resultFirst)) == "1db71ead79982bef")
        #expect(try digest(.init(numbers: .fixed)) == "efc7dd1e83bd9dc4")
        #expect(try digest(.init(wordings: .equalLength)) == "eaa808d9ff676fb1")
    }

    /// The number of digits of each number of a text.
    private func widths(_ text: String) -> [Int] {
        text.split(separator: " ").filter { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }.map(\.count)
    }

    @Test(arguments: WordProblems.Order.allCases)
    func fixedNumbersHaveTwoDigitsAndChangeNothingElse(order: WordProblems.Order) throws {
        let fixed = try WordProblems(options: .init(order: order, numbers: .fixed), seed: 1)
        for problem in try fixed.problems(.train, count: 300) + fixed.problems(.test, count: 60) {
            #expect(Set(widths(problem.question + " " + problem.response)) == [2])
            #expect(problem.accepts(problem.response) && problem.steps.count == 2)
        }
        #expect(try fixed.trainProblem(0).question.contains(" he loses 05 books "))
    }

    @Test("with wordings of equal length answer and end stand at the same place in every response")
    func equalLength() throws {
        for (numbers, length) in [(WordProblems.Numbers.plain, 41), (.fixed, 43)] {
            let options = WordProblems.Options(
                variantDecay: 1, numbers: numbers, wordings: .equalLength)
            var texts: Set<String> = []
            for problem in try WordProblems(options: options, seed: 5).problems(.train, count: 500) {
                let tokens = problem.response.split(separator: " ").flatMap { word in
                    Int(word) == nil ? [String(word)] : word.map { String($0) }
                }
                #expect(tokens.count == length && tokens.firstIndex(of: "####") == length - 3)
                #expect(problem.accepts(problem.response))
                texts.insert(String(problem.response.filter { !$0.isNumber }))
            }
            #expect(texts.count > 100)
        }
    }
}
