internal import Numerics

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
                    steps: [],
                    rules: found.rules))
        }
        return result
    }

    /// A number from 0 to 99 with two digits.
    static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : String(number) }
}
