import ArtifactStore
internal import Base
import JSON
import Recipes

/// Stages as they were when their artifacts were made, read back from the recipes.
final class PastStages {
    private let kinds: [String: any StageKind.Type]
    private let catalog: StoreCatalog
    private var known: [String: FactFinder.Source?] = [:]

    /// - Parameter kinds: The kinds that can be read; artifacts of others are passed over.
    package init(_ kinds: [any StageKind.Type], _ catalog: StoreCatalog) {
        self.kinds = Dictionary(kinds.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        self.catalog = catalog
    }

    /// The stage that made the artifact with this fingerprint, its references being fingerprints too; nil where it
    /// can't be read any more.
    package subscript(fingerprint: String) -> FactFinder.Source? {
        if let stage = known[fingerprint] { return stage }
        let stage = catalog[fingerprint].flatMap { read($0.record) }
        known[fingerprint] = stage
        return stage
    }

    private func read(_ record: ArtifactRecord) -> FactFinder.Source? {
        guard let kind = record.kind.flatMap({ kinds[$0] }), record.recipe["version"]?.int == kind.version,
            var object = record.recipe["config"]?.object
        else { return nil }
        var inputs: [String] = []
        for input in record.recipe["inputs"]?.object?.members ?? [] {
            // Kinds have their references at the top; one further down would have to be put in its place.
            guard !input.key.byteText.contains("."), let value = references(input.value, &inputs) else {
                return nil
            }
            if value != .null { object[input.key] = value }
        }
        guard let bytes = try? JSONValue.object(object).compactBytes(),
            let document = try? JSONDocument(parsing: bytes, name: "recipe")
        else { return nil }
        let node = document.root
        let directory = StageDirectory(
            entries: Set(inputs).map { fingerprint in
                .init(
                    name: fingerprint, kind: catalog[fingerprint]?.record.kind.flatMap { kinds[$0] },
                    variants: [fingerprint])
            })
        let references = StageReferences(directory: directory)
        let session = ReadingSession(subject: "a recipe", context: references)
        let fields = Fields(node, anchor: node.origin, path: [], session: session)
        let implementation = kind.init(fields)
        fields.finish()
        // A placeholder stands for a reference to an artifact that is gone.
        guard session.diagnostics.isEmpty,
            references.inputs.flatMap(\.references).allSatisfy({ !$0.stage.isEmpty })
        else { return nil }
        return .init(implementation: implementation, record: record)
    }

    /// References as a configuration writes them: the fingerprints with an @ before them.
    private func references(_ value: JSONValue, _ inputs: inout [String]) -> JSONValue? {
        switch value {
        case .null: return .null
        case .string(let text):
            inputs.append(InputReference(text).fingerprint)
            return .string("@\(text)")
        case .array(let elements):
            if elements.contains(where: { $0["label"] != nil }) {
                var object = JSONObject()
                for element in elements {
                    guard let label = element["label"]?.string, let artifacts = element["artifacts"],
                        let value = references(artifacts, &inputs)
                    else { return nil }
                    object[label] = value
                }
                return .object(object)
            }
            let values = elements.compactMap { references($0, &inputs) }
            return values.count == elements.count ? .array(values) : nil
        default: return nil
        }
    }
}
