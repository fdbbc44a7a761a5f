package import ArtifactStore
internal import Base
internal import Decoding
internal import Files
package import JSON
internal import Recipes
package import SystemPackage

/// The setting that an experiment chose to decode a model with: the operating point of the model's curve in a table of
/// its run, see `SweepAnalysis`.
package struct OperatingPoint: Sendable {
    /// The experiment whose run has the table.
    package let experiment: String
    /// The curve's label, such as d3LLM.
    package let label: String
    /// What the table calls the setting: "threshold 0.4".
    package let setting: String
    /// The decoding method's name.
    package let method: String
    /// The method's options, as the stage that measured them has them.
    package let options: [String: JSONValue]
    /// The folder of the questions that it was measured with; nil where the store doesn't have them any more.
    package let data: FilePath?
    /// How that stage graded word problems; nil where it didn't say.
    package let grader: String?

    /// Where the setting is from, for people.
    package var sentence: String {
        "Setting of \(label)'s operating point in \(experiment): \(setting)"
    }

    /// Finds the operating point of a model in the newest run whose tables compare it: first among the runs of the
    /// experiment that made it, then among those of others.
    ///
    /// Nil for a model that isn't an artifact, and where no run compares it or no setting of it reaches the target. What a
    /// store has that can't be read is passed over: a model can be decoded without it.
    ///
    /// - Parameters:
    ///   - model: The model's folder.
    ///   - store: Where runs are looked for, besides the store that the folder lies in.
    package init?(of model: FilePath, in store: Store) {
        guard let bytes = try? FileSystem.read(model.appending(ArtifactRecord.fileName)),
            let record = try? ArtifactRecord(parsing: bytes)
        else { return nil }
        for store in Self.stores(around: model, record, given: store) {
            let others = store.experimentsWithRuns().filter { $0 != record.experiment }
            for experiment in [record.experiment] + others {
                for folder in store.runs(of: experiment).reversed() {
                    guard let run = try? RunRecord.read(folder),
                        let compared = ComparedModel(record.fingerprint, run, store)
                    else { continue }
                    guard let point = compared.point else { return nil }
                    self = point
                    return
                }
            }
        }
        return nil
    }

    fileprivate init(
        experiment: String, label: String, setting: String, method: String, options: [String: JSONValue],
        data: FilePath?, grader: String?
    ) {
        (self.experiment, self.label, self.setting) = (experiment, label, setting)
        (self.method, self.options, self.data, self.grader) = (method, options, data, grader)
    }

    /// The store that an artifact's folder lies in, by the names of the folders above it, and the given one.
    private static func stores(around model: FilePath, _ record: ArtifactRecord, given: Store) -> [Store] {
        guard var rest = try? FileSystem.absolute(model).lexicallyNormalized() else { return [given] }
        rest.removeLastComponent()
        for name in FilePath(record.experiment).components.reversed() {
            guard rest.lastComponent == name else { return [given] }
            rest.removeLastComponent()
        }
        return rest == given.place ? [given] : [Store(rest), given]
    }
}

/// What the tables of one run say of a model.
private struct ComparedModel {
    /// The point that stands for it; nil where no setting of it reaches the target.
    let point: OperatingPoint?

    /// The curve that tables are about unless they say otherwise, see ``AUPStage``.
    private static let usualSubject = "d3LLM"

    private struct Candidate {
        let point: OperatingPoint
        let isSubject: Bool
        let tpf: Double
    }

    /// Nil where no table of the run has a curve of the model.
    init?(_ fingerprint: String, _ run: RunRecord, _ store: Store) {
        let entries = Dictionary(
            run.stages.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
        guard entries[fingerprint] != nil else { return nil }
        func artifact(_ reference: String) -> Artifact? {
            entries[InputReference(reference).fingerprint].flatMap { try? store.artifact(of: $0) }
        }
        var candidates: [Candidate] = []
        var isCompared = false
        for entry in run.stages {
            guard let table = (try? store.artifact(of: entry))?.record,
                table.recipe["kind"]?.string == AUPStage.name
            else { continue }
            let subject = table.recipe["config"]?["subject"]?.string ?? Self.usualSubject
            for curve in table.recipe["inputs"]?["curves"]?.array ?? [] {
                let settings = (curve["artifacts"]?.array ?? []).map { $0.string.flatMap(artifact)?.record }
                func isOwn(_ setting: ArtifactRecord?) -> Bool {
                    setting?.input("model") == fingerprint
                }
                guard let label = curve["label"]?.string, settings.contains(where: isOwn) else { continue }
                isCompared = true
                let records = settings.compactMap { $0 }
                guard let measures = table.metrics["methods"]?[label], records.count == settings.count,
                    let name = measures["setting"]?.string,
                    let index = SettingNames.of(records.map(\.recipe)).firstIndex(of: name),
                    isOwn(records[index]),
                    let point = OperatingPoint(
                        run.experiment, label, name, records[index],
                        data: records[index].input("data").flatMap(artifact)?.folder)
                else { continue }
                candidates.append(
                    Candidate(
                        point: point, isSubject: label == subject, tpf: measures["tpf"]?.double ?? 0))
            }
        }
        guard isCompared else { return nil }
        // The curve that the table is about, else the fastest; the first of equals.
        let own = candidates.filter(\.isSubject)
        let left = own.isEmpty ? candidates : own
        let fastest = left.map(\.tpf).max()
        point = left.first { $0.tpf == fastest }?.point
    }
}

extension OperatingPoint {
    /// The setting of a stage that decoded; nil where this version of the program doesn't know it.
    fileprivate init?(
        _ experiment: String, _ label: String, _ setting: String, _ stage: ArtifactRecord, data: FilePath?
    ) {
        let config = stage.recipe["config"]
        guard let decoder = config?["decoder"]?.object, let method = decoder["method"]?.string else {
            return nil
        }
        let options = Dictionary(
            decoder.members.filter { $0.key != "method" }.map { ($0.key, $0.value) },
            uniquingKeysWith: { first, _ in first })
        guard (try? DecodingMethod.named(method).setup(options)) != nil else { return nil }
        self.init(
            experiment: experiment, label: label, setting: setting, method: method, options: options,
            data: data, grader: config?["grader"]?.string)
    }
}

extension ArtifactRecord {
    /// The fingerprint of the one artifact that a key refers to.
    fileprivate func input(_ key: String) -> String? {
        recipe["inputs"]?[key]?.string.map { InputReference($0).fingerprint }
    }
}
