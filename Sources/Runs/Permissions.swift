package import ArtifactStore
package import Base
package import Recipes

/// What stages may do or have to leave, as the person who starts the run says.
///
/// How a run is done, not what comes out: never part of a recipe.
package struct Permissions: Sendable, Hashable {
    /// Whether programs that a model wrote may be run.
    package var codeExecution: Bool
    /// The weakest isolation that will do for them, by the name that the kind of stage gives it; its own choice when nil.
    package var isolationFloor: String?
    /// Whether connections may be opened.
    package var network: Bool

    package init(codeExecution: Bool = false, isolationFloor: String? = nil, network: Bool = true) {
        self.codeExecution = codeExecution
        self.isolationFloor = isolationFloor
        self.network = network
    }

    /// Nothing out of the ordinary.
    package static let none = Permissions()
}

/// A stage that may need a permission.
package protocol RestrictedStage: StageDescription {
    /// Why the stage runs programs that a model wrote, as a phrase behind "because"; nil if it doesn't.
    ///
    /// - Parameter stage: the configured stage that a reference is to.
    func codeExecutionReason(_ stage: (ArtifactReference) -> (any StageDescription)?) -> String?
}

/// A run that lacks a permission; nothing has been done then.
package struct PermissionError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .permission }

    package let description: String

    /// An error with a full sentence.
    package init(_ description: String) { self.description = description }

    package init(stage: String, reason: String) {
        description =
            "Stage \"\(stage)\" runs Python programs that the model writes, because \(reason). Nothing was run. Allow it with --allow-code-execution; docs/benchmarks.md says how the programs are confined."
    }
}

extension Experiment {
    /// The stages that run programs that a model wrote, each with the reason as a phrase behind "because".
    package var codeExecutions: [(stage: Stage, reason: String)] {
        stages.compactMap { stage in
            guard let restricted = stage.implementation as? any RestrictedStage,
                let reason = restricted.codeExecutionReason({ self[$0.stage]?.implementation })
            else { return nil }
            return (stage, reason)
        }
    }

    /// Checks before anything is begun that what isn't in the store yet may run such programs.
    ///
    /// - Throws: `PermissionError`; `StoreError`, `FileError`.
    package func checkPermissions(_ permissions: Permissions, store: Store) throws {
        guard !permissions.codeExecution else { return }
        for (stage, reason) in codeExecutions {
            if case .whole = try store.find(stage, in: self) { continue }
            throw PermissionError(stage: stage.id, reason: reason)
        }
    }
}

/// Which stages a run is about, and which of them are made although they are in the store.
package struct StageSelection {
    /// In running order: all, or those that `only` names with what they need.
    package let stages: [Stage]
    /// The full names of those that are made again.
    let forced: Set<String>

    /// - Throws: `UnknownStageError` for a name that the experiment doesn't have, and for a stage that is to be made
    ///   again but isn't part of the run.
    package init(_ experiment: Experiment, _ options: Runner.Options) throws(UnknownStageError) {
        var wanted: Set<String> = []
        for name in options.only {
            _ = try Self.variants(of: name, experiment)
            wanted.formUnion(experiment.closure(of: name).map(\.id))
        }
        let stages = experiment.stages.filter { options.only.isEmpty || wanted.contains($0.id) }
        let selected = Set(stages.map(\.id))
        var forced: Set<String> = []
        for (option, names) in [("--force", options.force), ("--from", options.from)] {
            for name in names {
                let named = try Self.variants(of: name, experiment).map(\.id)
                guard !selected.isDisjoint(with: named) else {
                    throw UnknownStageError(name, outside: options.only, option: option)
                }
                forced.formUnion(named)
            }
        }
        var downstream: Set<String> = []
        for name in options.from {
            downstream.formUnion(experiment.stages.filter { $0.name == name || $0.id == name }.map(\.id))
        }
        // Stages come after those that they need, so that one pass reaches all.
        for stage in experiment.stages where !stage.needs.isDisjoint(with: downstream) {
            downstream.insert(stage.id)
        }
        self.stages = stages
        self.forced = forced.union(downstream).intersection(selected)
    }

    private static func variants(of name: String, _ experiment: Experiment) throws(UnknownStageError)
        -> [Stage]
    {
        let found = experiment.stages.filter { $0.name == name || $0.id == name }
        guard !found.isEmpty else { throw UnknownStageError(name: name, experiment: experiment) }
        return found
    }
}

extension Stage {
    /// The full names of the stages that it reads.
    package var needs: Set<String> { Set(inputs.flatMap(\.references).map(\.stage)) }
}
