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
    /// Whether commands of the configuration may be run, with all rights of the user.
    package var commands: Bool
    /// Whether connections may be opened.
    package var network: Bool

    package init(
        codeExecution: Bool = false, isolationFloor: String? = nil, commands: Bool = false,
        network: Bool = true
    ) {
        self.codeExecution = codeExecution
        self.isolationFloor = isolationFloor
        self.commands = commands
        self.network = network
    }

    /// Nothing out of the ordinary.
    package static let none = Permissions()

    /// Whether leave was given.
    package func allow(_ permission: Permission) -> Bool {
        switch permission {
        case .codeExecution: codeExecution
        case .commands: commands
        }
    }
}

/// What a stage may need leave for.
package enum Permission: Sendable, Hashable, CaseIterable {
    /// Running programs that a model wrote, confined.
    case codeExecution
    /// Running a command that the configuration names, not confined.
    case commands

    /// The argument of the command line that gives it.
    package var flag: String {
        switch self {
        case .codeExecution: "--allow-code-execution"
        case .commands: "--allow-commands"
        }
    }
}

/// That a stage needs leave.
package struct PermissionNeed: Sendable, Hashable {
    package let permission: Permission
    /// Why, as a phrase behind "because".
    package let reason: String

    package init(_ permission: Permission, because reason: String) {
        self.permission = permission
        self.reason = reason
    }
}

/// A stage that may need a permission.
package protocol RestrictedStage: StageDescription {
    /// What the stage needs leave for; nil if it needs none.
    ///
    /// - Parameter stage: the configured stage that a reference is to.
    func permissionNeed(_ stage: (ArtifactReference) -> (any StageDescription)?) -> PermissionNeed?
}

/// A run that lacks a permission; nothing has been done then.
package struct PermissionError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .permission }

    package let description: String

    /// An error with a full sentence.
    package init(_ description: String) { self.description = description }

    package init(stage: String, _ need: PermissionNeed) {
        switch need.permission {
        case .codeExecution:
            description =
                "Stage \"\(stage)\" runs Python programs that the model writes, because \(need.reason). Nothing was run. Allow it with \(need.permission.flag); docs/benchmarks.md says how the programs are confined."
        case .commands:
            description =
                "Stage \"\(stage)\" needs leave, because \(need.reason). Nothing was run. If you know what that does, allow it with \(need.permission.flag); docs/own-stages.md says what it gets."
        }
    }
}

extension Experiment {
    /// The stages that need leave, with what they need it for.
    package var permissionNeeds: [(stage: Stage, need: PermissionNeed)] {
        stages.compactMap { stage in
            guard let restricted = stage.implementation as? any RestrictedStage,
                let need = restricted.permissionNeed({ self[$0.stage]?.implementation })
            else { return nil }
            return (stage, need)
        }
    }

    /// The stages that need one kind of leave, each with the reason as a phrase behind "because".
    package func stages(needing permission: Permission) -> [(stage: Stage, reason: String)] {
        permissionNeeds.filter { $0.need.permission == permission }.map { ($0.stage, $0.need.reason) }
    }

    /// Checks before anything is begun that what isn't in the store yet may be run.
    ///
    /// - Parameter isMade: Whether a stage is made in any case, or isn't asked for; nil where the store decides.
    /// - Throws: `PermissionError`; `StoreError`, `FileError`.
    package func checkPermissions(
        _ permissions: Permissions, store: Store, isMade: (Stage) -> Bool? = { _ in nil }
    ) throws {
        for (stage, need) in permissionNeeds where !permissions.allow(need.permission) {
            switch isMade(stage) {
            case false?: continue
            case nil: if case .whole = try store.find(stage, in: self) { continue }
            case true?: break
            }
            throw PermissionError(stage: stage.id, need)
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
