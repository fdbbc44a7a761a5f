internal import Base
import Recipes

extension Verification {
    /// The same for people: a heading per step, a line per check, a summary.
    package var text: String {
        var text = "\(run.visible)\n"
        let width = min(60, checks.map(\.subject.visible.count).max() ?? 0)
        for step in Step.allCases {
            let own = checks.filter { $0.step == step }
            guard !own.isEmpty else { continue }
            text += "\n\(step.title)\(step == .samples ? samplingText : "")\n"
            for check in own { text += Self.line(check, width: width) }
        }
        let note = imported.map { "\($0) That everything holds doesn't say who made it.\n" } ?? ""
        return text + "\n\(note)\(summary)\n"
    }

    private var samplingText: String {
        guard let sampling else { return "" }
        return
            " (\(Readable.count(sampling.drawn)) of \(Readable.count(sampling.total)), drawn with --seed \(sampling.seed))"
    }

    private static func line(_ check: Check, width: Int) -> String {
        // Texts of the record that is checked: they stay on their line.
        let subject = check.subject.visible
        let padding = String(repeating: " ", count: max(0, width - subject.count))
        let head = "\(subject)\(padding)  "
        switch check.outcome {
        case .holds(let what): return "  ok       \(head)\(what.visible)\n"
        case .broken(let problems):
            let indent = "\n" + String(repeating: " ", count: 11 + width + 2)
            return "  BROKEN   \(head)\(problems.map(\.visible).joined(separator: indent))\n"
        case .unchecked(let reason): return "  unknown  \(head)\(reason.visible)\n"
        case .leftOut(let what): return "  partial  \(head)\(what.visible)\n"
        }
    }

    private var summary: String {
        let checked = checks.count
        let leftOut = counts[3].count
        guard !holds else {
            return leftOut == 0
                ? "All \(checked) checks hold."
                : "All \(checked - leftOut) checks that can be made hold; \(leftOut) need files that were left out of the bundle."
        }
        let broken = counts[1].count
        let unchecked = counts[2].count
        var parts: [String] = []
        if broken > 0 { parts.append("\(broken) of \(checked) checks found something that doesn't hold") }
        if unchecked > 0 { parts.append("\(unchecked) of \(checked) couldn't be made") }
        return parts.joined(separator: "; ") + "."
    }
}
