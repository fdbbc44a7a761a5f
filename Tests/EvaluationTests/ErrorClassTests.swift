import Evaluation
import Testing

/// Each kind of error, pinned by responses to one problem: 14 and 5 make 19, less 9 makes 10.
struct ErrorClassTests {
    private let problem = Problem(
        id: "x", question: "", response: "", answer: 10,
        steps: [.init(day: "Friday", change: 5, total: 19), .init(day: "Monday", change: -9, total: 10)])

    private static let working = "Friday : 1 4 + 5 = 1 9 . Monday : 1 9 - 9 = 1 0 ."

    @Test(arguments: [
        ("\(working) #### 1 0 <|endoftext|>", ErrorClass.right),
        ("\(working) #### 1 <|endoftext|>", .earlyEnd),
        ("\(working) #### <|endoftext|>", .earlyEnd),
        ("\(working) That is all . <|endoftext|>", .earlyEnd),
        ("Friday : 1 4 + 5 = 1 <|endoftext|>", .earlyEnd),
        ("Friday : 1 4 + 5 = <|endoftext|>", .earlyEnd),
        ("Friday : 1 4 + 5 = 1 9 . Monday <|endoftext|>", .earlyEnd),
        ("<|endoftext|>", .earlyEnd),
        // A cut number doesn't excuse what stands before it.
        ("Friday : 1 3 + 5 = 1 <|endoftext|>", .wrongOperand),
        ("Friday : 9 1 = 1 4 + 0 <|endoftext|>", .wrongSum),
        // Without an end token nothing was cut by one.
        ("\(working) #### 1", .wrongAnswer),
        ("\(working) ####", .malformed),
        ("\(working)", .malformed),
        ("Friday : 1 4 + 5 = 1", .wrongSum),
        // The end token comes later.
        ("Friday : 1 4 + 5 = 1 . Monday : 1 9 - 9 = 1 0 . #### 1 0 <|endoftext|>", .right),
        ("Friday : 1 4 + 5 = 1 . #### 1 <|endoftext|>", .wrongSum),
        ("Friday : 1 4 + 5 = 9 1 . Monday : 9 1 - 9 = 8 2 . #### 8 2 <|endoftext|>", .wrongSum),
        ("Friday : 1 4 + 6 = 2 0 . Monday : 2 0 - 9 = 1 1 . #### 1 1 <|endoftext|>", .wrongOperand),
        ("Friday : 1 4 - 5 = 9 . Monday : 9 - 9 = 0 . #### 0 <|endoftext|>", .wrongOperand),
        ("Friday : 1 4 + 5 = 1 9 . Monday : 1 8 - 9 = 9 . #### 9 <|endoftext|>", .wrongOperand),
        ("\(working) #### 1 9 <|endoftext|>", .wrongAnswer),
        ("\(working) #### 1 0 0 <|endoftext|>", .wrongAnswer),
        ("\(working) #### <|mask|> <|endoftext|>", .malformed),
        ("Friday : 1 4 + 5 = 1 9 . #### 1 <|endoftext|>", .malformed),
        ("Friday : 1 4 + = 1 9 . #### 1 <|endoftext|>", .malformed),
        ("\(working) Sunday : 1 0 + 1 = 1 1 . #### 1 1 <|endoftext|>", .malformed),
        // The result first, and two digits each.
        ("Friday : 1 9 = 1 4 + 5 . Monday : 1 0 = 1 9 - 9 . #### 1 <|endoftext|>", .earlyEnd),
        ("Friday : 1 9 = 1 4 + <|endoftext|>", .earlyEnd),
        ("Friday : 1 9 = 1 4 + 0 <|endoftext|>", .earlyEnd),
        ("Friday : 9 1 = 1 4 + 5 . Monday : 1 0 = 1 9 - 9 . #### 1 1 <|endoftext|>", .wrongSum),
        ("Friday : 1 4 + 0 5 = 1 9 . Monday : 1 9 - 0 9 = 1 0 . #### 1 1 <|endoftext|>", .wrongAnswer),
        ("Friday : 1 4 + ٥ = 1 9 . #### 1 1 <|endoftext|>", .malformed),
        ("Friday : 1 4 + 99999999999999999999 = 1 9 . #### 1 1 <|endoftext|>", .wrongOperand),
    ]) func kinds(response: String, expected: ErrorClass) {
        let isRight = problem.accepts(response)
        #expect(problem.errorClass(ResponseWords(response), isRight: isRight) == expected)
    }

    @Test("a wrong result whose digits one forward decided is told from one that was decided digit by digit")
    func together() {
        let text = "Friday : 1 4 + 5 = 9 1 . #### 9 1 <|endoftext|>"
        let words = text.split(separator: " ").count
        var decided = Array(0..<words)
        #expect(problem.errorClass(ResponseWords(text, decided: decided), isRight: false) == .wrongSum)
        decided[8] = decided[7]
        #expect(problem.errorClass(ResponseWords(text, decided: decided), isRight: false) == .digitsTogether)
        // What was never decided wasn't decided together.
        (decided[7], decided[8]) = (-1, -1)
        #expect(problem.errorClass(ResponseWords(text, decided: decided), isRight: false) == .wrongSum)
    }

    @Test(arguments: [
        ("\(working) #### 1 0", true),
        ("\(working) #### 1 <|endoftext|>", true),
        ("\(working) That is all . #### 9 9", true),
        ("\(working) So Anna has 1 0 coins . <|endoftext|>", true),
        ("\(working) So Anna has 1 1 coins . #### 1 0", false),
        ("Friday : 1 9 = 1 4 + 5 . Monday : 1 0 = 1 9 - 0 9 . #### 7", true),
        ("Friday : 1 4 + 5 = 1 9 . #### 1 0", false),
        ("Monday : 1 9 - 9 = 1 <|endoftext|> 0", false),
        ("#### 1 0", false),
        ("", false),
    ]) func theSentenceGraderReadsTheSolution(response: String, expected: Bool) {
        #expect(problem.accepts(response, by: .sentence) == expected)
    }

    @Test(arguments: WordProblems.Order.allCases, WordProblems.Wordings.allCases)
    func bothGradersTakeEveryReferenceSolution(
        order: WordProblems.Order, wordings: WordProblems.Wordings
    ) throws {
        for numbers in WordProblems.Numbers.allCases {
            let options = WordProblems.Options(
                steps: 3, variantDecay: 1, order: order, numbers: numbers, wordings: wordings)
            for problem in try WordProblems(options: options, seed: 3).problems(.train, count: 200) {
                #expect(problem.accepts(problem.response) && problem.accepts(problem.response, by: .sentence))
                // Everything but the end is right.
                let cut = ResponseWords("\(problem.response.dropLast()) <|endoftext|>")
                #expect(problem.errorClass(cut, isRight: false) == .earlyEnd, "\(problem.response)")
                let other = Problem(
                    id: "", question: "", response: "", answer: problem.answer + 1, steps: problem.steps)
                #expect(other.errorClass(ResponseWords(problem.response), isRight: false) == .wrongAnswer)
            }
        }
    }
}
