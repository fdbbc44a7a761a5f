internal import Evaluation
package import JSON
package import Recipes
package import Runs
internal import Sandbox

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
        guard permissions.codeExecution, !experiment.codeExecutions.isEmpty else { return [:] }
        let sandbox = try sandbox(permissions)
        return [
            "codeExecution": [
                "isolation": .string(sandbox.isolation.rawValue), "python": .string(sandbox.python.version),
                "obstacles": .array(sandbox.obstacles.map { .string($0) }),
            ]
        ]
    }

    /// Why answers to the questions of a stage are run, as a phrase behind "because"; nil if they aren't.
    static func reason(of stage: (any StageDescription)?) -> String? {
        if let benchmark = stage as? BenchmarkStage, benchmark.task.runsPrograms {
            return "the benchmark \"\(benchmark.task.rawValue)\" is graded by running them"
        }
        if let questions = stage as? QuestionsStage, questions.options.grader == .tests {
            return "the answers to the questions are graded by tests"
        }
        return nil
    }

    static func sandbox(_ permissions: Permissions) throws -> Sandbox {
        let floor = permissions.isolationFloor.flatMap(Isolation.init) ?? .seccomp
        return try Sandbox(floor: floor)
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

extension BenchmarkStage.Task {
    /// Whether answers are programs, which only running them can grade.
    var runsPrograms: Bool { self == .humanEval || self == .mbpp || isOfEvalPlus }

    /// Whether the tests are those of EvalPlus.
    var isOfEvalPlus: Bool { self == .humanEvalPlus || self == .mbppPlus }
}
