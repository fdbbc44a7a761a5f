import ArtifactStore
internal import Base
package import JSON
import Recipes
import SystemPackage

extension ExportSummary {
    /// What was exported, for people.
    package var text: String {
        var text = """
            \(run.visible): \(Self.count(artifacts, "artifact")), \(Self.count(files, "file")) of \(Readable.size(contentSize))
            \(file): \(Readable.size(size)), SHA-256 \(sha256)

            """
        if !leftOut.isEmpty {
            let size = Readable.size(leftOut.reduce(0) { $0 + $1.size })
            text +=
                "Left out, with their hashes listed: \(Self.count(leftOut.count, "file")) of weights, \(size) (--with-weights packs them)\n"
            for file in leftOut {
                guard let address = file.address else { continue }
                text += "  \(file.path.visible): SHA-256 \(file.sha256), from \(address.visible)\n"
            }
        }
        return text
    }

    /// The same as JSON.
    package var value: JSONValue {
        [
            "run": .string(run), "file": .string(file.string), "artifacts": .integer(artifacts),
            "files": .integer(files), "contentBytes": .integer(contentSize), "sizeBytes": .integer(size),
            "sha256": .string(sha256),
            "leftOut": .array(
                leftOut.map {
                    [
                        "path": .string($0.path), "sizeBytes": .integer($0.size),
                        "sha256": .string($0.sha256),
                        "address": .text($0.address),
                    ]
                }),
        ]
    }

    fileprivate static func count(_ count: Int, _ noun: String) -> String {
        "\(Readable.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension ImportSummary {
    /// What was imported, for people.
    package var text: String {
        let kinds: [(Entry.Outcome, String)] = [
            (.imported, "new"), (.completed, "completed with weights"), (.kept, "there already"),
        ]
        let parts = kinds.compactMap { outcome, words -> String? in
            let count = artifacts.count { $0.outcome == outcome }
            return count > 0 ? "\(count) \(words)" : nil
        }
        var text = "\(run.visible): \(isNewRun ? "imported" : "was there already")\n"
        text += "\(ExportSummary.count(artifacts.count, "artifact")): \(parts.joined(separator: ", "))\n"
        let incomplete = artifacts.count { !$0.missing.isEmpty }
        if incomplete > 0 {
            text +=
                "\(ExportSummary.count(incomplete, "artifact")) without weights: to be checked and read, not to be gone on from\n"
        }
        return text + "Check it with: d3llm verify \(ShellWord.quoted(run))\n"
    }

    /// The same as JSON.
    package var value: JSONValue {
        [
            "run": .string(run), "newRun": .bool(isNewRun),
            "artifacts": .array(
                artifacts.map {
                    [
                        "folder": .string($0.folder), "outcome": .string($0.outcome.rawValue),
                        "missing": .array($0.missing.map(JSONValue.string)),
                    ]
                }),
        ]
    }
}
