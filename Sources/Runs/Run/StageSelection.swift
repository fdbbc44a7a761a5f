package import Recipes

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
