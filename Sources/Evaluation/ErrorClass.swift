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

/// A response in words, as this project's tokenizer joins them: one word a token, up to the first end token.
package struct ResponseWords: Sendable {
    /// The words before the end token.
    package let words: [String]
    /// Whether an end token follows them.
    package let hasEnd: Bool
    /// For each word, and the end token if there is one, the forward that decided it, from 0.
    ///
    /// −1 for none; nil where that isn't known.
    package let decided: [Int]?

    /// - Parameter decided: Must have a number for each word, the end token included; otherwise it is dropped.
    package init(_ text: String, decided: [Int]? = nil, endOfText: String = Grader().endOfText) {
        let cut = text.byteText.cut(at: endOfText.byteText)
        words = (cut?.before ?? text.byteText).words.map(\.text)
        hasEnd = cut != nil
        self.decided = decided?.count == words.count + (hasEnd ? 1 : 0) ? decided : nil
    }

    /// A character of the response, and the word it is in.
    struct Byte {
        let byte: UInt8
        let word: Int
    }

    /// All characters but white space.
    var bytes: [Byte] {
        words.enumerated().flatMap { word, text in
            text.utf8.map { Byte(byte: $0, word: word) }
        }
    }

    /// Whether one forward decided at least two of these words.
    func wereDecidedTogether(_ places: some Sequence<Int>) -> Bool {
        guard let decided else { return false }
        let forwards = Set(places).map { decided[$0] }.filter { $0 >= 0 }
        return Set(forwards).count < forwards.count
    }
}

/// The sums and totals that a response to a word problem writes, in either order of a sum.
struct WorkedSums {
    /// A run of digits.
    struct Number {
        let digits: String
        /// Which words of the response it is.
        let words: Range<Int>
        /// Nil where it is longer than any total.
        var value: Int? { digits.utf8.count <= 4 ? Int(digits) : nil }
    }

    /// `left sign right = result`, or the result first.
    struct Sum {
        let left: Number
        let sign: String
        let right: Number
        let result: Number
        /// The number that was written last.
        let last: Number
    }

    private enum Item {
        case number(Number)
        case word(String)
    }

    /// In the order of the response.
    let sums: [Sum]
    /// An `=` is part of no whole sum, or there is a sum without any; true only if it isn't the end of the response
    /// that cut it.
    let isMalformed: Bool
    /// The total of the last sentence before `####` that has a number: the result of its sum, or its last number.
    let lastTotal: Int?

    init(_ response: ResponseWords) {
        let items = Self.items(response.words)
        var sums: [Sum] = []
        var isMalformed = false
        for (place, item) in items.enumerated() where Self.text(item) == "=" {
            if let sum = Self.sum(items, at: place) {
                sums.append(sum)
            } else if !response.hasEnd || !Self.isBeginning(items, at: place) {
                isMalformed = true
            }
        }
        self.sums = sums
        self.isMalformed = isMalformed
        lastTotal = Self.lastTotal(items)
    }

    private static func items(_ words: [String]) -> [Item] {
        var items: [Item] = []
        for (place, word) in words.enumerated() {
            guard isDigits(word) else {
                items.append(.word(word))
                continue
            }
            // Digits are tokens of their own.
            if case .number(let number)? = items.last {
                items[items.count - 1] = .number(
                    Number(digits: number.digits + word, words: number.words.lowerBound..<place + 1))
            } else {
                items.append(.number(Number(digits: word, words: place..<place + 1)))
            }
        }
        return items
    }

    /// Whether a word is nothing but ASCII digits.
    static func isDigits(_ word: String) -> Bool { word.utf8.allSatisfy { (0x30...0x39).contains($0) } }

    private static func text(_ item: Item) -> String? {
        if case .word(let word) = item { word } else { nil }
    }

    private static func number(_ items: [Item], _ place: Int) -> Number? {
        guard items.indices.contains(place), case .number(let number) = items[place] else { return nil }
        return number
    }

    private static func sign(_ items: [Item], _ place: Int) -> String? {
        guard items.indices.contains(place), let word = text(items[place]) else { return nil }
        return word == "+" || word == "-" ? word : nil
    }

    /// Whether the response ends within the sum that this `=` belongs to.
    private static func isBeginning(_ items: [Item], at equals: Int) -> Bool {
        guard number(items, equals - 1) != nil else { return false }
        switch items.count - equals - 1 {
        case 0: return true
        case 1: return sign(items, equals - 2) == nil && number(items, equals + 1) != nil
        case 2:
            return sign(items, equals - 2) == nil && number(items, equals + 1) != nil
                && sign(items, equals + 2) != nil
        default: return false
        }
    }

    private static func sum(_ items: [Item], at equals: Int) -> Sum? {
        func number(_ place: Int) -> Number? { Self.number(items, place) }
        func sign(_ place: Int) -> String? { Self.sign(items, place) }
        guard let before = number(equals - 1), let after = number(equals + 1) else { return nil }
        if let sign = sign(equals - 2), let left = number(equals - 3) {
            return Sum(left: left, sign: sign, right: before, result: after, last: after)
        }
        if let sign = sign(equals + 2), let right = number(equals + 3) {
            return Sum(left: after, sign: sign, right: right, result: before, last: right)
        }
        return nil
    }

    private static func lastTotal(_ items: [Item]) -> Int? {
        let marker = items.lastIndex { text($0) == "####" } ?? items.count
        var sentence = items[..<marker]
        while !sentence.isEmpty {
            let start = sentence.lastIndex { text($0) == "." } ?? sentence.startIndex - 1
            let last = sentence[(start + 1)...]
            sentence = sentence[..<max(start, sentence.startIndex)]
            let numbers = last.compactMap { item -> Number? in
                if case .number(let number) = item { number } else { nil }
            }
            guard let number = numbers.last else { continue }
            guard let equals = last.firstIndex(where: { text($0) == "=" }) else { return number.value }
            return sum(items, at: equals)?.result.value
        }
        return nil
    }
}
