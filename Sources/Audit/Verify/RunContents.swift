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
