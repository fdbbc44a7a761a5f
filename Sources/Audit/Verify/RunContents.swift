package import ArtifactStore
internal import Files
package import Recipes
package import Runs
internal import SystemPackage

/// What a run left in its store, opened for reading: its stages, their artifacts, and what made them.
///
/// Nothing is checked beyond names and sizes, which is what `d3llm verify` is for, and nothing is written but scratch
/// folders outside the store.
package final class RunContents: Sendable {
    /// One stage of the run.
    package struct Item: Sendable {
        /// What the run says became of it.
        package let entry: RunRecord.Entry
        /// What it left; nil where it failed, was skipped, or isn't in the store any more.
        package let artifact: Artifact?
        /// Why there is no artifact although the run says so, as a sentence.
        package let problem: String?
        /// Files of the artifact that were left out of the bundle that it was imported from.
        package let leftOut: [String]
    }

    package let location: RunLocation
    /// The stages in the order of the run.
    package let items: [Item]
    /// Why no stage can be computed again, as a sentence; nil where the run's configuration gives its stages.
    package let configurationProblem: String?

    /// Which artifacts were imported and from where, as a sentence; nil where all were made here.
    package var imported: String? {
        ImportedArtifacts(items.compactMap(\.artifact?.record)).sentence("artifacts")
    }

    private let configuration: RunConfiguration
    private let byFingerprint: [String: Int]
    private let scratch: ScratchSpace
    private let cancellation: Cancellation

    /// Opens the artifacts of a run.
    ///
    /// - Throws: `FileError` when the scratch folder can't be made.
    package init(
        _ location: RunLocation, registry: StageRegistry, cancellation: Cancellation = .never
    ) throws {
        self.location = location
        self.cancellation = cancellation
        items = location.record.stages.map { Self.item($0, in: location.store) }
        byFingerprint = Dictionary(
            zip(items.map(\.entry.fingerprint), items.indices), uniquingKeysWith: { first, _ in first })
        configuration = RunConfiguration(location, registry: registry, given: nil)
        configurationProblem =
            location.record.format == 1
            ? "The record of the run has no configuration (format 1), so that nothing can be computed again."
            : configuration.problem
        scratch = try ScratchSpace()
    }

    private static func item(_ entry: RunRecord.Entry, in store: Store) -> Item {
        guard entry.status == .made || entry.status == .cached else {
            return Item(entry: entry, artifact: nil, problem: nil, leftOut: [])
        }
        do {
            guard let artifact = try store.artifact(of: entry) else {
                return Item(
                    entry: entry, artifact: nil, problem: "\(entry.artifact) isn't in the store any more.",
                    leftOut: [])
            }
            let leftOut = IncompleteMarker(of: artifact.record, in: artifact.folder)?.leftOut ?? []
            return Item(entry: entry, artifact: artifact, problem: nil, leftOut: leftOut)
        } catch {
            return Item(entry: entry, artifact: nil, problem: "\(error)", leftOut: [])
        }
    }

    /// The stage of the run that has this fingerprint.
    package subscript(fingerprint: String) -> Item? { byFingerprint[fingerprint].map { items[$0] } }

    /// The implementation of a stage, as this version of the program reads it from the run's configuration; nil where
    /// the configuration doesn't give this recipe.
    package func implementation(of item: Item) -> (any StageDescription)? {
        configuration[item.entry.fingerprint]?.implementation
    }

    /// A context in which a stage can compute something from its inputs again, in a scratch folder.
    ///
    /// - Throws: ``NotComputable`` when the configuration doesn't give the stage, or an input or its weights are
    ///   missing; `FileError`.
    package func context(for item: Item, threads: Int) throws -> StageContext {
        if let configurationProblem { throw NotComputable(description: configurationProblem) }
        guard let stage = configuration[item.entry.fingerprint] else {
            throw NotComputable(
                description:
                    "This version of the program gives the stage \(item.entry.stage) another recipe than the run's."
            )
        }
        let names = Set(stage.inputs.flatMap(\.references).map(\.stage))
        var artifacts: [String: Artifact] = [:]
        for other in configuration.all where names.contains(other.id) {
            guard let input = self[other.fingerprint], let artifact = input.artifact else {
                throw NotComputable(
                    description: "The input \(other.id) of the stage \(item.entry.stage) isn't in the store.")
            }
            if let file = input.leftOut.first {
                throw NotComputable(
                    description:
                        "The weights of \(other.id) (\(file)) were left out of the bundle that this run was imported from."
                )
            }
            artifacts[other.id] = artifact
        }
        return try .scratch(
            stage, in: scratch.path.appending("read-\(item.entry.fingerprint)"), artifacts: artifacts,
            threads: threads, cancellation: cancellation, permissions: .none)
    }

    /// Why a stage can't compute anything again, as a sentence.
    package struct NotComputable: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String

        package init(description: String) {
            self.description = description
        }
    }
}

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
