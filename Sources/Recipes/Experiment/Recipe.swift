import Files
package import JSON

/// All that decides an artifact's content, and nothing else.
package struct Recipe: Sendable, Hashable {
    /// The version of the recipe's own form; raised when the meaning of its fields changes.
    package static let format = 1

    /// The kind of the stage.
    package let kind: String
    /// The version of the kind.
    package let version: Int
    /// The stage's keys with all defaults filled in, without references and without `.execution` keys.
    package let config: JSONObject
    /// What the references stand for: by key, the fingerprints of the artifacts.
    package let inputs: JSONObject
    /// What random numbers are drawn from.
    package let seed: Int

    /// The recipe as it is hashed and as `artifact.json` holds it.
    package var value: JSONValue {
        [
            "format": .integer(Self.format), "kind": .string(kind), "version": .integer(version),
            "config": .object(config), "inputs": .object(inputs), "seed": .integer(seed),
        ]
    }

    /// SHA-256 of the canonical bytes.
    ///
    /// - Throws: `JSONWritingError` for a number without a canonical form.
    package func fingerprint() throws(JSONWritingError) -> String {
        SHA256.hex(of: try value.canonicalBytes())
    }

    /// Whether a text has the form of a fingerprint, or of any other SHA-256: 64 lower-case hexadecimal digits.
    package static func isFingerprint(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    package init(
        kind: any StageDescription.Type, config: JSONObject, inputs: [StageInput], seed: Int,
        fingerprints: [String: String]
    ) {
        func text(_ reference: ArtifactReference) -> JSONValue {
            let fingerprint = fingerprints[reference.stage] ?? ""
            return .string(fingerprint + (reference.part.map { ".\($0)" } ?? ""))
        }
        self.kind = kind.name
        self.version = kind.version
        self.config = config
        self.seed = seed
        self.inputs = JSONObject(
            inputs.map { input -> (String, JSONValue) in
                switch input.value {
                case .none: (input.path, .null)
                case .one(let reference): (input.path, text(reference))
                case .list(let references): (input.path, .array(references.map(text)))
                case .labelled(let groups):
                    // A list, because the order of the labels is the order of rows in a table.
                    (
                        input.path,
                        .array(
                            groups.map {
                                ["label": .string($0.label), "artifacts": .array($0.artifacts.map(text))]
                            })
                    )
                }
            })
    }
}
