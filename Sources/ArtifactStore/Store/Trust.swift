import Files
import Recipes
import SystemPackage

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
