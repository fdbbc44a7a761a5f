package import JSON
import SystemPackage

extension RunRecord {
    package var value: JSONValue {
        var object: JSONObject = [
            "format": .integer(Self.format), "experiment": .string(experiment),
            "status": .string(status.rawValue), "message": .text(message),
            "stages": .array(stages.map(\.value)), "started": .string(started),
            "finished": .string(finished), "seconds": .number(seconds),
            "arguments": .array(arguments.map(JSONValue.string)),
        ]
        if let look {
            object["look"] = [
                "number": .integer(look.number), "of": .integer(look.count),
                "repeats": .integer(look.repeats),
                "maximum": .integer(look.maximum),
                "open": look.open.map { .array($0.map(JSONValue.string)) } ?? .null,
            ]
        }
        if let config {
            object["config"] = [
                "file": .string(config.file), "overrides": .array(config.overrides.map(JSONValue.string)),
            ]
        }
        object["code"] = code
        object["machine"] = machine
        object["environment"] = .object(
            JSONObject(environment.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        return .object(object)
    }
}

extension RunRecord.Entry {
    /// Keys that mean nothing for the stage are left out.
    package var value: JSONValue {
        var object: JSONObject = [
            "stage": .string(stage), "artifact": .string(artifact.string),
            "fingerprint": .string(fingerprint), "status": .string(status.rawValue),
            "seconds": .number(seconds),
        ]
        if let peakMemory { object["peakMemoryBytes"] = .integer(peakMemory) }
        if let stagesAtOnce { object["stagesAtOnce"] = .integer(stagesAtOnce) }
        if let threads { object["threads"] = .integer(threads) }
        if let forecast {
            object["forecast"] = [
                "seconds": forecast.seconds.map(JSONValue.number) ?? .null,
                "memory": forecast.memory.map(JSONValue.integer) ?? .null,
                "disk": forecast.disk.map(JSONValue.integer) ?? .null,
            ]
        }
        if let origin { object[ArtifactRecord.Origin.key] = origin.value }
        if let message { object["message"] = .string(message) }
        return .object(object)
    }
}

extension JSONValue {
    /// A text, or null where there is none.
    package static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}
