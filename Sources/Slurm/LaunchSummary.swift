package import JSON
internal import SystemPackage

/// What a launch has done.
package struct LaunchSummary: Sendable {
    /// As it was before.
    package let status: LaunchStatus
    let record: LaunchRecord?
    let cancelled: [String]

    init(_ status: LaunchStatus, _ record: LaunchRecord?, cancelled: [String]) {
        self.status = status
        self.record = record
        self.cancelled = cancelled
    }

    /// For people.
    package var text: String {
        let live = status.count(.running, .waiting) - cancelled.count
        var text =
            "\(status.experiment): \(status.entries.count) stages, \(status.count(.done)) in the store, \(max(0, live)) in the queue.\n"
        if status.recovered > 0 {
            text +=
                "Found again what a launch had handed in before it was cut off: \(Self.count(status.recovered, "job")).\n"
        }
        if !cancelled.isEmpty {
            text +=
                "Taken out of the queue, because what they waited for isn't coming: \(cancelled.joined(separator: ", ")).\n"
        }
        guard let record else { return text + "There is nothing to hand in.\n" }
        let width = record.jobs.map(\.job.name.count).max() ?? 0
        var names: [String: String] = [:]
        for entry in record.jobs {
            names[entry.job.name] = entry.id
            let tasks = entry.job.tasks.count
            let needs = entry.job.needs.compactMap { names[$0] } + entry.job.needsQueued
            text +=
                "  \(entry.job.name)\(String(repeating: " ", count: width - entry.job.name.count))  job \(entry.id ?? "?")"
            if entry.job.isArray { text += ", \(Self.count(tasks, "task"))" }
            text += needs.isEmpty ? "\n" : ", after \(needs.joined(separator: ", "))\n"
        }
        return text
            + "Handed in \(Self.count(record.jobs.count, "job")). Scripts, logs and record: \(record.folder)\n"
    }

    /// What `--json` prints.
    package var value: JSONValue {
        [
            "experiment": .string(status.experiment),
            "launch": .orNull(record?.folder.string),
            "cancelled": .array(cancelled.map(JSONValue.string)),
            "jobs": .array(
                (record?.jobs ?? []).map { entry in
                    [
                        "name": .string(entry.job.name), "job": .orNull(entry.id),
                        "stages": .array(entry.job.tasks.map { .string($0.stage) }),
                    ]
                }),
        ]
    }

    private static func count(_ number: Int, _ noun: String) -> String {
        "\(number) \(noun)\(number == 1 ? "" : "s")"
    }
}
