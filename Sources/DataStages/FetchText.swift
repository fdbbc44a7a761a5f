internal import Base
package import Fetching
package import JSON
internal import Runs
internal import SystemPackage

/// What `d3llm fetch` prints, for people and as JSON.
package enum FetchText {
    /// The inputs of a lock file.
    package static func list(_ inputs: [LockedInput], _ settings: HubSettings) -> String {
        let rows = inputs.map { input in
            [input.name, size(input), input.licence ?? "unknown", input.summary ?? ""]
        }
        return columns([["input", "size", "licence", ""]] + rows)
            + "\nRepositories are cached in \(settings.hubCache), other files in \(settings.filesCache).\n"
    }

    /// The same as JSON.
    package static func list(_ inputs: [LockedInput], _ settings: HubSettings) -> JSONValue {
        [
            "hubCache": .string(settings.hubCache.string), "filesCache": .string(settings.filesCache.string),
            "inputs": .array(
                inputs.map { input in
                    [
                        "name": .string(input.name), "pinned": .bool(input.isPinned),
                        "sizeBytes": input.size.map(JSONValue.integer) ?? .null,
                        "licence": text(input.licence),
                        "terms": text(input.terms), "summary": text(input.summary),
                        "files": .array(
                            input.files.map {
                                [
                                    "path": .string($0.path),
                                    "sizeBytes": $0.size.map(JSONValue.integer) ?? .null,
                                    "sha256": text($0.sha256),
                                ]
                            }),
                    ]
                }),
        ]
    }

    /// What is there now.
    package static func fetched(_ inputs: [FetchedInput]) -> String {
        inputs.map { input in
            let fresh = input.files.filter { !$0.wasCached }
            let how =
                fresh.isEmpty
                ? "was in the cache" : "\(ByteCount.text(fresh.reduce(0) { $0 + $1.size })) downloaded"
            let head =
                "\(input.input.name): \(how), SHA-256 as pinned\(input.isNewlyPinned ? " just now" : "")\n"
            return head + input.files.map { "  \($0.path)  \($0.location)\n" }.joined()
        }.joined()
    }

    /// The same as JSON.
    package static func fetched(_ inputs: [FetchedInput]) -> JSONValue {
        [
            "inputs": .array(
                inputs.map { input in
                    [
                        "name": .string(input.input.name), "newlyPinned": .bool(input.isNewlyPinned),
                        "files": .array(
                            input.files.map {
                                [
                                    "path": .string($0.path), "location": .string($0.location.string),
                                    "sizeBytes": .integer($0.size), "sha256": .string($0.sha256),
                                    "cached": .bool($0.wasCached),
                                ]
                            }),
                    ]
                })
        ]
    }

    /// What a check found.
    package static func checked(_ inputs: [CheckedInput]) -> String {
        let words: [CheckedInput.State: String] = [
            .whole: "ok", .partial: "partial", .absent: "not fetched", .damaged: "DAMAGED",
            .unpinned: "unpinned",
        ]
        let rows = inputs.map { [$0.input.name, words[$0.state] ?? "", size($0.input)] }
        let problems = inputs.flatMap(\.problems).map { "\n\($0)\n" }.joined()
        return columns(rows) + problems
    }

    /// The same as JSON.
    package static func checked(_ inputs: [CheckedInput]) -> JSONValue {
        [
            "inputs": .array(
                inputs.map {
                    [
                        "name": .string($0.input.name), "state": .string($0.state.rawValue),
                        "problems": .array($0.problems.map(JSONValue.string)),
                    ]
                })
        ]
    }

    private static func size(_ input: LockedInput) -> String {
        input.size.map(ByteCount.text) ?? "unpinned"
    }

    private static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    /// Rows of texts, each column as wide as its widest.
    private static func columns(_ rows: [[String]]) -> String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (text, width) in zip(row, widths) {
                line += text + String(repeating: " ", count: width - text.count + 2)
            }
            while let shorter = line.byteText.dropping(suffix: " ") { line = shorter.text }
            return line + "\n"
        }.joined()
    }
}

/// Shows downloads on a line of the log: megabytes, their rate, the time that is left.
package final class FetchReporting: FetchObserver {
    private let makeLine: (_ total: Int?, _ unit: String) -> (Int) -> Void
    private let write: (String) -> Void
    private var advanceLine: ((Int) -> Void)?
    private var unit = 1_000_000
    /// Bytes that make no whole unit yet.
    private var rest = 0

    /// - Parameters:
    ///   - line: Begins the line; what it gives counts units.
    ///   - log: Writes a line that stays.
    package init(
        line: @escaping (_ total: Int?, _ unit: String) -> (Int) -> Void, log: @escaping (String) -> Void
    ) {
        makeLine = line
        write = log
    }

    package func begin(bytes total: Int?) {
        // A few megabytes would pass in few steps.
        let isSmall = total.map { $0 < 20_000_000 } ?? false
        unit = isSmall ? 1000 : 1_000_000
        rest = 0
        advanceLine = makeLine(total.map { ($0 + unit - 1) / unit }, isSmall ? "kB" : "MB")
    }

    package func advance(by bytes: Int, isInherited: Bool) {
        rest += bytes
        let whole = rest / unit
        guard whole != 0 else { return }
        rest -= whole * unit
        advanceLine?(whole)
    }

    package func log(_ message: String) { write(message) }
}

extension FetchReporting {
    /// The line of a stage.
    convenience init(_ context: StageContext) {
        self.init(
            line: { total, unit in
                let progress = context.progress(total: total, unit: unit)
                return { progress.advance(by: $0) }
            }, log: { context.log($0) })
    }
}
