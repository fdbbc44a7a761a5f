import Recipes

/// What is known of the progress of one running stage.
package struct RunningStage: Sendable {
    /// Which of the running stages it is.
    package struct ID: Hashable, Sendable {
        package let number: Int
    }

    /// A stretch of work of countable units.
    struct Stretch: Sendable {
        /// How many units there are; nil when that isn't known.
        package var total: Int?
        /// What is counted, in the plural.
        package var unit: String
        /// Units that an earlier process did; they don't count for the rate.
        var inherited: Int
        var done: Int
        package var start: ContinuousClock.Instant
    }

    package let id: ID
    let label: String
    package var start: ContinuousClock.Instant
    /// Set while it waits for something, instead of working: what for.
    package var waiting: String?
    var stretch: Stretch?
    /// What to show besides, such as the current loss.
    package var note: String?
    /// When it last had a line, where every line stays.
    var lastShown: ContinuousClock.Instant
    /// When it last had a line in the record of the log.
    var lastRecorded: ContinuousClock.Instant

    package init(_ id: ID, label: String, now: ContinuousClock.Instant) {
        self.id = id
        self.label = label
        (start, lastShown, lastRecorded) = (now, now, now)
    }

    /// "120 of 300 steps (40%)"; nil before a stretch has begun.
    package var count: String? {
        stretch.map { stretch in
            guard let total = stretch.total else { return "\(Readable.count(stretch.done)) \(stretch.unit)" }
            return "\(Readable.count(stretch.done)) of \(Readable.count(total)) \(stretch.unit)"
        }
    }

    /// From 0 to 1; nil where the end isn't known.
    var share: Double? {
        stretch.flatMap { stretch in
            stretch.total.map { $0 > 0 ? min(1, max(0, Double(stretch.done) / Double($0))) : 1 }
        }
    }

    /// "12.3 steps/s", "15 s left", the note: those that are known.
    package func details(_ now: ContinuousClock.Instant) -> [String] {
        var parts: [String] = []
        if let stretch {
            let elapsed = stretch.start.duration(to: now).inSeconds
            let fresh = stretch.done - stretch.inherited
            if fresh > 0, elapsed > 0 {
                let rate = Double(fresh) / elapsed
                parts.append("\(Readable.rate(rate)) \(stretch.unit)/s")
                if let total = stretch.total, total > stretch.done {
                    parts.append("\(Readable.duration(Double(total - stretch.done) / rate)) left")
                }
            }
        }
        if let note { parts.append(note) }
        return parts
    }
}
