import ArtifactStore
import Files
import Recipes
import Runs
import SystemPackage

/// The stages of a run as this version of the program reads them from the run's configuration.
struct RunConfiguration {
    /// The file that the stages are from.
    let name: String
    /// Whether the file gives the stages of the run.
    let outcome: Verification.Outcome
    /// Why there are no implementations; nil when there are.
    let problem: String?
    private let stages: [String: Stage]
    private let byName: [String: Stage]

    init(_ run: RunLocation, registry: StageRegistry, given: Experiment?) {
        let path = run.folder.appending(RunRecord.experimentFileName)
        var experiment = given
        var problem: String?
        name = given == nil ? RunRecord.experimentFileName : "the given configuration"
        if given == nil {
            do {
                guard try FileSystem.status(path) != nil else { throw Missing() }
                experiment = try Experiment.parse(
                    try FileSystem.read(path), name: path.string, registry: registry)
            } catch is Missing {
                problem =
                    "The record has no configuration (format \(run.record.format)); give it with --config to check more than files."
            } catch {
                problem = "This version of the program can't read the run's configuration: \(error)"
            }
        }
        let stages = experiment?.stages ?? []
        self.stages = Dictionary(stages.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        byName = Dictionary(stages.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.problem = problem
        if let problem {
            outcome = .unchecked(problem)
            return
        }
        let strangers = run.record.stages.filter { [byName] in
            byName[$0.stage].map(\.fingerprint) != $0.fingerprint
        }
        if let first = strangers.first {
            outcome = .unchecked(
                "It doesn't give the recipes of \(strangers.count) of \(Readable.stages(run.record.stages.count)), \"\(first.stage)\" first: the program or the file is another than that of the run."
            )
        } else {
            outcome = .holds("gives the recipes of all stages")
        }
    }

    private struct Missing: Error {}

    /// The stage that makes an artifact.
    subscript(fingerprint: String) -> Stage? { stages[fingerprint] }

    /// What doesn't hold between an artifact and the stage that makes it.
    func problems(of item: ArtifactCollection.Item) -> [String] {
        guard let record = item.artifact?.record, let stage = self[item.fingerprint] else { return [] }
        let output = type(of: stage.implementation).output
        guard !output.isCalled(record.type) else { return [] }
        return [
            "It says that it holds a \(record.type), but stages of kind \(stage.recipe.kind) make a \(output.name)."
        ]
    }

    /// All stages that make one of these artifacts, or are referred to by them.
    var all: [Stage] { Array(stages.values) }

    /// Why an artifact has no implementation here, as a sentence.
    func reason(for record: ArtifactRecord) -> String {
        guard let stage = byName[record.stage] else {
            return "The configuration has no stage with this recipe."
        }
        let differences = RecipeDifference.between(record.recipe, stage.recipe.value)
        let summary = ChangeSummary(differences.map { RecipeChange(difference: $0, cause: nil) })
        return "This version of the program gives the stage another recipe: \(summary)."
    }
}
