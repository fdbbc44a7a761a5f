import Evaluation
import Testing

struct CountdownTests {
    private func problems(
        _ options: Countdown.Options = .init(), seed: UInt64 = 1, _ split: ProblemSplit = .train,
        _ count: Int = 300
    ) throws -> [Problem] {
        try Countdown(options: options, seed: seed).problems(split, count: count)
    }

    @Test(arguments: [2, 3, 4, 6]) func referenceSolutionsAreRightAndHaveOneLength(numbers: Int) throws {
        for problem in try problems(.init(numbers: numbers)) + problems(.init(numbers: numbers), .test, 20) {
            #expect(problem.accepts(problem.response), "\(problem)")
            #expect(
                problem.accepts(problem.response.map { "\($0)" }.joined(separator: " ") + " <|endoftext|>"))
            #expect(problem.response.utf8.count { $0 != 0x20 } == 8 * (numbers - 1))
            guard case .countdown(let given) = problem.rules else {
                Issue.record("another task")
                continue
            }
            #expect(given.count == numbers && given == given.sorted() && !given.contains(problem.answer))
            #expect(given.allSatisfy { (1...20).contains($0) } && (1...99).contains(problem.answer))
            #expect(problem.dependencyDepth == nil)
        }
    }

    @Test func sumsHaveNoOtherSigns() throws {
        for problem in try problems(.init(operators: .sums)) {
            #expect(!problem.response.contains("*") && !problem.response.contains("/"))
        }
        #expect(try problems().contains { $0.response.contains("/") })
    }

    @Test func splitsShareNoQuestionWhateverTheOrderOfTheNumbers() throws {
        let train = try problems(.init(numbers: 3), .train, 4000)
        let test = try problems(.init(numbers: 3), .test, 300)
        #expect(Set(test.map(\.question)).count == 300)
        #expect(Set(train.map(\.question)).isDisjoint(with: test.map(\.question)))
        struct Key: Hashable {
            let rules: Problem.Rules
            let answer: Int
        }
        let keys = Set(train.map { Key(rules: $0.rules, answer: $0.answer) })
        #expect(keys.isDisjoint(with: test.map { Key(rules: $0.rules, answer: $0.answer) }))
    }

    @Test func longerListStartsWithShorterOneAndSeedsDiffer() throws {
        let long = try problems(.init(), .test, 60)
        #expect(try problems(.init(), .test, 20) == Array(long.prefix(20)))
        #expect(try problems(seed: 2, .test, 20) != Array(long.prefix(20)))
    }

    @Test func tooFewQuestionsAreSaid() {
        #expect(throws: ProblemSourceError.self) {
            try problems(.init(numbers: 2, largest: 2, operators: .sums), .test, 50)
        }
    }

    /// Pins the generator: a change here changes every artifact made from the data.
    @Test func problemsOfSeedOneAreTheseForever() throws {
        let all = try problems(.init(), .train, 200) + problems(.init(), .test, 50)
        #expect(
            StableHash.hex(all.map { $0.question + "\n" + $0.response }.joined(separator: "\n"))
                == "3edc9a502c8309bd")
        #expect(all[0].question == "Numbers 02 04 06 15 . Target 19 .")
        #expect(all[0].response == "06 + 02 = 08 15 + 08 = 23 23 - 04 = 19")
    }

    private let problem = Problem(
        id: "x", question: "", response: "", answer: 16, steps: [], rules: .countdown(numbers: [2, 3, 5]))

    @Test(arguments: [
        ("03 + 05 = 08 08 * 02 = 16", ErrorClass.right),
        ("0 3 + 0 5 = 0 8 0 8 * 0 2 = 1 6 <|endoftext|> 9", .right),
        ("02*08=16", .wrongOperand),
        ("05 + 03 = 08 02 * 08 = 16<|endoftext|>", .right),
        // Not every number has to be used, but none twice.
        ("05 + 05 = 10", .wrongOperand),
        ("03 + 05 = 08 08 + 05 = 13", .wrongOperand),
        ("03 + 05 = 09 09 * 02 = 18", .wrongSum),
        ("03 - 05 = 02", .wrongSum),
        ("05 / 03 = 01", .wrongSum),
        ("03 + 05 = 08 08 + 02 = 10", .wrongAnswer),
        ("03 + 05 = 08 <|endoftext|>", .wrongAnswer),
        ("03 + 05 = 08 08 * 02 = 1 <|endoftext|>", .earlyEnd),
        ("03 + 05 = 08 08 <|endoftext|>", .earlyEnd),
        ("<|endoftext|>", .earlyEnd),
        ("03 + 05 = 08 08 * 02 = 1", .malformed),
        ("", .malformed),
        ("3+5=8 8*2=16", .malformed),
        ("03 + 05 = 08 , 08 * 02 = 16", .malformed),
        ("(03+05)*02=16", .malformed),
        ("03 + 05 = 08 08 × 02 = 16", .malformed),
        ("٠٣ + ٠٥ = ٠٨", .malformed),
        ("03 + 05 = 08 08 * 02 = 16 16", .malformed),
    ]) func verdicts(response: String, expected: ErrorClass) {
        let isRight = problem.accepts(response)
        #expect(isRight == (expected == .right))
        #expect(problem.errorClass(ResponseWords(response), isRight: isRight) == expected)
    }

    @Test func aSixteenBehindThatHasOneDigitTooManyIsNoAnswer() {
        #expect(!problem.accepts("03 + 05 = 08 08 * 02 = 161"))
    }

    @Test func hostileResponsesAreJustWrong() {
        let long = String(repeating: "9", count: 100_000)
        for response in [long, String(repeating: "(", count: 100_000), "03 + \(long) = 08", "05 / 00 = 00"] {
            #expect(!problem.accepts(response))
        }
        let zero = Problem(
            id: "x", question: "", response: "", answer: 5, steps: [], rules: .countdown(numbers: [0, 5]))
        #expect(!zero.accepts("05 / 00 = 05"))
        #expect(zero.accepts("05 + 00 = 05"))
    }

    @Test func digitsOfOneResultInOneForward() {
        let text = "0 3 + 0 5 = 0 9 <|endoftext|>"
        let apart = [0, 0, 0, 0, 0, 0, 1, 2, 2]
        #expect(problem.errorClass(ResponseWords(text, decided: apart), isRight: false) == .wrongSum)
        let together = [0, 0, 0, 0, 0, 0, 1, 1, 2]
        #expect(problem.errorClass(ResponseWords(text, decided: together), isRight: false) == .digitsTogether)
        // Forwards that don't belong to the words are no forwards.
        #expect(problem.errorClass(ResponseWords(text, decided: [1, 1]), isRight: false) == .wrongSum)
    }
}
