import ArtifactStore
internal import Base
import Recipes

extension Plan {
    /// A table for people: stage, status, what it would take where that was asked for, reason; then the sums.
    package var text: String {
        var rows = entries.map { [$0.stage.visible, $0.status.rawValue] }
        if forecast != nil {
            for (index, entry) in entries.enumerated() {
                let isKnown = entry.forecast != nil
                rows[index] += [
                    entry.forecast?.seconds.map(Readable.span) ?? (entry.status == .cached ? "" : "?"),
                    isKnown ? entry.forecast?.memory.map(Readable.size) ?? "?" : "",
                ]
            }
        }
        let columns = rows.first?.count ?? 0
        let widths = (0..<columns).map { column in
            // The status keeps one width, so that plans of different states line up.
            max(rows.map { $0[column].count }.max() ?? 0, column == 1 ? 11 : 0)
        }
        let lines = zip(rows, entries).map { row, entry in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) + "  " }.joined()
                + entry.reason.visible
        }
        let cached = entries.count { $0.status == .cached }
        return lines.joined(separator: "\n") + "\n\n\(cached) of \(entries.count) stages are cached.\n"
            + looks + (imported.map { "\($0)\n" } ?? "") + calibrations + (forecast?.text ?? "")
    }

    /// How far repeats go at least and at most; empty where all stages are made.
    private var looks: String {
        guard let until = experiment.until, let first = until.looks.first, let last = until.looks.last else {
            return ""
        }
        let further = until.looks.dropFirst().map { "\($0.repeats)" }.joined(separator: ", ")
        let open = entries.count { first.stages.contains($0.stage) && $0.status != .cached }
        return "These are all of at most \(last.repeats) repeats. The first look is after \(first.repeats) "
            + "(\(first.stages.count) stages, \(open) to make)"
            + (further.isEmpty ? ".\n" : "; while a claim is open, the next ones are after \(further).\n")
    }

    /// Which kinds' times are scaled, by how much, and from what.
    private var calibrations: String {
        var kinds: [(name: String, found: [Calibration])] = []
        for (entry, stage) in zip(entries, experiment.stages) {
            guard let calibration = entry.calibrated?.calibration else { continue }
            if let index = kinds.firstIndex(where: { $0.name == stage.recipe.kind }) {
                kinds[index].found.append(calibration)
            } else {
                kinds.append((stage.recipe.kind, [calibration]))
            }
        }
        guard let example = kinds.first?.found.first?.artifacts.first else { return "" }
        let ratios = kinds.map { kind in
            let ratios = kind.found.map(\.ratio)
            let (low, high) = (Readable.factor(ratios.min() ?? 1), Readable.factor(ratios.max() ?? 1))
            return "\(kind.name) \(low == high ? low : "\(low) to \(high)")"
        }
        let others = Set(kinds.flatMap(\.found).flatMap(\.artifacts)).count - 1
        let source = example + (others == 0 ? "" : " and \(others) more")
        return "Times are scaled by those of earlier runs on this machine (\(source)): "
            + "\(ratios.joined(separator: ", ")) times what was measured now.\n"
    }
}

extension Readable {
    /// A ratio with two decimals.
    static func factor(_ ratio: Double) -> String {
        guard ratio.isFinite, ratio >= 0, ratio < 1e12 else { return "?" }
        let hundredths = Int((ratio * 100).rounded())
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }
}
