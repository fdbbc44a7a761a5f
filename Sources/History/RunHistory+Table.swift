internal import ArtifactStore
package import Base
package import JSON
internal import Recipes
package import Reporting
internal import SystemPackage

extension RunHistory {
    /// What a list of runs shows.
    package struct Columns: Sendable {
        /// The names of numbers that have a column; nil for those that are looked at first.
        package var numbers: [String]?
        /// What the runs are sorted by: a column or the name of a number; nil for the order in which they began.
        package var sort: String?
        package var isReversed = false

        package init() {}
    }

    /// The columns that every list can be sorted by.
    static let columns = ["experiment", "run", "started", "state", "took", "changed"]
    /// More columns of numbers than this don't fit beside the others.
    private static let numberLimit = 4
    /// So many settings that changed are told on a line.
    private static let changeLimit = 3

    /// The runs in the order that the columns ask for.
    ///
    /// - Throws: ``HistoryError`` for a column that there isn't, with the nearest name.
    package func sorted(_ columns: Columns) throws(HistoryError) -> [Run] {
        for name in (columns.numbers ?? []) where !numberNames.contains(name) {
            throw HistoryError.unknownNumber(name, numberNames)
        }
        guard let sort = columns.sort else { return columns.isReversed ? runs.reversed() : runs }
        guard Self.columns.contains(sort) || numberNames.contains(sort) else {
            throw HistoryError.unknownColumn(sort, Self.columns, numberNames)
        }
        let keys = runs.map { Self.key($0, sort) }
        let order = runs.indices.sorted { a, b in
            // What has no value comes last either way; equals keep their order.
            switch (keys[a], keys[b]) {
            case (nil, nil): a < b
            case (nil, _?): false
            case (_?, nil): true
            case (let x?, let y?):
                x == y ? a < b : columns.isReversed ? y < x : x < y
            }
        }
        return order.map { runs[$0] }
    }

    /// All numbers that any of the runs has, in order.
    package var numberNames: [String] {
        var seen: Set<String> = []
        return runs.flatMap(\.numbers.entries).filter { seen.insert($0.name).inserted && $0.value.isNumeric }
            .map(\.name)
    }

    /// What a run is sorted by; nil where it has no such value.
    private static func key(_ run: Run, _ column: String) -> SortKey? {
        switch column {
        case "experiment": .text(run.experiment)
        case "run": .text(run.name)
        case "started": .text(run.started)
        case "state": .text(run.state.rawValue)
        case "took": run.seconds.map(SortKey.number)
        case "changed": .text(changeText(run))
        default:
            if case .number(let number, _, _)? = run.numbers[column] { .number(number) } else { nil }
        }
    }

    private enum SortKey: Comparable {
        case number(Double)
        case text(String)
    }

    /// The list for people.
    ///
    /// - Throws: ``HistoryError`` for a column that there isn't.
    package func table(_ columns: Columns) throws(HistoryError) -> Table {
        let runs = try sorted(columns)
        let experiments = Set(runs.map(\.experiment)).count
        let main = mainNumbers(runs)
        let shown = columns.numbers ?? (experiments == 1 ? Array(main.prefix(Self.numberLimit)) : [])
        var heads: [Table.Column] = experiments == 1 ? [] : [.init("Experiment")]
        heads += [.init("Run"), .init("Started"), .init("State"), .init("Took", alignment: .right)]
        heads += shown.map { .init($0, alignment: .decimal) }
        if shown.isEmpty { heads.append(.init("Results")) }
        heads.append(.init("Changed against the run before"))
        var table = Table(columns: heads)
        for run in runs {
            var row: [Table.Cell] = experiments == 1 ? [] : [.text(run.experiment)]
            row += [
                .text(run.name), .text(Self.readable(run.started)), .text(run.state.rawValue),
                .text(run.seconds.map(Readable.duration) ?? ""),
            ]
            row += shown.map { name in
                run.numbers[name].map { RunNumbers.cell($0, name: name) } ?? .text("")
            }
            if shown.isEmpty { row.append(.text((run.numbers.summary ?? "").shortened(to: 60))) }
            row.append(.text(Self.changeText(run)))
            table.append(row)
        }
        table.notes = notes(runs, shown, main, isChosen: columns.numbers != nil)
        return table
    }

    private func notes(_ runs: [Run], _ shown: [String], _ main: [String], isChosen: Bool) -> [String] {
        var notes = runs.compactMap { run in
            run.state == .finished ? nil : run.message.map { "\(run.name): \($0.visible.shortened(to: 200))" }
        }
        if runs.contains(where: { $0.state == .unfinished }) {
            notes.append("unfinished: it is running, or was killed; the same command goes on from there.")
        }
        let more = main.filter { !shown.contains($0) }
        if !isChosen, !shown.isEmpty, let example = more.first {
            notes.append("\(more.count) more numbers: --number \(ShellWord.quoted(example)), for example.")
        }
        let ended = runs.filter { $0.counts != nil }
        if ended.count > 1, let first = ended.first, let last = ended.last {
            notes.append(
                "Compare: d3llm runs \(first.name) \(last.name). What made the difference: d3llm diff with the same two."
            )
        }
        return notes
    }

    /// The numbers that are looked at first; those that differ among the runs come before the others.
    private func mainNumbers(_ runs: [Run]) -> [String] {
        var seen: Set<String> = []
        let names = runs.flatMap(\.numbers.entries).filter {
            $0.isMain && $0.value.isNumeric && seen.insert($0.name).inserted
        }.map(\.name)
        func differs(_ name: String) -> Bool { Set(runs.compactMap { $0.numbers[name] }).count > 1 }
        guard names.count > Self.numberLimit else { return names }
        return names.filter(differs) + names.filter { !differs($0) }
    }

    private static func readable(_ time: String) -> String {
        time.byteText.replacing("T", with: " ").replacing("Z", with: "").text
    }

    /// The settings that changed on one line.
    static func changeText(_ run: Run) -> String {
        guard let changes = run.changes else { return "(the first)" }
        guard !changes.isEmpty else { return run.settings == .null ? "?" : "nothing" }
        let told = changes.prefix(changeLimit).map { "\($0)".shortened(to: 100) }.joined(separator: ", ")
        let more = changes.count - changeLimit
        return told + (more > 0 ? " and \(more) more" : "")
    }

    /// The list as one JSON object.
    ///
    /// - Throws: ``HistoryError`` for a column that there isn't.
    package func value(_ columns: Columns) throws(HistoryError) -> JSONValue {
        let runs = try sorted(columns)
        return [
            "store": .string(store.root.string),
            "runs": .array(runs.map { Self.value($0, columns.numbers) }),
        ]
    }

    private static func value(_ run: Run, _ chosen: [String]?) -> JSONValue {
        let numbers = run.numbers.entries.filter { chosen?.contains($0.name) ?? true }
        return [
            "run": .string(run.address), "experiment": .string(run.experiment),
            "state": .string(run.state.rawValue), "message": .text(run.message),
            "started": .string(run.started), "finished": .text(run.finished),
            "seconds": run.seconds.map(JSONValue.number) ?? .null,
            "made": run.counts.map { .integer($0.made) } ?? .null,
            "cached": run.counts.map { .integer($0.cached) } ?? .null,
            "changes": run.changes.map { .array($0.map(\.value)) } ?? .null,
            "summary": .text(run.numbers.summary),
            "numbers": .object(JSONObject(numbers.map { ($0.name, $0.value.json) })),
        ]
    }
}

extension ValueDifference {
    /// The values as texts.
    fileprivate var value: JSONValue { ["path": .string(path), "old": .text(old), "new": .text(new)] }
}

extension RunNumbers {
    /// The value in a table, with as many digits as its name asks for.
    static func cell(_ value: Value, name: String) -> Table.Cell {
        guard case .number(let number, let lower, let upper) = value else {
            if case .text(let text) = value { return .text(text) }
            return .text("")
        }
        let digits = digits(number, name)
        guard let lower, let upper else { return .number(number, digits: digits) }
        return .interval(number, lower: lower, upper: upper, digits: digits)
    }

    private static func digits(_ number: Double, _ name: String) -> Int {
        switch name.byteText.cut(atLast: ".")?.after.text ?? name {
        case "accuracy": return 1
        case "tpf": return 2
        case "aup", "commonAUP", "aupOfAll": return 0
        default:
            let isWhole = number == number.rounded()
            return isWhole ? 0 : abs(number) >= 100 ? 1 : 3
        }
    }
}

extension RunNumbers.Value {
    var isNumeric: Bool { if case .number = self { true } else { false } }

    /// A number alone, one with its interval, or a text.
    var json: JSONValue {
        switch self {
        case .text(let text): .string(text)
        case .number(let number, nil, _), .number(let number, _, nil): .number(number)
        case .number(let number, let lower?, let upper?):
            ["value": .number(number), "lower": .number(lower), "upper": .number(upper)]
        }
    }
}

/// A request for something that no run has.
package struct HistoryError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    package init(description: String) { self.description = description }

    static func unknownNumber(_ name: String, _ names: [String]) -> HistoryError {
        HistoryError(description: "No run has the number \"\(name)\". \(hint(name, names, "Numbers"))")
    }

    static func unknownColumn(_ name: String, _ columns: [String], _ numbers: [String]) -> HistoryError {
        let all = NearestName.nearest(to: name, among: columns + numbers).map { "Did you mean \"\($0)\"?" }
        return HistoryError(
            description:
                "There is no column \"\(name)\" to sort by. \(all ?? "Columns: \(columns.joined(separator: ", ")), and the names of numbers, such as \(numbers.last ?? "table.d3LLM.aup").")"
        )
    }

    private static func hint(_ name: String, _ names: [String], _ what: String) -> String {
        PathHint.nearest(to: name, among: names).map { "Did you mean \"\($0)\"?" }
            ?? NearestName.hint(for: name, among: names, what: what)
            ?? "There are \(names.count); `d3llm runs --json` lists them."
    }
}
