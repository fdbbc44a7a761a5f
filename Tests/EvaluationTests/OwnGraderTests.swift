import Testing

@testable import Evaluation

@Suite struct OwnGraderTests {
    @Test(
        "numbers are compared by value",
        arguments: [
            ("So there are 1,200 of them.", "1200", true), ("It costs $18.50", "18.5", true),
            ("The answer is 18.", "18", true), ("18 or 19", "18", false), ("minus -7", "-7", true),
            ("07", "7", true), ("none", "7", false), ("-0", "0", true), ("3.0", "3", true),
        ]) func numbers(response: String, answer: String, isRight: Bool)
    {
        #expect((OwnGrader.number.verdict(response, answer: answer).isCorrect == true) == isRight)
    }

    @Test(
        "boxes are compared in both spellings",
        arguments: [
            (#"so \boxed{1{,}200}"#, #"1{,}200"#, true), (#"\boxed{ 12 }"#, "12", true),
            (#"\boxed{\frac12}"#, #"\frac{1}{2}"#, true), (#"\boxed{3} and \boxed{4}"#, "3", false),
            ("12", "12", false), (#"\boxed{Yes}"#, #"the answer is \boxed{yes}"#, true),
        ]) func boxes(response: String, answer: String, isRight: Bool)
    {
        #expect((OwnGrader.boxed.verdict(response, answer: answer).isCorrect == true) == isRight)
    }

    @Test func exactMeansAllOfIt() {
        #expect(OwnGrader.exact.verdict(" Paris\n", answer: "Paris").isCorrect == true)
        #expect(OwnGrader.exact.verdict("a , b", answer: "a, b").isCorrect == true)
        #expect(OwnGrader.exact.verdict("Paris.", answer: "Paris").isCorrect == false)
        #expect(OwnGrader.exact.verdict("paris", answer: "Paris").isCorrect == false)
    }

    @Test func aGraderSaysWhatItCantGradeAgainst() {
        #expect(OwnGrader.number.problem(with: "eleven") == "the reference answer is no number")
        #expect(OwnGrader.number.problem(with: nil) == "there is no reference answer to compare with")
        #expect(OwnGrader.exact.problem(with: "  ") != nil)
        #expect(OwnGrader.boxed.problem(with: #"\boxed{}"#) != nil)
        #expect(OwnGrader.none.problem(with: nil) == nil && OwnGrader.number.problem(with: "1,000.5") == nil)
    }
}
