internal import ArtifactStore
internal import Base
internal import Recipes
internal import Runs

/// A run that goes on, as lines for a terminal: what is done, what is running, losses and samples as they come.
///
/// Texts of the store are made visible.
package struct WatchView {
    /// Whether characters beyond ASCII may be used.
    package var isUnicode: Bool
    package var columns: Int
    package var rows: Int

    package init(isUnicode: Bool, columns: Int, rows: Int) {
        (self.isUnicode, self.columns, self.rows) = (isUnicode, columns, rows)
    }

    /// The lines, `rows` of them at most.
    package func lines(_ run: LiveRun, isSilent: Bool) -> [String] {
        var lines = [head(run, isSilent: isSilent)]
        let running = run.stages.filter { $0.state == .running || $0.state == .waiting }
        // Each running stage gets the same share of the rows for its samples.
        let room = max(0, (rows - 4 - 3 * running.count) / max(1, running.count))
        for stage in running {
            lines.append("")
            lines += block(stage, of: run, samples: min(5, room))
        }
        let failed = run.stages.filter { $0.state == .failed }
        let done = run.stages.filter { $0.state == .done }
        let open = run.stages.filter { $0.state == .open }
        if !failed.isEmpty || !done.isEmpty || !open.isEmpty { lines.append("") }
        lines += failed.map { "failed: \($0.name): \($0.summary ?? "")" }
        // The newest results stand last, where they are looked for.
        let left = max(1, rows - lines.count - (open.isEmpty ? 0 : 1))
        lines += done.suffix(left).map { "done: \($0.name): \($0.summary ?? "")" }
        if !open.isEmpty { lines.append("open: \(open.map(\.name).joined(separator: ", "))") }
        return lines.prefix(max(1, rows)).map(\.visible)
    }

    private func head(_ run: LiveRun, isSilent: Bool) -> String {
        let done = run.stages.count { $0.state == .done }
        if let record = run.record {
            return
                "\(run.address): \(record.status.rawValue) after \(Readable.span(record.seconds)), \(done) of \(run.stages.count) stages done"
        }
        if isSilent {
            return
                "\(run.address): nothing was heard of it lately; it was killed, or its machine can't write. \(done) of \(run.stages.count) stages done"
        }
        guard let progress = run.progress else {
            return "\(run.address): running, \(done) of \(run.stages.count) stages done"
        }
        return "\(run.address): \(Readable.span(progress.seconds)), \(progress.line)"
    }

    private func block(_ stage: LiveRun.Stage, of run: LiveRun, samples count: Int) -> [String] {
        var lines = [stage.name + "  " + (stage.progress.map(told) ?? "")]
        let points = run.training(of: stage)
        if let last = points.last {
            let norm = last.gradientNorm.map { ", gradient norm \(Self.number($0))" } ?? ""
            let rate = last.rateFactor.map { ", rate \(Self.number($0))" } ?? ""
            lines.append("  \(last.phase), step \(last.step): loss \(Self.number(last.loss))\(norm)\(rate)")
            if let curve = curve(points.map(\.loss)) { lines.append("  \(curve)") }
        }
        lines += run.samples(of: stage, last: count).map { "  \(Self.told($0, isUnicode: isUnicode))" }
        return lines
    }

    /// "37 of 60 steps (61%), 2.1 steps/s, 11 s left".
    private func told(_ progress: RunProgress.Stage) -> String {
        if let waiting = progress.waiting { return waiting }
        guard let done = progress.done, let unit = progress.unit else {
            return Readable.duration(progress.seconds)
        }
        let total = progress.total.map { " of \(Readable.count($0))" } ?? ""
        let share = progress.share.map { " (\(Int($0 * 100))%)" } ?? ""
        let rate = progress.perSecond.map { "\(Readable.rate($0)) \(unit)/s" }
        let left = progress.secondsLeft.flatMap { $0 > 0 ? "\(Readable.duration($0)) left" : nil }
        return ["\(Readable.count(done))\(total) \(unit)\(share)", rate, left].compactMap(\.self)
            .joined(separator: ", ")
    }

    /// A sample on one line: whether it is right, and how it begins.
    package static func told(_ sample: LiveRun.Sample, isUnicode: Bool) -> String {
        let verdict: String? = sample.isCorrect.map { isCorrect in
            isUnicode ? isCorrect ? "✓" : "✗" : isCorrect ? "right" : "wrong"
        }
        let text = sample.text.map { ": \($0)" } ?? ""
        return [verdict, "\(sample.key)\(text)"].compactMap(\.self).joined(separator: " ")
    }

    /// The course of a number as a row of bars, with the values at its ends; nil without characters for it, and for one value.
    private func curve(_ values: [Double]) -> String? {
        guard isUnicode, values.count > 1, let first = values.first, let last = values.last,
            let low = values.min(), let high = values.max()
        else { return nil }
        let ends = (Self.number(first), Self.number(last))
        let width = max(4, min(60, columns - ends.0.count - ends.1.count - 8))
        let bars = Array("▁▂▃▄▅▆▇█")
        let count = min(width, values.count)
        let row = (0..<count).map { index -> Character in
            let range = values[(index * values.count / count)..<((index + 1) * values.count / count)]
            let mean = range.reduce(0, +) / Double(max(1, range.count))
            let share = high > low ? (mean - low) / (high - low) : 0
            return bars[min(bars.count - 1, max(0, Int(share * Double(bars.count))))]
        }
        return "\(ends.0) \(String(row)) \(ends.1)"
    }

    /// Three significant places or so: "0.149", "12.3".
    package static func number(_ value: Double) -> String {
        let places = value.magnitude >= 100 ? 0 : value.magnitude >= 10 ? 1 : 3
        let scale = [1.0, 10, 100, 1000][places]
        let rounded = (value * scale).rounded() / scale
        return places == 0 && rounded.magnitude < 1e15 ? "\(Int(rounded))" : "\(rounded)"
    }
}
