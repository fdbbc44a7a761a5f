internal import DataStages
internal import Evaluation
package import JSON
internal import ModelStages
package import Recipes
package import Runs
internal import Sandbox
internal import StageBasics
package import SystemPackage
package import Tokenizers

/// Grades answers of benchmarks, with Python where a verdict needs it.
package struct AnswerGrading: Sendable {
    /// The verdict of sympy, beside that of the normal form.
    package static let sympy = "sympy"

    private let sandbox: Sandbox?
    private let parser: PythonParser?
    private let equivalence: SymbolicEquivalence?

    /// - Throws: `SandboxError` where programs can't be run in the isolation that is asked for; ``DataError`` where
    ///   sympy is asked for and isn't there.
    init(_ file: QuestionFile, _ permissions: Permissions) throws {
        let task = BenchmarkStage.Task(rawValue: file.task.task)
        if file.runsPrograms {
            sandbox = try CodeExecution.sandbox(permissions, packages: file.task.packages)
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

/// Running programs that models wrote.
package enum CodeExecution {
    /// The names of the levels of isolation, weakest first.
    package static let levels = Isolation.allCases.map(\.rawValue)
    /// What is asked for at least unless the command line says otherwise.
    package static let defaultFloor = Isolation.seccomp.rawValue

    /// Finds out how programs would be confined here, for the record of a run that has stages with programs.
    ///
    /// - Returns: what is recorded; nothing when no stage of the experiment runs programs.
    /// - Throws: `SandboxError` where the isolation that is asked for can't be had.
    package static func facts(for experiment: Experiment, _ permissions: Permissions) throws -> JSONObject {
        guard permissions.codeExecution, !experiment.stages(needing: .codeExecution).isEmpty else {
            return [:]
        }
        // Each stage's own packages are looked for where its answers are graded, too; here, all of them together.
        let packages = Set(experiment.stages.flatMap { Self.packages(of: $0.implementation) }).sorted()
        let sandbox = try sandbox(permissions, packages: packages)
        var facts: JSONObject = [
            "isolation": .string(sandbox.isolation.rawValue), "python": .string(sandbox.python.version),
            "obstacles": .array(sandbox.obstacles.map { .string($0) }),
        ]
        if !packages.isEmpty {
            facts["packages"] = .object(
                JSONObject(sandbox.python.packages.map { ($0.name, .string($0.version)) }))
        }
        return ["codeExecution": .object(facts)]
    }

    private static func packages(of stage: any StageDescription) -> [String] {
        (stage as? BenchmarkStage)?.packages ?? (stage as? QuestionsStage)?.packages ?? []
    }

    /// What running the answers to the questions of a stage needs; nil if they aren't run.
    static func need(of stage: (any StageDescription)?) -> PermissionNeed? {
        if let benchmark = stage as? BenchmarkStage, benchmark.task.runsPrograms {
            return PermissionNeed(
                .codeExecution,
                because: "the benchmark \"\(benchmark.task.rawValue)\" is graded by running them")
        }
        if let questions = stage as? QuestionsStage, questions.options.grader == .tests {
            return PermissionNeed(
                .codeExecution, because: "the answers to the questions are graded by tests")
        }
        return nil
    }

    static func sandbox(_ permissions: Permissions, packages: [String] = []) throws -> Sandbox {
        let floor = permissions.isolationFloor.flatMap(Isolation.init) ?? .seccomp
        return try Sandbox(floor: floor, packages: packages)
    }
}

extension Sandbox {
    /// Runs a program with what it has to pass.
    ///
    /// - Throws: `SandboxError` when it can't be run.
    func run(_ source: String, _ tests: Program.Tests) throws(SandboxError) -> ProgramOutcome {
        switch tests {
        case .script(let text): try run(source, tests: text)
        case .comparison(let entryPoint, let inputs, let grader, let takesIterators):
            try run(
                source,
                comparing: ComparedFunction(
                    entryPoint: entryPoint, inputs: inputs, grader: grader, takesIterators: takesIterators))
        }
    }
}

/// Says which answers of a teacher are right: by the rules of generated problems, or as the tasks of questions grade.
struct AnswerJudge: Sendable {
    private let grading: AnswerGrading?
    private let grader: AnswerGrader

    /// - Parameters:
    ///   - file: what grades answers to questions of tasks; nil for generated problems.
    ///   - grader: for word problems.
    /// - Throws: `PermissionError` where answers are programs that may not be run; what ``AnswerGrading`` throws.
    init(_ file: QuestionFile?, _ permissions: Permissions, grader: AnswerGrader = .final) throws {
        self.grader = grader
        guard let file else {
            grading = nil
            return
        }
        guard !file.runsPrograms || permissions.codeExecution else {
            throw PermissionError(
                "The answers of this stage are Python programs, which run with --allow-code-execution only.")
        }
        grading = try AnswerGrading(file, permissions)
    }

    /// Whether each answer is right; nil where nothing says what would be.
    func verdicts(
        _ answers: [(item: DataItem, response: [Int32])], _ tokens: AnswerTokens
    ) throws -> [Bool?] {
        var verdicts: [Bool?] = []
        var asked: [(text: String, item: TaskItem)] = []
        var places: [Int] = []
        for (index, answer) in answers.enumerated() {
            switch answer.item {
            case .problem(let problem):
                verdicts.append(problem.accepts(tokens.problemText(answer.response), by: grader))
            case .task(let item):
                verdicts.append(nil)
                asked.append((tokens.text(answer.response), item))
                places.append(index)
            }
        }
        guard let grading, !asked.isEmpty else { return verdicts }
        for (index, grade) in zip(places, try grading.grade(asked)) where grade.isGraded {
            verdicts[index] = grade.isCorrect
        }
        return verdicts
    }
}

/// One question of a data set, and whether an answer to it is right, as a stage of kind `evaluate` says it.
package struct GradedQuestion: Sendable {
    private let item: DataItem
    private let tokens: AnswerTokens
    private let judge: AnswerJudge

    /// Finds a question by its id, among those that are asked and then among those to train on.
    ///
    /// - Parameters:
    ///   - grader: The stage's key of that name, for word problems.
    ///   - tokenizer: The answering model's.
    ///   - ends: The tokens that end a text of the model's.
    /// - Throws: ``DataError`` where there is no such question, or where answers are programs: they aren't run here; what
    ///   reading the data set throws.
    package init(
        _ id: String, in folder: FilePath, grader: String?, tokenizer: any Tokenizer, ends: Set<Int32>
    ) throws {
        let set = DataSet(folder, name: "\(folder)")
        var found: (item: DataItem, file: QuestionFile?)?
        for part in [DataSet.Part.test, .train] where found == nil && set.has(part) {
            let (items, file) = try set.read(part)
            found = items.first { $0.id == id }.map { ($0, file) }
        }
        guard let found else { throw DataError(description: "The data set grades no question \"\(id)\".") }
        guard found.file?.runsPrograms != true else {
            throw DataError(description: "The answers are programs, which only d3llm run runs.")
        }
        item = found.item
        tokens = AnswerTokens(tokenizer: tokenizer, ends: ends)
        judge = try AnswerJudge(
            found.file, .none, grader: grader.flatMap(AnswerGrader.init(rawValue:)) ?? .final)
    }

    /// Whether a response is right; nil where nothing says what would be.
    package func isRight(_ response: [Int32]) throws -> Bool? {
        try judge.verdicts([(item, response)], tokens).first ?? nil
    }

    /// The right answer for people: a worked one where there are several.
    package var reference: String {
        switch item {
        case .problem(let problem) where problem.rules != .finalNumber: problem.response
        case .problem, .task: item.answer
        }
    }
}
