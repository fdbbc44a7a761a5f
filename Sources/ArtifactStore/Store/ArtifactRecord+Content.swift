import Files
import JSON
import Recipes

extension ArtifactRecord {
    /// SHA-256 over the names, sizes and hashes of the files and over the metrics: all that later stages can read.
    ///
    /// What an artifact was made from is recorded by this too, so that another artifact of the same recipe, or the same
    /// one with files exchanged, can't take an input's place unnoticed.
    package var content: String? {
        let value: JSONValue = ["files": self.value["files"] ?? .null, "metrics": metrics]
        return (try? value.canonicalBytes()).map { SHA256.hex(of: $0) }
    }

    /// One artifact that this one was made from.
    package struct Input {
        /// The key of the stage.
        package let key: String
        /// As the recipe has it: a fingerprint, perhaps with a part.
        package let fingerprint: String
        /// As the configuration had it: `@stage`.
        package let reference: String
        /// The name of the artifact's folder.
        package let folder: String?
        /// See ``content``; nil in older records.
        package let content: String?
    }

    /// All artifacts that this one was made from; nil when recipe and references don't fit together.
    package var inputList: [Input]? {
        var list: [Input] = []
        for member in recipe["inputs"]?.object?.members ?? [] {
            let named = inputs[member.key]?.array ?? []
            let fingerprints = Self.references(in: member.value).map { InputReference($0).fingerprint }
            guard named.count == fingerprints.count else { return nil }
            for (fingerprint, entry) in zip(fingerprints, named) {
                list.append(
                    Input(
                        key: member.key, fingerprint: fingerprint,
                        reference: entry["reference"]?.string ?? "?", folder: entry["artifact"]?.string,
                        content: entry["content"]?.string))
            }
        }
        return list
    }

    /// A recipe holds one reference, a list, or lists under labels.
    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .string(let reference): [reference]
        case .array(let elements):
            elements.flatMap { element in
                references(in: element["artifacts"] ?? element)
            }
        default: []
        }
    }
}
