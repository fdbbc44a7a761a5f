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
        let lines = try FileSystem.read(path).split(
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
        return [
            "id": .string(problem.id), "question": .string(problem.question),
            "response": .string(problem.response), "answer": .integer(problem.answer), "steps": .array(steps),
        ]
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
        guard steps.count == stepNodes.count else { return nil }
        return Problem(id: id, question: question, response: response, answer: answer, steps: steps)
    }
}
