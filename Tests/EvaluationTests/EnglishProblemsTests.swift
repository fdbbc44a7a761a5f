import Evaluation
import Testing

struct EnglishProblemsTests {
    private func problems(
        _ split: ProblemSplit = .train, _ count: Int = 400, sums: ClosedRange<Int> = 2...4, seed: UInt64 = 1
    ) throws -> [Problem] {
        try EnglishProblems(sums: sums, seed: seed).problems(split, count: count)
    }

    /// Each `12+5=17` of a response.
    private func sums(in response: String) -> [(left: Int, sign: Character, right: Int, result: Int)] {
        response.matches(of: /([0-9]+)([-+*\/])([0-9]+)=([0-9]+)/).compactMap {
            guard let left = Int($0.1), let sign = $0.2.first, let right = Int($0.3), let result = Int($0.4)
            else { return nil }
            return (left, sign, right, result)
        }
    }

    @Test func everySumIsRightAndTheLastIsTheAnswer() throws {
        for problem in try problems() + problems(.test, 100) {
            let sums = sums(in: problem.response)
            #expect((2...4).contains(sums.count), "\(problem)")
            for (left, sign, right, result) in sums {
                switch sign {
                case "+": #expect(left + right == result, "\(problem)")
                case "-": #expect(left - right == result, "\(problem)")
                case "*": #expect(left * right == result, "\(problem)")
                default: #expect(result * right == left, "\(problem)")
                }
                #expect((1...99).contains(result), "\(problem)")
            }
            #expect(sums.last?.result == problem.answer)
            #expect(problem.accepts(problem.response))
            #expect(!problem.accepts(problem.response + "1"))
        }
    }

    @Test func everyNumberComesFromTheQuestionOrFromAnEarlierSum() throws {
        // "half of them" and "three times as many" are numbers in words.
        let words = ["half": 2, "twice": 2, "three times": 3, "four times": 4]
        for problem in try problems() {
            var known = Set(problem.question.matches(of: /[0-9]+/).compactMap { Int($0.output) })
            for (word, number) in words where problem.question.contains(word) { known.insert(number) }
            for sum in sums(in: problem.response) {
                #expect(known.contains(sum.left) && known.contains(sum.right), "\(problem)")
                known.insert(sum.result)
            }
        }
    }

    @Test func stepsLeadToTheAnswer() throws {
        for problem in try problems() {
            for (before, after) in zip(problem.steps, problem.steps.dropFirst()) {
                #expect(before.total + after.change == after.total)
            }
            #expect(problem.steps.last?.total == problem.answer)
            #expect(try #require(problem.dependencyDepth) <= sums(in: problem.response).count + 1)
        }
    }

    @Test(arguments: [1, 2, 3, 4]) func thereAreAsManySumsAsAsked(count: Int) throws {
        for problem in try problems(sums: count...count) {
            #expect(sums(in: problem.response).count == count, "\(problem)")
        }
    }

    @Test func aStoryIsOfHimOrOfHer() throws {
        for problem in try problems() {
            let words = Set(problem.question.split { !$0.isLetter })
            #expect(
                words.isDisjoint(with: ["he", "him", "his"]) || words.isDisjoint(with: ["she", "her"]),
                "\(problem)")
        }
    }

    @Test func theVocabularyIsWide() throws {
        let words = try problems(.train, 4000).reduce(into: Set<Substring>()) {
            $0.formUnion($1.question.split { !$0.isLetter })
        }
        #expect(words.count > 350)
        #expect(Set(try problems(.train, 2000).map(\.question)).count > 1990)
    }

    @Test func splitsShareNoQuestionAndLongerListsStartWithShorterOnes() throws {
        let (train, test) = (try problems(.train, 3000), try problems(.test, 200))
        #expect(Set(test.map(\.question)).count == 200)
        #expect(Set(train.map(\.question)).isDisjoint(with: test.map(\.question)))
        #expect(try problems(.test, 20) == Array(test.prefix(20)))
        #expect(try problems(.test, 20, seed: 2) != Array(test.prefix(20)))
    }

    /// Pins the generator: a change here changes every artifact made from the data.
    @Test func theFirstProblemsAreAsRecorded() throws {
        let problems = try problems(.train, 2)
        #expect(
            problems.map(\.question) == [
                "Lucy collected 59 pillows for a class project. Then she got another 8 from her mother. Helen has 10 pillows. How many do they have together?",
                "Jack collected 39 grapes for the club. Then he got another 12 from his sister. He puts them into 3 packages, the same number in each. How many grapes are in each?",
            ])
        #expect(
            problems.map(\.response) == [
                "That makes 59+8=67.\nTogether they have 67+10=77 pillows.\n#### 77",
                "Jack has 39+12=51 now.\nEach of the packages has 51/3=17 grapes.\n#### 17",
            ])
    }
}
