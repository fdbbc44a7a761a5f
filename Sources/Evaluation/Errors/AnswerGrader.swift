internal import Base

/// What of a response to a word problem is compared with the answer.
package enum AnswerGrader: String, Sendable, Hashable, CaseIterable {
    /// The number behind `####`.
    case final
    /// The total that the worked solution states last, whatever stands behind `####`.
    ///
    /// A response whose arithmetic is right counts even where its last number was cut off, or `####` never came.
    case sentence
}

extension Problem {
    /// Whether a response is right; text behind the first end token doesn't count.
    ///
    /// - Parameter grader: For word problems; the answers of other tasks are graded by their own rules.
    package func accepts(_ response: String, by grader: AnswerGrader = .final) -> Bool {
        switch (rules, grader) {
        case (.finalNumber, .final): Grader().grade(response, answer: answer).isCorrect
        case (.finalNumber, .sentence): WorkedSums(ResponseWords(response)).lastTotal == answer
        case (.countdown(let numbers), _):
            CountdownResponse(ResponseWords(response)).reaches(answer, from: numbers)
        case (.sudoku(let givens), _):
            Sudoku4x4.cells(ResponseWords(response)).map {
                Sudoku4x4.keep(givens, $0) && Sudoku4x4.conflicts($0).isEmpty
            } ?? false
        }
    }
}

extension CountdownResponse {
    /// Whether the steps are right and lead to the target.
    fileprivate func reaches(_ target: Int, from numbers: [Int]) -> Bool {
        guard rest == 0, case .right(let last?) = course(from: numbers) else { return false }
        return last == target
    }
}
