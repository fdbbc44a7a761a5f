extension ProgressReporter {
    /// Gives a piece of work that is no stage a line of its own, until ``TaskProgress/end(_:)``.
    ///
    /// - Parameters:
    ///   - label: What it is called.
    ///   - total: How many units there are; nil when that isn't known.
    ///   - unit: What is counted, in the plural.
    package func task(_ label: String, total: Int?, unit: String) -> TaskProgress {
        let line = begin(label)
        beginStretch(line, total: total, unit: unit, done: 0)
        return TaskProgress(reporter: self, line: line)
    }
}

/// The line of a piece of work that is no stage.
package struct TaskProgress: Sendable {
    package let reporter: ProgressReporter
    package let line: RunningStage.ID

    /// Counts units that are done.
    package func advance(by count: Int) { reporter.advance(line, by: count, note: nil) }

    /// Takes the line away and leaves one that stays; none without a message.
    package func end(_ message: String? = nil) { reporter.end(line, message) }
}
