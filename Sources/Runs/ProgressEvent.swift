package import JSON

/// Something that a run's log tells, for programs that follow it.
package enum ProgressEvent: Sendable, Hashable {
    /// A stage began, or waits for another process.
    case began(String, waiting: String?)
    /// How far the countable work of a stage is; every ten seconds at most.
    case progressed(String, done: Int, total: Int?, unit: String, note: String?)
    /// A stage was made, with what it says of it; nil where it failed, stopped or waits no longer.
    case ended(String, String?)
    case said(String, isWarning: Bool)

    /// One object; the label is that of the log, such as "[3/11] teacher".
    package var value: JSONValue {
        switch self {
        case .began(let label, let waiting):
            [
                "event": "stage", "label": .string(label), "state": waiting == nil ? "started" : "waiting",
                "message": waiting.map(JSONValue.string) ?? .null,
            ]
        case .progressed(let label, let done, let total, let unit, let note):
            [
                "event": "progress", "label": .string(label), "done": .integer(done),
                "total": total.map(JSONValue.integer) ?? .null, "unit": .string(unit),
                "note": note.map(JSONValue.string) ?? .null,
            ]
        case .ended(let label, let message):
            [
                "event": "stage", "label": .string(label), "state": message == nil ? "left" : "made",
                "message": message.map(JSONValue.string) ?? .null,
            ]
        case .said(let text, let isWarning):
            ["event": "log", "message": .string(text), "warning": .bool(isWarning)]
        }
    }
}
