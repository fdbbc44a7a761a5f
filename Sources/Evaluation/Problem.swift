internal import Base
internal import Numerics

/// A question with a worked solution and a whole number as the answer.
///
/// What makes a response right is the task's business: see ``rules``.
package struct Problem: Sendable, Hashable, Identifiable {
    /// One change of the running total.
    package struct Step: Sendable, Hashable {
        /// The weekday that names the step in question and response; empty where nothing names it.
        package let day: String
        /// What is added to the running total; negative when something is taken away.
        package let change: Int
        /// The running total after the step.
        package let total: Int

        /// A step that leads to `total` by adding `change` on `day`.
        package init(day: String, change: Int, total: Int) {
            self.day = day
            self.change = change
            self.total = total
        }
    }

    /// What makes a response right.
    package enum Rules: Sendable, Hashable {
        /// The number behind `####` is the answer.
        case finalNumber
        /// The steps lead from these numbers, each used at most once, to the answer.
        case countdown(numbers: [Int])
        /// The 16 cells keep the givens (row by row, 0 for a blank) and repeat nothing in a row, column or box.
        case sudoku(givens: [Int])
    }

    /// Unique within its data set, such as `test-12`.
    package let id: String
    /// The text a model is asked, without any separator or template.
    package let question: String
    /// A worked solution, without an end-of-text token; that of a word problem ends in `#### <answer>`.
    package let response: String
    /// The number that is sought: what a word problem's response ends in, Countdown's target, Sudoku's 16 cells.
    package let answer: Int
    /// The changes in the order in which they are to be applied; empty where a task has no such structure.
    package let steps: [Step]
    /// What makes a response right.
    package let rules: Rules

    /// A problem of the given parts; nothing is checked.
    package init(
        id: String, question: String, response: String, answer: Int, steps: [Step],
        rules: Rules = .finalNumber
    ) {
        self.id = id
        self.question = question
        self.response = response
        self.answer = answer
        self.steps = steps
        self.rules = rules
    }

    /// The question followed by the token that separates it from the response.
    package func prompt(separator: String = "<|sep|>") -> String {
        "\(question) \(separator)"
    }
}

extension Problem {
    /// Whether a worked solution of it has sums of separate words, `47 + 5 = 52`, which ``AnswerGrader/sentence`` reads.
    ///
    /// The steps of such problems are called after weekdays; English problems write `47+5=52` and call them nothing.
    package var hasSpacedSums: Bool { rules == .finalNumber && steps.allSatisfy { !$0.day.isEmpty } }

    /// The length of the longest chain of quantities in the response that must be known one after the other.
    ///
    /// The quantities of a response and what each of them needs:
    /// - the start total of the introduction is copied from the question: depth 1;
    /// - the total after the first step needs only numbers of the question (start and change): depth 1;
    /// - the total after step k > 1 needs the total after step k - 1 and a change from the question: depth k;
    /// - the answer after `####` repeats the last total: one more.
    ///
    /// A problem with n ≥ 1 steps therefore has depth n + 1, and one without steps has 2 (copied, then repeated).
    ///
    /// The depth bounds a decoder that is *exact* (every token it commits is the one it would commit after all
    /// tokens before it) and whose model computes *one link of the chain per forward evaluation*: it needs at least
    /// `dependencyDepth` forwards for the response, however many tokens it commits in each. It isn't a bound for
    /// every model: one that adds two changes in one evaluation may be faster, and one that guesses may be as well.
    ///
    /// Nil where it isn't known: Sudoku's cells and Countdown's steps can be found in many orders.
    package var dependencyDepth: Int? {
        guard rules == .finalNumber else { return nil }
        let introduction = 1
        let lastTotal = max(introduction, steps.count)
        return lastTotal + 1
    }

    /// The most tokens per forward that an exact decoder with one link per forward can reach on a whole set.
    ///
    /// - Parameters:
    ///   - answerTokens: for each problem the number of tokens of its response, counted as for tokens per forward.
    ///   - depths: for each problem its `dependencyDepth`.
    /// - Returns: the ratio of the sums (as tokens per forward is one), or nil for an empty set.
    package static func tokensPerForwardBound(answerTokens: [Int], depths: [Int]) -> Double? {
        precondition(answerTokens.count == depths.count, "one token count and one depth per problem")
        let depth = depths.reduce(0, +)
        guard depth > 0 else { return nil }
        return Double(answerTokens.reduce(0, +)) / Double(depth)
    }
}

/// The part of a task that a problem belongs to, decided by a hash of its question.
package enum ProblemSplit: String, Sendable, Hashable, CaseIterable {
    /// Questions whose hash isn't a multiple of 16.
    case train
    /// Questions whose hash is a multiple of 16; all different from one another.
    case test

    /// The split that a question belongs to, whatever generated it.
    package init(of question: String) {
        self = StableHash.of(question) % 16 == 0 ? .test : .train
    }
}

/// A task whose problems are generated: the same on every machine, train and test without a common question.
package protocol ProblemSource: Sendable {
    /// The first `count` problems of a split; a longer list starts with the shorter one.
    ///
    /// - Throws: where no new test question can be found.
    func problems(_ split: ProblemSplit, count: Int) throws -> [Problem]
}

/// Why the problems of a task with few questions can't be generated.
package struct ProblemSourceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened, and what to do.
    package let description: String
}

/// How a task's problems are drawn, one random stream each.
enum ProblemDraws {
    /// Draws after which a search for a new question is given up; far beyond what chance can cause: of the hardest
    /// task's, Countdown with six numbers up to 99, one draw in 1500 is a test question.
    static let attemptLimit = 30_000

    /// What one draw gives.
    struct Draft {
        let question: String
        let response: String
        let answer: Int
        let rules: Problem.Rules
        var steps: [Problem.Step] = []
    }

    /// Problem i depends on the seed, the split and i only; in the test split also on those before it.
    ///
    /// - Parameters:
    ///   - task: The task's name, which names the random streams.
    ///   - draw: One problem, or nil where the draws led nowhere.
    static func problems(
        _ task: String, seed: UInt64, _ split: ProblemSplit, count: Int,
        draw: (inout RandomStream) -> Draft?
    ) throws(ProblemSourceError) -> [Problem] {
        precondition(count >= 0, "the number of problems isn't negative")
        var result: [Problem] = []
        result.reserveCapacity(count)
        var seen: Set<String> = []
        for index in 0..<count {
            let id = "\(split.rawValue)-\(index)"
            var random = RandomStream(seed: seed, purpose: "\(task)/\(split.rawValue)", sample: UInt64(index))
            var found: Draft?
            for _ in 0..<attemptLimit where found == nil {
                guard let draft = draw(&random), ProblemSplit(of: draft.question) == split,
                    !seen.contains(draft.question)
                else { continue }
                found = draft
            }
            guard let found else {
                throw ProblemSourceError(
                    description:
                        "No new question was found for problem \(id) of \(task) after \(attemptLimit) draws: ask for fewer problems, or for harder ones, of which there are more."
                )
            }
            if split == .test { seen.insert(found.question) }
            result.append(
                Problem(
                    id: id, question: found.question, response: found.response, answer: found.answer,
                    steps: found.steps, rules: found.rules))
        }
        return result
    }

    /// A number from 0 to 99 with two digits.
    static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}

/// What a grader found in a response.
package enum Verdict: Sendable, Hashable {
    /// The number after the last marker is the answer.
    case correct
    /// The number after the last marker is another one.
    case wrong(found: String)
    /// There is a marker, but no number follows it.
    case noNumber
    /// There is no marker.
    case noMarker

    /// Whether the response counts as right.
    package var isCorrect: Bool { self == .correct }
}

/// Grades responses that end in `#### <number>`.
package struct Grader: Sendable, Hashable {
    /// What stands before the answer.
    package let marker: String
    /// The text from which on a response is ignored, as the tokenizer writes it.
    package let endOfText: String

    /// A grader for the marker and end-of-text token of this project's generated tasks.
    package init(marker: String = "####", endOfText: String = "<|endoftext|>") {
        precondition(!marker.isEmpty && !endOfText.isEmpty, "neither the marker nor the end of text is empty")
        self.marker = marker
        self.endOfText = endOfText
    }

    /// Compares the number after the last marker before the end of text with `answer`.
    ///
    /// The number is the run of ASCII digits that follows the marker at once or after white space; white space
    /// between digits is dropped, because a tokenizer that splits digits joins them with spaces. The digits must be
    /// those of the answer: a leading zero makes a response wrong, what follows the number doesn't.
    package func grade(_ response: String, answer: Int) -> Verdict {
        let bytes = Array(response.utf8)
        let end = bytes.firstRange(of: endOfText.utf8)?.lowerBound ?? bytes.count
        guard let start = bytes[..<end].lastRange(of: Array(marker.utf8))?.upperBound else {
            return .noMarker
        }
        var digits: [UInt8] = []
        for byte in bytes[start..<end] {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digits.append(byte)
            case UInt8(ascii: " "), 0x09...0x0D: continue
            default: return verdict(digits, answer: answer)
            }
        }
        return verdict(digits, answer: answer)
    }

    private func verdict(_ digits: [UInt8], answer: Int) -> Verdict {
        guard !digits.isEmpty else { return .noNumber }
        let found = String(decoding: digits, as: UTF8.self)
        return found == String(answer) ? .correct : .wrong(found: found)
    }
}

extension ArraySlice<UInt8> {
    /// Where `pattern` occurs last.
    fileprivate func lastRange(of pattern: [UInt8]) -> Range<Int>? {
        guard pattern.count <= count else { return nil }
        for start in stride(from: endIndex - pattern.count, through: startIndex, by: -1)
        where self[start..<(start + pattern.count)].elementsEqual(pattern) {
            return start..<(start + pattern.count)
        }
        return nil
    }
}

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

/// A 64-bit hash of bytes that never changes between runs, machines or versions.
///
/// FNV-1a followed by the finalizer of MurmurHash3: FNV alone leaves the low bits, which decide the split of a
/// data set, weakly mixed. `Hasher` of the standard library is seeded per process and can't be used for this.
package enum StableHash {
    /// The hash of the UTF-8 bytes of `text`.
    package static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        hash ^= hash >> 33
        hash = hash &* 0xFF51_AFD7_ED55_8CCD
        hash ^= hash >> 33
        hash = hash &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ (hash >> 33)
    }

    /// The hash of `text` as 16 lower-case hexadecimal digits.
    package static func hex(_ text: String) -> String {
        let digits = String(of(text), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
