internal import Numerics

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
