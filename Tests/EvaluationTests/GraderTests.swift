import Evaluation
import Measures
import Testing

struct GraderTests {
    @Test(arguments: [
        ("So Anna has 42 apples . #### 42", Verdict.correct),
        ("#### 4 2", .correct),
        ("####42 <|endoftext|> #### 7", .correct),
        ("#### 7 #### 4\t2 .", .correct),
        ("#### 42 apples 9", .correct),
        ("#### 42<|endoftext|>9", .correct),
        ("#### 4 2 1", .wrong(found: "421")),
        ("#### 042", .wrong(found: "042")),
        ("#### 41", .wrong(found: "41")),
        ("#### <|mask|> 42", .noNumber),
        ("#### -42", .noNumber),
        ("#### ٤٢", .noNumber),
        ("####", .noNumber),
        ("<|endoftext|> #### 42", .noMarker),
        ("The answer is 42 .", .noMarker),
        ("### 42", .noMarker),
        ("", .noMarker),
    ]) func verdict(response: String, expected: Verdict) {
        #expect(Grader().grade(response, answer: 42) == expected)
        #expect(Grader().grade(response, answer: 42).isCorrect == (expected == .correct))
    }

    @Test func fifthHashBelongsToTheLastMarker() {
        #expect(Grader().grade("##### 42", answer: 42) == .correct)
    }

    @Test(arguments: [
        (TokenCount.throughEnd, 3), (.beforeEnd, 2),
    ]) func tokensAreCountedToTheFirstEnd(count: TokenCount, expected: Int) {
        #expect(count([5, 6, 0, 7, 0], generationLength: 5) { $0 == 0 } == expected)
        #expect(count([5, 6, 7, 8, 0], generationLength: 4) { $0 == 0 } == 4)
        #expect(count([], generationLength: 4) { $0 == 0 } == 0)
    }
}
