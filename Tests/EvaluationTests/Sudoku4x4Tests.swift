import Testing

@testable import Evaluation

struct Sudoku4x4Tests {
    private func problems(
        blanks: Int = 8, seed: UInt64 = 1, _ split: ProblemSplit = .train, _ count: Int = 200
    ) throws -> [Problem] {
        try Sudoku4x4(blanks: blanks, seed: seed).problems(split, count: count)
    }

    @Test func thereAreAllGridsAndTheyAreRight() {
        #expect(Sudoku4x4.grids.count == 288)
        #expect(Set(Sudoku4x4.grids).count == 288)
        #expect(Sudoku4x4.grids.allSatisfy { Sudoku4x4.conflicts($0).isEmpty && $0.count == 16 })
        #expect(Sudoku4x4.peers.allSatisfy { $0.count == 7 })
    }

    @Test(arguments: [1, 4, 8, 12]) func everyProblemHasOneSolution(blanks: Int) throws {
        for problem in try problems(blanks: blanks) + problems(blanks: blanks, .test, 40) {
            guard case .sudoku(let givens) = problem.rules else {
                Issue.record("another task")
                continue
            }
            #expect(givens.count { $0 == 0 } == blanks)
            #expect(problem.question.split(separator: " ").map { Int($0) ?? 0 } == givens)
            #expect(Self.solutionsBySearch(givens) == 1)
            #expect(problem.accepts(problem.response))
            #expect(problem.response.utf8.count == 31)
            #expect("\(problem.answer)" == problem.response.filter { $0 != " " })
            #expect(problem.dependencyDepth == nil)
        }
    }

    /// Counts completions by trying every cell, without the list of grids.
    private static func solutionsBySearch(_ givens: [Int]) -> Int {
        guard let blank = givens.firstIndex(of: 0) else { return 1 }
        var count = 0
        for value in 1...4 {
            let (row, column) = (blank / 4, blank % 4)
            let isFree = (0..<16).allSatisfy { cell in
                let (r, c) = (cell / 4, cell % 4)
                let isPeer = r == row || c == column || (r / 2 == row / 2 && c / 2 == column / 2)
                return !isPeer || givens[cell] != value
            }
            guard isFree else { continue }
            var next = givens
            next[blank] = value
            count += solutionsBySearch(next)
        }
        return count
    }

    @Test func splitsShareNoQuestion() throws {
        let train = Set(try problems(.train, 4000).map(\.question))
        let test = try problems(.test, 300).map(\.question)
        #expect(Set(test).count == 300 && train.isDisjoint(with: test))
    }

    @Test func longerListStartsWithShorterOneAndFewQuestionsAreSaid() throws {
        let long = try problems(.test, 60)
        #expect(try problems(.test, 20) == Array(long.prefix(20)))
        #expect(try problems(seed: 2, .test, 20) != Array(long.prefix(20)))
        // One blank: 288 × 16 questions, a sixteenth of them for tests.
        let error = #expect(throws: ProblemSourceError.self) { try problems(blanks: 1, .test, 1000) }
        #expect(error?.description.contains("ask for fewer problems") == true)
    }

    /// Pins the generator: a change here changes every artifact made from the data.
    @Test func problemsOfSeedOneAreTheseForever() throws {
        let all = try problems(.train, 200) + problems(.test, 50)
        #expect(
            StableHash.hex(all.map { $0.question + "\n" + $0.response }.joined(separator: "\n"))
                == "aa7ee10384ce668a")
        #expect(all[0].question == "1 4 2 _ _ 3 _ _ 3 1 _ _ _ 2 3 _")
        #expect(all[0].response == "1 4 2 3 2 3 1 4 3 1 4 2 4 2 3 1")
    }

    private let problem = Problem(
        id: "x", question: "", response: "", answer: 1_234_341_221_434_321, steps: [],
        rules: .sudoku(givens: [1, 0, 0, 4, 0, 4, 0, 2, 2, 0, 4, 0, 0, 0, 0, 1]))

    @Test(arguments: [
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 1", ErrorClass.right),
        ("1234341221434321<|endoftext|>junk", .right),
        ("1 3 2 4 3 4 1 2 2 1 4 3 4 3 2 1", .wrongAnswer),
        // A right grid, but of another question.
        ("2 1 3 4 3 4 1 2 1 2 4 3 4 3 2 1", .wrongOperand),
        ("1 2 3 4 3 4 <|endoftext|>", .earlyEnd),
        ("<|endoftext|>", .earlyEnd),
        ("1 2 3 4 3 1 <|endoftext|>", .malformed),
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2", .malformed),
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 <|mask|>", .malformed),
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 1 1", .malformed),
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 ١", .malformed),
        ("1 2 3 4 3 4 1 2 2 1 4 3 4 3 2 5", .malformed),
        ("", .malformed),
    ]) func verdicts(response: String, expected: ErrorClass) {
        let isRight = problem.accepts(response)
        #expect(isRight == (expected == .right))
        #expect(problem.errorClass(ResponseWords(response), isRight: isRight) == expected)
    }

    @Test func twoCellsThatExcludeOneAnotherInOneForward() {
        let text = "1 3 3 4 3 4 1 2 2 1 4 3 4 3 2 1 <|endoftext|>"
        var decided = Array(0...16)
        #expect(problem.errorClass(ResponseWords(text, decided: decided), isRight: false) == .wrongAnswer)
        decided[2] = decided[1]
        #expect(problem.errorClass(ResponseWords(text, decided: decided), isRight: false) == .digitsTogether)
    }
}
