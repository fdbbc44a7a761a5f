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

/// The steps that a response to a Countdown problem writes.
///
/// The form is strict: eight ASCII characters a step beside white space, `dd+dd=dd`, nothing in between. So nothing in it
/// can nest, overflow or be read in two ways.
struct CountdownResponse {
    struct Step {
        let a: Int
        let sign: Character
        let b: Int
        let result: Int
        /// Which words the two digits of the result are.
        let resultWords: [Int]
    }

    /// The whole steps.
    let steps: [Step]
    /// What stands behind them has the form of the beginning of a step; empty too.
    let isWellFormed: Bool
    /// Characters behind the last whole step.
    let rest: Int

    init(_ response: ResponseWords) {
        let bytes = response.bytes
        var steps: [Step] = []
        var place = 0
        while place + 8 <= bytes.count, let step = Self.step(bytes[place..<place + 8]) {
            steps.append(step)
            place += 8
        }
        self.steps = steps
        rest = bytes.count - place
        isWellFormed =
            rest < 8 && zip(bytes[place...], 0...).allSatisfy { Self.fits($0.byte, at: $1) }
    }

    /// How far the steps are right: each takes two numbers that are there and states what they make.
    enum Course {
        /// The last result; nil for no step.
        case right(last: Int?)
        /// A number that isn't there, or is no longer.
        case wrongOperand(Step)
        case wrongResult(Step)
    }

    func course(from numbers: [Int]) -> Course {
        var left = numbers
        for step in steps {
            for operand in [step.a, step.b] {
                guard let place = left.firstIndex(of: operand) else { return .wrongOperand(step) }
                left.remove(at: place)
            }
            guard Countdown.result(step.a, step.sign, step.b) == step.result else {
                return .wrongResult(step)
            }
            left.append(step.result)
        }
        return .right(last: steps.last?.result)
    }

    private static func step(_ bytes: ArraySlice<ResponseWords.Byte>) -> Step? {
        let all = Array(bytes)
        guard zip(all, 0...).allSatisfy({ fits($0.byte, at: $1) }) else { return nil }
        func number(_ place: Int) -> Int {
            Int(all[place].byte - 0x30) * 10 + Int(all[place + 1].byte - 0x30)
        }
        return Step(
            a: number(0), sign: Character(Unicode.Scalar(all[2].byte)), b: number(3), result: number(6),
            resultWords: [all[6].word, all[7].word])
    }

    private static func fits(_ byte: UInt8, at place: Int) -> Bool {
        switch place {
        case 2: "+-*/".utf8.contains(byte)
        case 5: byte == UInt8(ascii: "=")
        default: (0x30...0x39).contains(byte)
        }
    }
}

/// Sudoku with four rows, columns and boxes of two by two.
///
/// The response is the whole grid, row by row, a token for each cell: 16 tokens, and any cell may be decided first. Which
/// ones can be known before which others depends on the givens and not on their places, so that the order of unmasking
/// means something here. Every problem has exactly one solution.
package struct Sudoku4x4: ProblemSource {
    /// The task's name in configurations.
    package static let name = "sudoku-4x4"

    /// Cells that the question leaves out, 1 to 12: with fewer than four givens no grid is the only one.
    let blanks: Int
    let seed: UInt64

    /// A task with a legal number of blanks, as a configuration's reader has checked it.
    package init(blanks: Int = 8, seed: UInt64) {
        precondition((1...12).contains(blanks), "at least one blank and four givens")
        self.blanks = blanks
        self.seed = seed
    }

    /// The first `count` problems of a split.
    ///
    /// - Throws: `ProblemSourceError` when no new test question can be found.
    package func problems(_ split: ProblemSplit, count: Int) throws -> [Problem] {
        try ProblemDraws.problems(Self.name, seed: seed, split, count: count, draw: draft)
    }

    private func draft(_ random: inout RandomStream) -> ProblemDraws.Draft? {
        let grid = Self.grids[random.nextInt(in: 0..<Self.grids.count)]
        var givens = grid
        var cells = Array(0..<16)
        for _ in 0..<blanks { givens[cells.remove(at: random.nextInt(in: 0..<cells.count))] = 0 }
        guard Self.solutions(givens).count == 1 else { return nil }
        return .init(
            question: givens.map { $0 == 0 ? "_" : "\($0)" }.joined(separator: " "),
            response: grid.map { "\($0)" }.joined(separator: " "),
            answer: grid.reduce(0) { $0 * 10 + $1 }, rules: .sudoku(givens: givens))
    }

    /// All 288 grids, in ascending order.
    static let grids: [[Int]] = {
        var found: [[Int]] = []
        func fill(_ grid: [Int]) {
            guard grid.count < 16 else { return found.append(grid) }
            for value in 1...4 where peers[grid.count].allSatisfy({ $0 >= grid.count || grid[$0] != value }) {
                fill(grid + [value])
            }
        }
        fill([])
        return found
    }()

    /// The grids that keep the givens (0 for a blank).
    static func solutions(_ givens: [Int]) -> [[Int]] {
        grids.filter { grid in zip(grid, givens).allSatisfy { $1 == 0 || $0 == $1 } }
    }

    /// For each cell those that share a row, column or box with it.
    static let peers: [[Int]] = (0..<16).map { cell in
        (0..<16).filter { other in
            other != cell
                && (other / 4 == cell / 4 || other % 4 == cell % 4
                    || (other / 8 == cell / 8 && other % 4 / 2 == cell % 4 / 2))
        }
    }

    /// The 16 cells of a response, 1 to 4 each; nil for anything else.
    static func cells(_ response: ResponseWords) -> [Int]? {
        let bytes = response.bytes.map(\.byte)
        guard bytes.count == 16, bytes.allSatisfy({ (0x31...0x34).contains($0) }) else { return nil }
        return bytes.map { Int($0) - 0x30 }
    }

    /// Whether cells keep the givens.
    static func keep(_ givens: [Int], _ cells: [Int]) -> Bool {
        zip(cells, givens).allSatisfy { $1 == 0 || $0 == $1 }
    }

    /// The pairs of cells that repeat a number where it may not be.
    static func conflicts(_ cells: [Int]) -> [(Int, Int)] {
        cells.indices.flatMap { cell in
            peers[cell].filter { $0 > cell && cells[$0] == cells[cell] }.map { (cell, $0) }
        }
    }
}
