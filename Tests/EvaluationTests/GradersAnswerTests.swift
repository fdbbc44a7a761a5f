import Evaluation
import Testing

/// Extraction and comparison of GSM8K answers; expected values are what Python's `re` gives.
struct GradersAnswerTests {
    @Test(arguments: [
        // One more code point of the line has to follow, and without one the number gives up its last.
        ("The answer is 72.", "72"), ("The answer is 72", "7"), ("The answer is 7", "[invalid]"),
        ("The answer is 7\n", "[invalid]"), ("The answer is 72\nx", "7"), ("The answer is -5!", "-5"),
        ("The answer is -", "[invalid]"), ("The answer is x. The answer is 1,234 or", "1,234"),
        ("The answer is ٣ .", "[invalid]"), ("The answer is  5.", "[invalid]"), ("", "[invalid]"),
    ]) func theNumberAfterTheAnswerIs(response: String, expected: String) {
        #expect(AnswerPattern.theAnswerIs.extract(from: response) == expected)
    }

    @Test(arguments: [
        ("#### 18", "18"), ("#### -1.5 #### 3", "-1.5"), ("####18", "[invalid]"), ("##### 2", "2"),
        ("#### #### 4", "4"), ("#### $5", "[invalid]"),
    ]) func theNumberAfterFourHashes(response: String, expected: String) {
        #expect(AnswerPattern.fourHashes.extract(from: response) == expected)
    }

    @Test(arguments: [
        ("a 7", "7"), ("5 - -4", "-4"), ("$", "[invalid]"), ("$$", "$$"), ("12.", "12."), ("7.", "7."),
        ("-$45 each", "-$45"), ("2022-05-17", "-17"), ("--5", "-5"), ("x. y, 3 z.", "3"),
        ("５ ٣", "[invalid]"),
        ("1\r\n2", "2"), ("- 5", "5"), ("a.b..", ".."),
    ]) func theLastNumber(response: String, expected: String) {
        #expect(AnswerPattern.lastNumber.extract(from: response) == expected)
    }

    @Test(arguments: [
        ("1,234.", "so\n#### 1234", true), ("$7.00", "#### 7", false), ("[invalid]", "[INVALID]", true),
        ("72", "first #### 9\nthen #### 72", true), ("5.\n", "5\n", true), ("5..", "5", false),
        ("5.\n\n", "5\n\n", false), ("e\u{301}", "é", false), ("5\u{0}", "5", true), ("", ".", true),
    ]) func whatIsIgnoredInAComparison(prediction: String, target: String, expected: Bool) {
        #expect(ExactMatch.matches(prediction, target) == expected)
    }

    @Test(arguments: [
        (#"\boxed{1,000}"#, "1000", true), (#"\boxed{ Yes }"#, "yes", true), (#"\boxed{5.0}"#, "5", false),
        ("5", "5", false), ("anything", "", true), (#"\boxed{2}"#, #"so \boxed{1} or \boxed{2}"#, true),
        (#"\boxed{2}"#, #"\boxed{2"#, false), (#"\boxed{ΑΣ}"#, "ας", true), (#"\boxed{ΑΣ}"#, "ασ", false),
        ("\\boxed{1\u{2028}0\u{1F}}", "10", true),
    ]) func aTeachersResponse(response: String, truth: String, expected: Bool) {
        #expect(DistillationAnswer.isCorrect(response, truth: truth) == expected)
    }

    @Test func aResponseWithoutTruthIsRight() {
        #expect(DistillationAnswer.isCorrect("def f(): pass", truth: nil))
    }
}
