import ArtifactStore
package import JSON
import Recipes
import SystemPackage

extension Plan {
    /// The plan for programs: each stage with status, reason and forecast, then the sums.
    ///
    /// Keys are added in later versions, never given another meaning. Sizes are in bytes, times in seconds.
    package var value: JSONValue {
        [
            "experiment": .string(experiment.name),
            "stages": .array(
                zip(entries, experiment.stages).map { entry, stage in
                    var object = head(of: entry, stage)
                    object["reason"] = .string(entry.reason)
                    object["forecast"] = entry.calibrated?.value ?? .null
                    return .object(object)
                }),
            "cached": .integer(entries.count { $0.status == .cached }),
            "forecast": forecast?.value ?? .null,
            "looks": experiment.until.map { until in
                .array(
                    until.looks.map { look in
                        [
                            "repeats": .integer(look.repeats), "decision": .string(look.decision),
                            "stages": .integer(look.stages.count),
                        ]
                    })
            } ?? .null,
        ]
    }

    /// For programs, what ``reasons(for:)`` says: each difference to the nearest recipe in the store, and behind each
    /// input that changed the reason for that.
    ///
    /// - Parameter name: A stage, with all its variants, or one variant.
    /// - Throws: `UnknownStageError`.
    package func reasonsValue(for name: String) throws(UnknownStageError) -> JSONValue {
        let wanted = Set(try entries(of: name).map(\.stage))
        let chosen = zip(entries, experiment.stages).filter { wanted.contains($0.0.stage) }
        return [
            "experiment": .string(experiment.name),
            "stages": .array(
                chosen.map { entry, stage in
                    var object = head(of: entry, stage)
                    object["reason"] = .string(entry.reason)
                    object["nearest"] = entry.nearest?.value ?? .null
                    object["changes"] = .array(entry.changes.map(\.value))
                    return .object(object)
                }),
        ]
    }

    private func head(of entry: Entry, _ stage: Stage) -> JSONObject {
        [
            "stage": .string(entry.stage), "kind": .string(stage.recipe.kind),
            "status": .string(entry.status.key), "fingerprint": .string(stage.fingerprint),
            "folder": .string(entry.folder.string), "origin": entry.origin?.value ?? .null,
        ]
    }
}

extension Plan.Entry.Status {
    /// One word for programs.
    fileprivate var key: String {
        switch self {
        case .cached: "cached"
        case .resume: "resume"
        case .run: "run"
        }
    }
}

extension Plan.Nearest {
    fileprivate var value: JSONValue {
        [
            "folder": .string(folder.string), "sameStage": .bool(isSameStage), "seconds": .number(duration),
            "peakMemoryBytes": .integer(peakMemory), "sizeBytes": .integer(size),
        ]
    }
}

extension CalibratedForecast {
    fileprivate var value: JSONValue {
        [
            "seconds": number(forecast.seconds), "memoryBytes": number(forecast.memory),
            "diskBytes": number(forecast.disk), "scratchBytes": number(forecast.scratch),
            "download": download,
            "measuredSeconds": number(measured.seconds),
            "calibration": calibration.map {
                ["ratio": .number($0.ratio), "artifacts": .array($0.artifacts.map(JSONValue.string))]
            } ?? .null,
        ]
    }

    /// Bytes, the word "unknown", or null for stages that download nothing.
    private var download: JSONValue {
        switch forecast.download {
        case nil: .null
        case .bytes(let bytes): .integer(bytes)
        case .unknown: "unknown"
        }
    }

    private func number(_ number: Double?) -> JSONValue {
        number.flatMap { $0.isFinite ? .number(($0 * 1000).rounded() / 1000) : nil } ?? .null
    }

    private func number(_ number: Int?) -> JSONValue { number.map(JSONValue.integer) ?? .null }
}

extension RecipeChange {
    /// `because` is null, "recipe", "kind", "part" or "unknown"; see ``Cause``.
    fileprivate var value: JSONValue {
        var object: JSONObject = [
            "field": .string(difference.field), "old": difference.old.map(JSONValue.string) ?? .null,
            "new": difference.new.map(JSONValue.string) ?? .null, "input": .bool(difference.isInput),
        ]
        switch cause {
        case nil: object["because"] = .null
        case .recipe(let stage, let changes):
            object["because"] = "recipe"
            object["stage"] = .string(stage)
            object["changes"] = .array(changes.map(\.value))
        case .kind(let stage, let old, let new):
            object["because"] = "kind"
            object["stage"] = .string(stage)
            object["oldKind"] = .string(old)
            object["newKind"] = .string(new)
        case .part(let stage):
            object["because"] = "part"
            object["stage"] = .string(stage)
        case .unknown(let stage):
            object["because"] = "unknown"
            object["stage"] = .string(stage)
        }
        return .object(object)
    }
}
