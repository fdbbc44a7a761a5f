internal import Evaluation
internal import SystemPackage

extension Coverage {
    /// For terminals, where the table would be too wide: a paragraph for each item, and the shares.
    package var text: String {
        var lines: [String] = []
        for kind in CoverageItem.Kind.allCases {
            lines += ["\(kind.rawValue.uppercased())S", ""]
            for entry in entries where entry.item.kind == kind { lines += paragraph(entry) + [""] }
        }
        return (lines + summary + ["", note]).joined(separator: "\n") + "\n"
    }

    private func paragraph(_ entry: Entry) -> [String] {
        let item = entry.item
        var state = item.state.rawValue
        if let verdict = entry.verdict { state += ": \(verdict)" }
        if let cells = entry.cells, item.state != .outOfReach {
            state += ", \(cells.covered) of \(cells.all) cells"
        }
        if let verdict = entry.publishedVerdict { state += "; on the published numbers: \(verdict.rawValue)" }
        return ["\(item.work): \(item.title)", "  \(state)", "  \(item.reason)"]
            + [item.config.map { "  \($0)" }, item.record.map { "  \($0.file)" }].compactMap { $0 }
    }
}
