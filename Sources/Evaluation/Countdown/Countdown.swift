internal import Numerics

/// Countdown: reach a target from given numbers with + − × ÷, each number used at most once.
///
/// A response is steps of eight tokens, `03 + 05 = 08`, each taking two numbers that are there and leaving their result;
/// the last result is the target. Which numbers go together has to be searched: the first step can be judged only by
/// what the later ones make of it. All numbers have two digits, so that step k stands at the same place in every
/// response. Any way to the target counts.
package struct Countdown: ProblemSource {
    /// The task's name in configurations.
    package static let name = "countdown"

    /// Which steps solutions are made of; responses may use all four.
    package enum Operators: String, Sendable, Hashable, CaseIterable {
        /// + and −.
        case sums
        /// +, −, × and ÷.
        case all

        var signs: [Character] { self == .sums ? ["+", "-"] : ["+", "-", "*", "/"] }
    }

    /// What decides how hard the problems are.
    package struct Options: Sendable, Hashable {
        /// Given numbers, 2 to 6; the solution has one step fewer.
        package var numbers: Int
        /// The numbers are drawn from 1 to this, 2 to 99.
        package var largest: Int
        package var operators: Operators

        package init(numbers: Int = 4, largest: Int = 20, operators: Operators = .all) {
            self.numbers = numbers
            self.largest = largest
            self.operators = operators
        }
    }

    let options: Options
    let seed: UInt64

    /// A task with options in their legal range, as a configuration's reader has checked them.
    package init(options: Options = Options(), seed: UInt64) {
        precondition((2...6).contains(options.numbers) && (2...99).contains(options.largest), "a legal task")
        self.options = options
        self.seed = seed
    }

    /// The first `count` problems of a split.
    ///
    /// - Throws: `ProblemSourceError` when no new test question can be found.
    package func problems(_ split: ProblemSplit, count: Int) throws -> [Problem] {
        try ProblemDraws.problems(Self.name, seed: seed, split, count: count, draw: draft)
    }

    /// Draws numbers and combines two of them at a time until one is left, which becomes the target.
    private func draft(_ random: inout RandomStream) -> ProblemDraws.Draft? {
        // Sorted, so that the same numbers in another order are no other question.
        let numbers = (0..<options.numbers).map { _ in random.nextInt(in: 1..<options.largest + 1) }.sorted()
        var left = numbers
        var steps: [String] = []
        while left.count > 1 {
            let a = left.remove(at: random.nextInt(in: 0..<left.count))
            let b = left.remove(at: random.nextInt(in: 0..<left.count))
            let sign = options.operators.signs[random.nextInt(in: 0..<options.operators.signs.count)]
            let (large, small) = (max(a, b), min(a, b))
            // No step that changes nothing, and none whose result has no two digits.
            guard let result = Self.result(large, sign, small), result > 0,
                !(small == 1 && (sign == "*" || sign == "/"))
            else { return nil }
            left.append(result)
            let shown = [large, small, result].map(ProblemDraws.twoDigits)
            steps.append("\(shown[0]) \(sign) \(shown[1]) = \(shown[2])")
        }
        guard let target = left.first, !numbers.contains(target) else { return nil }
        let shown = numbers.map(ProblemDraws.twoDigits).joined(separator: " ")
        return .init(
            question: "Numbers \(shown) . Target \(ProblemDraws.twoDigits(target)) .",
            response: steps.joined(separator: " "), answer: target, rules: .countdown(numbers: numbers))
    }

    /// What a step leaves: a whole number from 0 to 99; nil where it leaves none.
    static func result(_ a: Int, _ sign: Character, _ b: Int) -> Int? {
        let result: Int
        switch sign {
        case "+": result = a + b
        case "-": result = a - b
        case "*": result = a * b
        case "/" where b != 0 && a % b == 0: result = a / b
        default: return nil
        }
        return (0...99).contains(result) ? result : nil
    }
}
