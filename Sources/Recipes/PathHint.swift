internal import Base

/// Finds the path that somebody meant who wrote another one.
package enum PathHint {
    /// The path among `candidates` that is most like `path`: one that has it at its end, as `stages.student.steps` has
    /// `student.steps`; the only one with the same stage and the same last key, as `stages.d3llm.decoder.threshold` for
    /// `stages.d3llm.threshold`; or the nearest in spelling.
    package static func nearest(to path: String, among candidates: [String]) -> String? {
        if let longer = only(candidates.filter { $0.byteText.hasSuffix(".\(path)") }) { return longer }
        let pieces = path.byteText.split(".").map(\.text)
        let wanted = pieces.filter { !ConfigPath.sections.contains($0) }
        if let last = wanted.last, wanted.count > 1 {
            let alike = candidates.filter { candidate in
                let parts = candidate.byteText.split(".").map(\.text)
                return parts.last == last && parts.contains(wanted[0])
            }
            if let one = only(alike) { return one }
        }
        return NearestName.nearest(to: path, among: candidates)
    }

    private static func only(_ names: [String]) -> String? { names.count == 1 ? names.first : nil }
}
