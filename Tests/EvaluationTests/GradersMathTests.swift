import Evaluation
import Testing

/// Normal forms of MATH answers; expected values are what lm-evaluation-harness gives.
struct GradersMathTests {
    @Test(arguments: [
        (#"so $\boxed{\frac{1}{2}}$."#, #"\boxed{\frac{1}{2}}"#), (#"\boxed 5$ x"#, #"\boxed 5"#),
        (#"\boxed 5$ and \boxed{6}"#, #"\boxed 5"#), (#"\fbox{7}"#, #"\fbox{7}"#), (#"\boxed{1"#, nil),
        (#"\boxed{1} \boxed{2"#, nil), ("none", nil), (#"\boxed{a}b}"#, #"\boxed{a}"#),
    ]) func theLastBox(text: String, expected: String?) {
        #expect(Boxed.lastExpression(in: text) == expected)
    }

    @Test(arguments: [
        (nil, "TypeError"), (#"\fbox{7}"#, "AssertionError"), (#"x\boxed 7"#, "AssertionError"),
        (#"\boxed{7"#, "AssertionError"),
    ]) func whatIsNoBoxRaises(expression: String?, name: String) {
        let error = #expect(throws: UpstreamException.self) { try Boxed.content(of: expression) }
        #expect(error?.name == name)
        #expect(error?.description.hasPrefix("The reference grader raises \(name) here: ") == true)
    }

    @Test(arguments: [
        ("0.5", #"\frac{1}{2}"#), (".5", #"\frac{1}{2}"#), (#"\tfrac34"#, #"\frac{3}{4}"#),
        (#"\frac1{72}"#, #"\frac{1}{72}"#), (#"\frac1"#, #"\frac1"#), ("k = 7", "7"), ("abc=5", "abc=5"),
        (#"10 \text{ m}"#, "10"), ("-1/2", #"\frac{-1}{2}"#), ("01/2", "01/2"), ("-0/1", "-0/1"),
        ("1_0/2", "1_0/2"), ("٣/4", "٣/4"), (#"\sqrt3"#, #"\sqrt{3}"#), (#"x\sqrt{2}"#, #"x\sqrt{2}"#),
        ("e\u{301}=1", "1"), ("e\u{301}e=1", "e\u{301}e=1"), ("", ""),
    ]) func hendrycksStrips(answer: String, expected: String) throws {
        let found = try HendrycksMath.strip(answer)
        #expect(found.utf8.elementsEqual(expected.utf8), "\(found)")
    }

    @Test(arguments: [
        (#"\frac"#, "IndexError"), (#"2\sqrt"#, "IndexError"), ("a/b", "ValueError"), ("1/", "ValueError"),
        ("²/2", "ValueError"), ("1__0/2", "ValueError"), (#"\text{ a}\text{ b}"#, "AssertionError"),
        (String(repeating: "1", count: 4301) + "/2", "ValueError"),
    ]) func hendrycksRaises(answer: String, name: String) {
        let error = #expect(throws: UpstreamException.self) { try HendrycksMath.strip(answer) }
        #expect(error?.name == name)
        #expect(HendrycksMath.isEquivalent(answer, answer))
        #expect(!HendrycksMath.isEquivalent(answer, "1"))
    }

    @Test func hendrycksComparesWhatStandsBetweenTheOuterDollars() throws {
        #expect(try HendrycksMath.isCorrect("so $\\frac12$", solution: #"\boxed{\frac{1}{2}}"#))
        #expect(try !HendrycksMath.isCorrect("$1$ or $2$", solution: #"\boxed{2}"#))
        #expect(try HendrycksMath.isCorrect("2", solution: #"\boxed{2}"#))
        #expect(throws: UpstreamException.self) { try HendrycksMath.isCorrect("2", solution: "2") }
        #expect(HendrycksMath.isEquivalent(nil, nil) && !HendrycksMath.isEquivalent("1", nil))
    }

    @Test(arguments: [
        (#"\frac1{72}"#, #"\frac{1}{{}72}"#), (#"\left(1,2\right)"#, #"\le(1,2\right)"#),
        ("12 dollars", "12"),
        ("$5$ and $6$", "5"), ("x = $5$\n", "5\n"), ("$1$\n$2$ $3$", "1\n2"), ("1,0²", "10²"), (",", ","),
        (#"\boxed{a}b}"#, "a}b"), ("\\text{a\nb}", "\\text{a\nb}"), ("frac\n1", "frac{\n}{1}"),
        ("frac1\n", "frac1\n"), ("sqrt2", "sqrt{2}"), (#"\textbf{B}\overline{C}"#, "BC"),
    ]) func minervaNormalizes(answer: String, expected: String) {
        #expect(MinervaMath.normalize(answer) == expected)
    }

    @Test(arguments: [
        ("Final Answer: The final answer is $5$. I hope it is correct.", "5"),
        ("Final Answer: The final answer is 1,000. ", "1000"), ("The final answer is 5", "[invalidanswer]"),
        ("Final Answer: The final answer is 5? I hope it is correct!", "5"),
        ("Final Answer: The final answer is\n5. I hope it is correct.", "[invalidanswer]"),
        (
            "Final Answer: The final answer is Final Answer: The final answer is 5. I hope it is correct.",
            "FinalAnswer:Thefinalansweris5"
        ),
    ]) func minervaFindsTheAnnouncedAnswer(response: String, expected: String) {
        #expect(MinervaMath.finalAnswer(in: response) == expected)
        #expect(MinervaMath.isCorrect(response, answer: expected))
    }
}
