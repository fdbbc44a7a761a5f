import Recipes

/// Turns the state of running stages into lines; knows neither clock nor terminal.
struct ProgressRenderer: Sendable {
    /// Characters of a bar's full and empty parts.
    let bar: (full: Character, empty: Character)

    package init(isUnicode: Bool) { bar = isUnicode ? ("█", "░") : ("#", "-") }

    /// For a log whose lines stay: "student: 120 of 300 steps (40%), 12.3 steps/s, 15 s left, loss 0.53".
    func plainLine(_ stage: RunningStage, now: ContinuousClock.Instant) -> String {
        if let waiting = stage.waiting { return "\(stage.label): \(waiting)" }
        guard let count = stage.count else {
            return "\(stage.label): \(Readable.duration(stage.start.duration(to: now).inSeconds))"
        }
        let percent = stage.share.map { " (\(Int($0 * 100))%)" } ?? ""
        return "\(stage.label): \(([count + percent] + stage.details(now)).joined(separator: ", "))"
    }

    /// For a terminal: one line per stage, all of them as wide as the terminal at most, the last one saying how many
    /// more there are when they don't fit.
    func liveLines(_ stages: [RunningStage], columns: Int, rows: Int, now: ContinuousClock.Instant)
        -> [String]
    {
        // A line that reaches the last column makes some terminals begin the next one.
        let width = max(20, columns - 1)
        // Above the area there should be something of the log to see.
        let limit = max(1, rows - 2)
        let shown = stages.count > limit ? Array(stages.prefix(limit - 1)) : stages
        let labelWidth = min(shown.map(\.label.count).max() ?? 0, max(12, width / 3))
        var lines = shown.map { String(liveLine($0, labelWidth, width, now).prefix(width)) }
        if shown.count < stages.count { lines.append("and \(stages.count - shown.count) more") }
        return lines
    }

    private func liveLine(
        _ stage: RunningStage, _ labelWidth: Int, _ width: Int, _ now: ContinuousClock.Instant
    ) -> String {
        let label = Self.fitted(stage.label, labelWidth)
        if let waiting = stage.waiting { return "\(label)  \(waiting)" }
        guard let count = stage.count else {
            return "\(label)  \(Readable.duration(stage.start.duration(to: now).inSeconds))"
        }
        var head = label
        if let share = stage.share {
            let percent = "\(Int(share * 100))%"
            head += "  \(bar(share, width: max(5, min(20, (width - labelWidth) / 4))))"
            head += String(repeating: " ", count: 5 - percent.count) + percent
        }
        return "\(head)  \(([count] + stage.details(now)).joined(separator: ", "))"
    }

    private func bar(_ share: Double, width: Int) -> String {
        let full = Int(share * Double(width))
        return String(repeating: bar.full, count: full) + String(repeating: bar.empty, count: width - full)
    }

    /// A label of exactly this width; of a long one, beginning and end, which tell variants apart.
    static func fitted(_ label: String, _ width: Int) -> String {
        guard label.count > width else { return label + String(repeating: " ", count: width - label.count) }
        let tail = width / 2
        return label.prefix(width - tail - 1) + "…" + label.suffix(tail)
    }
}
