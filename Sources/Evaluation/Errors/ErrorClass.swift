internal import Base

/// What went wrong first in a response, in the order of its sums, steps or cells.
///
/// Each response has exactly one class. Forwards are known only where an evaluation recorded them; without them what
/// would be ``digitsTogether`` counts as ``wrongSum``, in Sudoku as ``wrongAnswer``.
package enum ErrorClass: String, Sendable, Hashable, CaseIterable {
    /// The grader accepts it.
    case right
    /// What is there is right, but an end token cut it: the last number, sum, step or grid has a beginning only.
    case earlyEnd = "early-end"
    /// A result is wrong whose digits one forward decided; in Sudoku two cells that exclude one another are equal and
    /// were decided by one forward.
    case digitsTogether = "digits-together"
    /// A result is wrong, though its sum takes the right numbers.
    case wrongSum = "wrong-sum"
    /// A sum takes another number or sign than the question asks for; Countdown: a number that isn't there (any more);
    /// Sudoku: a given was changed.
    case wrongOperand = "wrong-operand"
    /// Everything before is right, but the final number is another; Countdown: the steps lead elsewhere; Sudoku: the
    /// grid keeps the givens and breaks the rules.
    case wrongAnswer = "wrong-answer"
    /// Anything else: sums or steps are missing, too many or not to be read; there are masks left.
    case malformed
}

extension Problem {
    /// The class of a response.
    ///
    /// - Parameter isRight: What the grader says.
    package func errorClass(_ response: ResponseWords, isRight: Bool) -> ErrorClass {
        if isRight { return .right }
        switch rules {
        case .finalNumber: return wordProblemError(response)
        case .countdown(let numbers): return Self.countdownError(response, numbers, target: answer)
        case .sudoku(let givens): return sudokuError(response, givens)
        }
    }

    private func wordProblemError(_ response: ResponseWords) -> ErrorClass {
        let worked = WorkedSums(response)
        /// Whether the end cut this number short of another one.
        func isCut(_ number: WorkedSums.Number, _ whole: Int) -> Bool {
            guard response.hasEnd, number.words.upperBound == response.words.count else { return false }
            return [String(whole), ProblemDraws.twoDigits(whole)].contains {
                $0.utf8.count > number.digits.utf8.count && $0.byteText.hasPrefix(number.digits.byteText)
            }
        }
        guard worked.sums.count <= steps.count, !worked.isMalformed else { return .malformed }
        for (sum, step) in zip(worked.sums, steps) {
            let isResultFirst = sum.last.words != sum.result.words
            let isOperandCut = isResultFirst && isCut(sum.right, abs(step.change))
            guard sum.left.value == step.total - step.change, sum.sign == (step.change < 0 ? "-" : "+"),
                sum.right.value == abs(step.change) || isOperandCut
            else { return .wrongOperand }
            if !isResultFirst, isCut(sum.result, step.total) { return .earlyEnd }
            guard sum.result.value == step.total else {
                return response.wereDecidedTogether(sum.result.words) ? .digitsTogether : .wrongSum
            }
            if isOperandCut { return .earlyEnd }
        }
        // Every sum that is there is right.
        guard let marker = response.words.lastIndex(where: { $0 == "####" }) else {
            return response.hasEnd ? .earlyEnd : .malformed
        }
        guard worked.sums.count == steps.count else { return .malformed }
        let digits = response.words[(marker + 1)...].prefix(while: WorkedSums.isDigits)
        let found = WorkedSums.Number(digits: digits.joined(), words: digits.startIndex..<digits.endIndex)
        if isCut(found, answer) { return .earlyEnd }
        return digits.isEmpty ? .malformed : .wrongAnswer
    }

    private static func countdownError(
        _ response: ResponseWords, _ numbers: [Int], target: Int
    ) -> ErrorClass {
        let written = CountdownResponse(response)
        switch written.course(from: numbers) {
        case .wrongOperand: return .wrongOperand
        case .wrongResult(let step):
            return response.wereDecidedTogether(step.resultWords) ? .digitsTogether : .wrongSum
        case .right(let last):
            guard written.isWellFormed else { return .malformed }
            if written.rest > 0 || last == nil { return response.hasEnd ? .earlyEnd : .malformed }
            return .wrongAnswer
        }
    }

    private func sudokuError(_ response: ResponseWords, _ givens: [Int]) -> ErrorClass {
        guard let cells = Sudoku4x4.cells(response) else {
            let whole = "\(answer)"
            let written = response.bytes.map(\.byte)
            let isBeginning = written.count < 16 && written.elementsEqual(whole.utf8.prefix(written.count))
            return isBeginning && response.hasEnd ? .earlyEnd : .malformed
        }
        guard Sudoku4x4.keep(givens, cells) else { return .wrongOperand }
        let places = response.bytes.map(\.word)
        let together = Sudoku4x4.conflicts(cells).contains { a, b in
            givens[a] == 0 && givens[b] == 0 && response.wereDecidedTogether([places[a], places[b]])
        }
        return together ? .digitsTogether : .wrongAnswer
    }
}
