internal import Evaluation
internal import Files
internal import JSON
internal import SystemPackage

/// Problems as JSON lines.
enum ProblemFile {
    static func write(_ problems: [Problem], to path: FilePath) throws {
        var bytes: [UInt8] = []
        for problem in problems {
            bytes += try value(of: problem).compactBytes()
            bytes.append(UInt8(ascii: "\n"))
        }
        try FileSystem.writeAtomically(bytes, to: path)
    }

    /// All problems of a file; empty lines are skipped.
    ///
    /// - Throws: ``DamagedFileError`` that names the first bad line; `FileError`.
    static func read(_ path: FilePath) throws -> [Problem] {
        let lines = try FileSystem.read(path, limit: FileLimit.data).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return try lines.enumerated().compactMap { index, line in
            if line.isEmpty { return nil }
            let root: JSONNode
            do throws(JSONSyntaxError) {
                root = try JSONDocument(parsing: Array(line), name: path.string, allowNonFinite: true).root
            } catch {
                throw DamagedFileError(path, line: index + 1, "column \(error.column): \(error.message)")
            }
            guard let problem = problem(from: root) else {
                throw DamagedFileError(
                    path, line: index + 1, "a problem needs id, question, response, answer and steps.")
            }
            return problem
        }
    }

    static func value(of problem: Problem) -> JSONValue {
        let steps = problem.steps.map { step -> JSONValue in
            ["day": .string(step.day), "change": .integer(step.change), "total": .integer(step.total)]
        }
        var value: JSONObject = [
            "id": .string(problem.id), "question": .string(problem.question),
            "response": .string(problem.response), "answer": .integer(problem.answer), "steps": .array(steps),
        ]
        switch problem.rules {
        case .finalNumber: break
        case .countdown(let numbers):
            value["task"] = .string(Countdown.name)
            value["numbers"] = .array(numbers.map { .integer($0) })
        case .sudoku(let givens):
            value["task"] = .string(Sudoku4x4.name)
            value["givens"] = .array(givens.map { .integer($0) })
        }
        return .object(value)
    }

    static func problem(from node: JSONNode) -> Problem? {
        guard let id = node["id"]?.string, let question = node["question"]?.string,
            let response = node["response"]?.string, let answer = node["answer"]?.int,
            let stepNodes = node["steps"]?.array
        else { return nil }
        let steps = stepNodes.compactMap { step -> Problem.Step? in
            guard let day = step["day"]?.string, let change = step["change"]?.int,
                let total = step["total"]?.int
            else { return nil }
            return Problem.Step(day: day, change: change, total: total)
        }
        guard steps.count == stepNodes.count, let rules = rules(from: node) else { return nil }
        return Problem(
            id: id, question: question, response: response, answer: answer, steps: steps, rules: rules)
    }

    /// What makes a response right; nil for what no task writes.
    private static func rules(from node: JSONNode) -> Problem.Rules? {
        guard let task = node["task"] else { return .finalNumber }
        func integers(_ key: String, in range: ClosedRange<Int>) -> [Int]? {
            let nodes = node[key]?.array ?? []
            let numbers = nodes.compactMap(\.int).filter(range.contains)
            return numbers.count == nodes.count ? numbers : nil
        }
        switch task.string {
        case Countdown.name?:
            guard let numbers = integers("numbers", in: 0...99), (1...64).contains(numbers.count) else {
                return nil
            }
            return .countdown(numbers: numbers)
        case Sudoku4x4.name?:
            guard let givens = integers("givens", in: 0...4), givens.count == 16 else { return nil }
            return .sudoku(givens: givens)
        default: return nil
        }
    }
}
