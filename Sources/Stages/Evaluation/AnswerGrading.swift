internal import Evaluation
internal import JSON
internal import Runs
internal import Sandbox

/// Grades answers of benchmarks, with Python where a verdict needs it.
struct AnswerGrading: Sendable {
    /// The verdict of sympy, beside that of the normal form.
    static let sympy = "sympy"

    private let sandbox: Sandbox?
    private let parser: PythonParser?
    private let equivalence: SymbolicEquivalence?

    /// - Throws: `SandboxError` where programs can't be run in the isolation that is asked for; ``DataError`` where
    ///   sympy is asked for and isn't there.
    init(_ file: QuestionFile, _ permissions: Permissions) throws {
        let task = BenchmarkStage.Task(rawValue: file.task.task)
        if file.runsPrograms {
            sandbox = try CodeExecution.sandbox(permissions)
            guard let found = PythonParser() else {
                throw DataError(
                    description: "There is no python3 of at least 3.9 in PATH, which programs are cleaned by."
                )
            }
            parser = found
        } else {
            (sandbox, parser) = (nil, nil)
        }
        if task == .math, file.equivalence != .normalForms {
            equivalence = SymbolicEquivalence()
            guard equivalence != nil || file.equivalence == nil else {
                throw DataError(
                    description:
                        "\"equivalence\" is \"sympy\", but no python3 in PATH has it. Install it (pip install sympy antlr4-python3-runtime==4.11), or leave the key out to compare normal forms where it is missing."
                )
            }
        } else {
            equivalence = nil
        }
    }

    /// What is found of one answer.
    struct Grade: Sendable {
        var isCorrect: Bool
        /// By name.
        var verdicts: JSONObject
        /// Whether there was anything to grade by.
        var isGraded: Bool { !verdicts.members.isEmpty }
    }

    /// Grades answers; sympy, which takes a second to start, is asked once for all of them.
    func grade(_ answers: [(text: String, item: TaskItem)]) throws -> [Grade] {
        var grades = try answers.map { try grade($0.text, $0.item) }
        guard let equivalence else { return grades }
        // Where no answer was given there is nothing to compare.
        let given = grades.indices.filter { grades[$0].found != MinervaMath.invalid }
        let pairs = given.map { (grades[$0].found ?? "", answers[$0].item.target) }
        let verdicts = Dictionary(uniqueKeysWithValues: zip(given, try equivalence.areEqual(pairs)))
        for index in grades.indices {
            let isEqual = verdicts[index] ?? false
            grades[index].isCorrect = isEqual
            grades[index].verdicts[Self.sympy] = [
                "correct": .bool(isEqual), "found": .string(grades[index].found ?? ""),
            ]
        }
        return grades
    }

    private func grade(_ text: String, _ item: TaskItem) throws -> Grade {
        var grade = Grade(isCorrect: false, verdicts: [:])
        for extraction in item.extractions(text) {
            let value: JSONValue
            switch extraction.verdict {
            case .correct(let found): value = ["correct": true, "found": .string(found)]
            case .wrong(let found): value = ["correct": false, "found": .string(found)]
            case .untested(let program): value = try run(program)
            }
            grade.verdicts[extraction.name] = value
            if extraction.isReported { grade.isCorrect = value["correct"]?.bool ?? false }
        }
        return grade
    }

    private func run(_ program: Program) throws -> JSONValue {
        guard let sandbox, let parser else {
            throw DataError(description: "An answer is a program, but the benchmark isn't one of programs.")
        }
        let source: String
        switch program.source {
        case .asWritten(let text): source = text
        case .toSanitize(let request):
            switch try parser.sanitize([request]).first?.program {
            case .success(let text)?: source = text
            case .failure(let error)?:
                return ["correct": false, "outcome": "noProgram", "detail": .string(error.name)]
            case nil: return ["correct": false, "outcome": "noProgram"]
            }
        }
        let outcome = try sandbox.run(source, program.tests)
        var value: JSONObject = [
            "correct": .bool(outcome.hasPassed), "outcome": .string(outcome.name),
        ]
        if let detail = outcome.detail { value["detail"] = .string(detail) }
        return .object(value)
    }
}

extension AnswerGrading.Grade {
    /// The answer that was found; nil for programs.
    fileprivate var found: String? { verdicts.members.compactMap { $0.value["found"]?.string }.first }
}
