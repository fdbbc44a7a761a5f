package import Base
import Files
package import JSON
import Recipes
package import SystemPackage

/// How people name an artifact: by its folder, or by experiment and stage.
package struct ArtifactAddress: Sendable {
    /// What is looked for, for messages: "model", "dataset".
    package let noun: String
    /// The file that every such folder has.
    package let marker: String
    /// How the name of a file ends that a folder may have in its stead, and that may be named itself.
    package var ending: String?

    /// Folders with `config.json` or a file in GGUF: artifacts of that kind, and checkpoints from elsewhere.
    package static let model = ArtifactAddress(noun: "model", marker: "config.json", ending: ".gguf")
    /// Folders with `test.jsonl`.
    package static let dataset = ArtifactAddress(noun: "dataset", marker: "test.jsonl")

    /// The folder that a text names.
    ///
    /// The text is a folder, as a path or relative to the store; or `experiment/stage`, or `stage`, where one artifact
    /// only has that name, with or without the digits of its fingerprint. Of several that one stage of an experiment made
    /// after another, it is the one of the newest run.
    /// - Throws: ``UnknownArtifactError`` with the nearest name; `FileError`.
    package func find(_ text: String, in store: Store) throws -> FilePath {
        let given = FilePath(text)
        for path in [given, store.root.pushing(given)] where !text.isEmpty {
            let kind = try FileSystem.status(path)?.kind
            if kind == .file, let ending, path.string.byteText.hasSuffix(ending) { return path }
            guard kind == .folder else { continue }
            if try isComplete(path) { return path }
            // The folder of an experiment may be called as a stage of another.
            if path == given, text.byteText.hasPrefix("/") || text.byteText.hasPrefix(".") {
                throw UnknownArtifactError(
                    "\(path) is no \(noun): it has no \(marker).\(ending.map { " Nor does it have a file *\($0)." } ?? "")"
                )
            }
        }
        let all = candidates(in: store)
        let found = all.filter { $0.answers(to: text) }
        if let one = found.count == 1 ? found[0] : ofNewestRun(found, text, in: store) {
            let folder = store.root.pushing(FilePath(one.address))
            // Throws for one that lacks its weights.
            _ = try isComplete(folder)
            return folder
        }
        if found.count > 1 {
            let names = found.prefix(8).map(\.address).joined(separator: ", ")
            throw UnknownArtifactError(
                "\"\(text)\" could be \(found.count) \(noun)s: \(names). Give more of the name.")
        }
        let names = Set(all.flatMap { [$0.name, $0.stage] }).sorted()
        let hint =
            all.isEmpty
            ? store.isThere
                ? "The store \(store.place) has no \(noun)s."
                : "There is no store \(store.place); --store names another."
            : NearestName.hint(for: text, among: names, what: "The store \(store.place) has")
                ?? "The store \(store.place) has \(all.count) \(noun)s."
        throw UnknownArtifactError(
            "\"\(text)\" is neither the folder of a \(noun) nor the name of one in the store. \(hint)")
    }

    /// The one of several artifacts of a stage that the newest run names which names any; nil where that isn't one.
    private func ofNewestRun(_ found: [Candidate], _ text: String, in store: Store) -> Candidate? {
        guard let first = found.first, [first.name, first.stage].contains(text),
            found.allSatisfy({ $0.name == first.name })
        else { return nil }
        for run in store.runs(of: first.experiment).reversed() {
            guard let record = try? RunLocation.find(run.string, in: store).record else { continue }
            let made = Set(record.stages.map(\.artifact.string.byteText))
            let named = found.filter { made.contains($0.address.byteText) }
            if !named.isEmpty { return named.count == 1 ? named[0] : nil }
        }
        return nil
    }

    /// The only such artifact in the folder of an experiment.
    ///
    /// - Parameter folder: an artifact of the experiment.
    /// - Throws: ``UnknownArtifactError`` when there is none or more than one; `FileError`.
    package func find(beside folder: FilePath) throws -> FilePath {
        let parent = folder.removingLastComponent()
        let names = try FileSystem.list(parent.isEmpty ? "." : parent).filter {
            isMarked(parent.appending($0))
        }
        if names.count == 1, try isComplete(parent.appending(names[0])) { return parent.appending(names[0]) }
        throw UnknownArtifactError(
            names.isEmpty
                ? "There is no \(noun) beside \(folder). Name one."
                : "There are \(names.count) \(noun)s beside \(folder): \(names.joined(separator: ", ")). Name one."
        )
    }

    /// Whether the folder is what is looked for; one that lacks its weights is an error of its own.
    private func isComplete(_ folder: FilePath) throws -> Bool {
        guard isMarked(folder) else { return false }
        guard FileSystem.exists(folder.appending(IncompleteMarker.fileName)) else { return true }
        throw UnknownArtifactError(
            "\(folder) was imported without its weights. Run its experiment on this store to make it again.")
    }

    /// Whether a folder has the file that tells.
    private func isMarked(_ folder: FilePath) -> Bool {
        if FileSystem.exists(folder.appending(marker)) { return true }
        guard let ending, let names = try? FileSystem.list(folder) else { return false }
        return names.contains { $0.byteText.hasSuffix(ending) && !$0.byteText.hasPrefix(".") }
    }

    /// One artifact of the store.
    private struct Candidate {
        let experiment: String
        let folder: String

        /// The full name, such as mini/table1/student-bbd091f8f2d1.
        var address: String { "\(experiment)/\(folder)" }
        /// The stage, such as student.
        var stage: String {
            folder.byteText.cut(atLast: "-")?.before.text ?? folder
        }
        /// The full name without the digits of the fingerprint.
        var name: String { "\(experiment)/\(stage)" }

        func answers(to text: String) -> Bool {
            [address, folder, name, stage].contains(text)
                || (text.byteText.hasPrefix(name + "-") && address.byteText.hasPrefix(text))
                || (text.byteText.hasPrefix(stage + "-") && folder.byteText.hasPrefix(text))
        }
    }

    private func candidates(in store: Store) -> [Candidate] {
        var found: [Candidate] = []
        func visit(_ experiment: String) {
            let folder = experiment.isEmpty ? store.root : store.root.pushing(FilePath(experiment))
            for child in (try? FileSystem.list(folder)) ?? [] where !child.byteText.hasPrefix(".") {
                let path = folder.appending(child)
                guard (try? FileSystem.status(path))?.kind == .folder else { continue }
                if isMarked(path) {
                    if !experiment.isEmpty { found.append(Candidate(experiment: experiment, folder: child)) }
                } else if !FileSystem.exists(path.appending(ArtifactRecord.fileName)),
                    !Store.reservedFolders.contains(child)
                {
                    visit(experiment.isEmpty ? child : "\(experiment)/\(child)")
                }
            }
        }
        visit("")
        return found.sorted { $0.address < $1.address }
    }
}

/// An artifact named on the command line that isn't there, or isn't of the right kind.
package struct UnknownArtifactError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Whose artifacts are used.
package enum Trust: String, Sendable, CaseIterable {
    /// Also what was imported; it is said which that are.
    case imported
    /// Only what was made here, from nothing that wasn't.
    case own
}

extension Store {
    /// Whether an artifact may be used by those who trust what was made here alone: it was, and so was all that it was
    /// made from, of which the store still has what it was made from.
    func isOwn(_ artifact: Artifact) -> Bool {
        var known: [String: Bool] = [:]
        func isOwn(_ artifact: Artifact) -> Bool {
            let fingerprint = artifact.record.fingerprint
            if let answer = known[fingerprint] { return answer }
            // Fingerprints can't form a circle; a record that says so isn't believed.
            known[fingerprint] = false
            guard artifact.record.origin == nil, let inputs = artifact.record.inputList else { return false }
            let answer = inputs.allSatisfy { input in
                guard let made = madeHere(input.fingerprint) else { return false }
                return (input.content == nil || input.content == made.record.content) && isOwn(made)
            }
            known[fingerprint] = answer
            return answer
        }
        return isOwn(artifact)
    }

    /// The artifact where the index says that it is, whoever trusts it.
    private func madeHere(_ fingerprint: String) -> Artifact? {
        guard let noted = notedLocation(of: fingerprint),
            case .whole(let artifact)? = try? Store(self, trust: .imported).find(fingerprint, at: noted)
        else { return nil }
        return artifact
    }
}

/// Which of several artifacts were imported, and from where, for people.
package struct ImportedArtifacts {
    private let origins: [ArtifactRecord.Origin]
    private let total: Int

    package init(_ records: [ArtifactRecord]) {
        origins = records.compactMap(\.origin)
        total = records.count
    }

    /// A sentence; nil where none was imported.
    ///
    /// - Parameter noun: What they are called, in the plural: "stages".
    package func sentence(_ noun: String) -> String? {
        guard !origins.isEmpty else { return nil }
        var told: Set<String> = []
        let bundles = origins.filter { told.insert($0.sha256).inserted }
            .map { "\($0.bundle) (SHA-256 \($0.sha256.prefix(12))…)" }
        let shown = bundles.prefix(3).joined(separator: ", ")
        let more = bundles.count > 3 ? " and \(bundles.count - 3) more" : ""
        let count = Readable.count(origins.count)
        return
            "\(count) of \(Readable.count(total)) \(noun) \(origins.count == 1 ? "is" : "are") imported from \(shown)\(more): not made here."
    }
}

/// What a stage is expected to take, or took.
package struct StageForecast: Sendable, Hashable {
    /// Wall-clock seconds; nil where nothing is known.
    package var seconds: Double?
    /// The largest resident size, in bytes.
    package var memory: Int?
    /// What the artifact takes on disk, in bytes.
    package var disk: Int?
    /// What journals and checkpoints take on disk besides, while the stage runs, in bytes.
    package var scratch: Int?
    /// What comes over the network; nil for stages that take nothing from there.
    package var download: Download?

    /// What the stage's model would take in each form that it can be loaded or trained in; empty where it has none.
    package var models: [ModelMemory] = []

    /// What a model takes in one form.
    package struct ModelMemory: Sendable, Hashable {
        /// The stage that makes the model.
        package let model: String
        /// What is done with it, and in which precision: `decoding, bfloat16`.
        package let form: String
        /// The largest resident size of the stage then, in bytes.
        package let bytes: Int
        /// Whether the configuration says this form.
        package let isChosen: Bool

        package init(model: String, form: String, bytes: Int, isChosen: Bool) {
            (self.model, self.form, self.bytes, self.isChosen) = (model, form, bytes, isChosen)
        }
    }

    /// What a stage has to download.
    package enum Download: Sendable, Hashable {
        case bytes(Int)
        /// Nothing says how much it is before it has been downloaded once.
        case unknown
    }

    /// A forecast of what is known.
    package init(
        seconds: Double? = nil, memory: Int? = nil, disk: Int? = nil, scratch: Int? = nil,
        download: Download? = nil
    ) {
        self.download = download
        self.seconds = seconds
        self.memory = memory
        self.disk = disk
        self.scratch = scratch
    }

    /// As records of runs hold it: `seconds`, `memory` and `disk` in bytes, null where nothing is known.
    package var value: JSONValue {
        [
            "seconds": seconds.map { .number(($0 * 1000).rounded() / 1000) } ?? .null,
            "memory": memory.map(JSONValue.integer) ?? .null, "disk": disk.map(JSONValue.integer) ?? .null,
        ]
    }

    /// "2 min 05 s, 310 MB of memory, 12 MB of disk"; nil where nothing is known.
    package var text: String? {
        let parts = [
            seconds.map(Readable.span), memory.map { "\(Readable.size($0)) of memory" },
            disk.map { "\(Readable.size($0)) of disk" },
        ].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }
}
