internal import Base
package import JSON
internal import SystemPackage

/// What `d3llm notebook` says of several notebooks.
package struct NotebookReport: Sendable {
    /// What came of each notebook, in the order given.
    package let renderings: [Notebook.Rendering]
    /// Whether files stay as they are.
    package let isCheck: Bool

    /// Joins what came of the notebooks.
    package init(_ renderings: [Notebook.Rendering], isCheck: Bool) {
        self.renderings = renderings
        self.isCheck = isCheck
    }

    /// How many findings of a kind there are in all notebooks.
    package func count(_ kind: NotebookFinding.Kind) -> Int {
        renderings.reduce(0) { $0 + $1.count(kind) }
    }

    /// One line for each finding and one for each notebook.
    package var text: String {
        renderings.map { rendering in
            var lines: [String] = rendering.findings.filter { isCheck || $0.kind != .stale }
                .map(\.description)
            lines.append("\(rendering.path): \(summary(rendering))")
            if isCheck, rendering.count(.stale) > 0 {
                lines.append("Mend it with: d3llm notebook \(ShellWord.quoted(rendering.path.string))")
            }
            return lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    private func summary(_ rendering: Notebook.Rendering) -> String {
        let stale = rendering.count(.stale)
        let wrong = rendering.count(.marker) + rendering.count(.results)
        var parts = [Self.counted(rendering.blocks, "block")]
        if stale > 0 { parts.append(isCheck ? "\(stale) stale" : "\(stale) rendered again") }
        if wrong > 0 { parts.append(Self.counted(wrong, "problem")) }
        if stale + wrong == 0 { parts.append("all as recorded") }
        parts.append(
            Self.counted(rendering.checkedFolders, "folder") + " of results checked against digests")
        if !rendering.comparedRuns.isEmpty {
            parts.append(Self.counted(rendering.comparedRuns.count, "run") + " compared with the store")
        }
        if !rendering.unchecked.isEmpty {
            parts.append("no digest for \(rendering.unchecked.joined(separator: ", "))")
        }
        return parts.joined(separator: "; ") + "."
    }

    private static func counted(_ count: Int, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }

    /// The same as JSON: `{"notebooks": [{"file", "blocks", "findings": [{"kind", "line", "column", "message"}], …}]}`.
    package var value: JSONValue {
        [
            "notebooks": .array(
                renderings.map { rendering in
                    [
                        "file": .string(rendering.path.string), "blocks": .integer(rendering.blocks),
                        "findings": .array(
                            rendering.findings.map {
                                [
                                    "kind": .string($0.kind.rawValue), "line": .integer($0.line),
                                    "column": .integer($0.column), "message": .string($0.message),
                                ]
                            }),
                        "checkedFolders": .integer(rendering.checkedFolders),
                        "comparedRuns": .array(rendering.comparedRuns.map { .string($0) }),
                        "unchecked": .array(rendering.unchecked.map { .string($0) }),
                    ]
                })
        ]
    }
}
