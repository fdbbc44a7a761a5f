internal import Archives
internal import ArtifactStore
internal import Base
internal import Columnar
internal import Files
internal import JSON
internal import StageBasics
internal import SystemPackage

/// A record as a file has it, before anything is made of it.
struct RawRecord {
    private(set) var value: JSONObject
    /// What messages call the data, with a comma behind it; not part of any artifact, whose stages may be called anything.
    var data = ""
    /// File and line, or row.
    let source: String
    /// The columns of the file, also those that nobody asked for; nil where the record has all that there is.
    var columns: [String]?

    /// Where messages say that it is.
    var place: String { data + source }
    /// The names of what the file has.
    var names: [String] { columns ?? value.keys }

    /// Whether it is a row of published trajectories.
    var isPublishedTrajectory: Bool {
        let names = names
        return ["question", "prompt_ids", "trajectory"].allSatisfy { name in names.contains { $0 == name } }
    }

    /// The same without the states of a trajectory, of which there are hundreds and no question is made.
    var withoutStates: RawRecord {
        // Of a table they weren't asked for, and need no look at all names.
        guard value["trajectory"] != nil || value["final_output"] != nil, isPublishedTrajectory else {
            return self
        }
        var record = self
        record.columns = names
        record.value = JSONObject(
            value.keys.filter { $0 != "trajectory" && $0 != "final_output" }
                .compactMap { key in value[key].map { (key, $0) } })
        return record
    }
}

/// How a file of records is written.
enum RecordFormat: String, CaseIterable {
    case lines = "json-lines"
    case json
    case csv
    case tsv
    case parquet
    case arrow
    case text

    /// What a name promises, its compression aside; nil for names that promise nothing.
    init?(name: String) {
        let plain = (Unpacker.nameWithoutCompression(name) ?? name).byteText.asciiLowercased
        let ends: [(String, RecordFormat)] = [
            (".jsonl", .lines), (".ndjson", .lines), (".json", .json), (".csv", .csv), (".tsv", .tsv),
            (".parquet", .parquet), (".arrow", .arrow), (".feather", .arrow), (".txt", .text),
            (".text", .text),
        ]
        guard let found = ends.first(where: { plain.hasSuffix($0.0) }) else { return nil }
        self = found.1
    }
}

/// What a record of a file of plain text is.
enum TextUnit: String, CaseIterable {
    case line
    case paragraph
    case document
}

/// The files of a folder that hold records, or one file.
struct RecordFiles {
    /// Names relative to the folder, sorted.
    let names: [String]
    private let folder: FilePath
    private let format: RecordFormat?
    private let unit: TextUnit
    /// The columns of Parquet and Arrow files that are read; nil for all.
    private let columns: Set<String>?
    /// What messages put before a file's name.
    private let prefix: String
    /// For the records of all files together.
    private let budget: MemoryBudget
    /// Called between records; what it throws ends the reading.
    private let check: () throws -> Void

    /// Finds the files of a folder.
    ///
    /// - Parameters:
    ///   - format: How they are written, where their names don't say it.
    ///   - columns: The columns of Parquet and Arrow files that are read, where they are there; nil for all.
    ///   - name: What messages call the folder.
    ///   - check: Called between records; what it throws ends the reading.
    /// - Throws: ``DataError`` where there is none; `FileError`.
    init(
        folder: FilePath, format: RecordFormat?, unit: TextUnit = .line, columns: Set<String>? = nil,
        name: String, check: @escaping () throws -> Void = {}
    ) throws {
        self.folder = folder
        self.check = check
        self.format = format
        self.unit = unit
        self.columns = columns
        prefix = "\(name), "
        let files = try PinnedSource.files(below: folder).filter {
            $0.path != ArtifactRecord.fileName
                && FilePath($0.path).lastComponent?.string.utf8.first != UInt8(ascii: ".")
        }
        let all = files.map(\.path).sorted()
        budget = MemoryBudget(fileBytes: files.reduce(0) { $0.addingReportingOverflow($1.size).partialValue })
        let readable = all.filter { RecordFormat(name: $0) != nil }
        // A licence or a README beside the data is no data.
        names = readable.isEmpty || all == [LocalFilesStage.fileName] ? all : readable
        guard !names.isEmpty else {
            throw DataError(description: "\(name) holds no file.")
        }
    }

    /// One file of this machine.
    ///
    /// - Throws: `FileError`.
    init(
        file: FilePath, format: RecordFormat?, unit: TextUnit = .line, columns: Set<String>? = nil
    ) throws {
        budget = MemoryBudget(fileBytes: try FileSystem.status(file)?.size ?? 0)
        folder = file.removingLastComponent()
        names = [file.lastComponent?.string ?? file.string]
        self.format = format
        self.unit = unit
        self.columns = columns
        check = {}
        prefix = ""
    }

    /// The records of files in order.
    ///
    /// - Throws: ``DataError`` that names file and line; `ColumnarError`, `ArchiveError`, `FileError`.
    func records(_ names: [String]) throws -> [RawRecord] {
        var records: [RawRecord] = []
        for name in names { try read(name) { records.append($0) } }
        return records
    }

    /// What is malformed in each file, and the records of what isn't: for a look at a file.
    func survey(_ name: String, _ problem: @escaping (String) -> Void, _ body: (RawRecord) -> Void) throws {
        try read(name, problem: problem, body)
    }

    private func read(
        _ name: String, problem: ((String) -> Void)? = nil, _ keep: (RawRecord) -> Void
    ) throws {
        let path = folder.pushing(FilePath(name))
        let shown = name
        func report(_ line: Int?, _ text: String) throws {
            let text = "\(prefix)\(shown)\(line.map { ", line \($0)" } ?? ""): \(text)"
            guard let problem else { throw DataError(description: text) }
            problem(text)
        }
        // Those who keep records make questions of them, which take some memory beside the texts.
        func body(_ record: RawRecord) throws {
            try check()
            let record = record.withoutStates
            guard budget.take(512 + record.value.memory) else {
                throw DataError(description: "\(prefix)\(shown): \(budget.refusal)")
            }
            keep(record)
        }
        guard !Unpacker.isArchive(name) else {
            return try report(nil, "This is an archive of several files. Unpack it, and take its folder.")
        }
        let head = try Self.head(of: path)
        var row = 0
        func take(_ value: JSONObject, of names: [String]) throws {
            row += 1
            try body(
                RawRecord(value: value, data: prefix, source: "\(shown), row \(row)", columns: names))
        }
        // A file with other columns than any record has is told as its first record.
        func isAsked(_ names: [String]) -> Bool { columns.map { !$0.isDisjoint(with: names) } ?? true }
        if ParquetFile.isParquet(head.prefix(4)) {
            let file = try ParquetFile(path)
            // Once: there may be thousands, and each record refers to them.
            let names = file.columns
            guard isAsked(names) else { return try take([:], of: names) }
            try file.forEachRow(columns: columns) { try take($0, of: names) }
            if row == 0 { try report(nil, "It has no rows.") }
            return
        }
        if head.starts(with: "ARROW1".utf8) || head.starts(with: [255, 255, 255, 255]) {
            let file = try ArrowFile(path)
            let names = file.columns
            guard isAsked(names) else { return try take([:], of: names) }
            try file.forEachRow(columns: columns) { try take($0, of: names) }
            if row == 0 { try report(nil, "It has no rows.") }
            return
        }
        let bytes = try CompressedFile.read(path)
        let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D, 0xEF, 0xBB, 0xBF].contains($0) }
        guard let first else { return try report(nil, "It is empty.") }
        var chosen = format ?? RecordFormat(name: name)
        if chosen == nil, [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(first) { chosen = .json }
        switch chosen {
        case nil:
            try report(
                nil,
                "Neither name nor content says how it is written. Give \"format\": \"csv\", \"tsv\" or \"text\"."
            )
        case .parquet?, .arrow?:
            try report(
                nil, "It is no \(chosen == .arrow ? "Arrow" : "Parquet") file, although it is called one.")
        case .csv?, .tsv?:
            try rows(bytes, UInt8(ascii: chosen == .tsv ? "\t" : ","), shown, report, body)
        case .text?:
            try text(bytes, shown, report, body)
        case .lines?, .json?:
            if first != UInt8(ascii: "["), chosen == .lines || Self.isLines(bytes) {
                try lines(bytes, name, shown, report, body)
            } else {
                try document(bytes, name, shown, report, body)
            }
        }
    }

    private func rows(
        _ bytes: [UInt8], _ separator: UInt8, _ shown: String, _ report: (Int?, String) throws -> Void,
        _ body: (RawRecord) throws -> Void
    ) throws {
        var table: SeparatedValues?
        while true {
            let row: (values: [String], line: Int)?
            do throws(SeparatedValues.Problem) {
                if table == nil { table = try SeparatedValues(bytes, separator: separator) }
                row = try table?.next()
            } catch {
                return try report(error.line, error.reason)
            }
            guard let row, let headings = table?.headings else { return }
            // A value without text is one that isn't there, as data frames write it.
            let members = zip(headings, row.values).filter { !$0.0.isEmpty && !$0.1.isEmpty }
            try body(
                RawRecord(
                    value: JSONObject(members.map { ($0.0, .string($0.1)) }),
                    data: prefix, source: "\(shown), line \(row.line)"))
        }
    }

    private func text(
        _ bytes: [UInt8], _ shown: String, _ report: (Int?, String) throws -> Void,
        _ body: (RawRecord) throws -> Void
    ) throws {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var unit: [UInt8] = []
        var first = 1
        func end() throws {
            defer { unit = [] }
            guard unit.contains(where: { ![0x20, 0x09, 0x0D, 0x0A].contains($0) }) else { return }
            guard let text = String(validating: unit, as: UTF8.self) else {
                return try report(first, "The text isn't UTF-8. Save the file in that encoding.")
            }
            try body(
                RawRecord(
                    value: ["text": .string(text.byteText.trimmed.text)], data: prefix,
                    source: "\(shown), line \(first)"))
        }
        try bytes[start...].eachLine { number, line in
            let isBlank = line.allSatisfy { [0x20, 0x09, 0x0D].contains($0) }
            if self.unit == .line || (self.unit == .paragraph && isBlank) { try end() }
            if unit.isEmpty {
                if isBlank { return }
                first = number + 1
            } else {
                unit.append(UInt8(ascii: "\n"))
            }
            unit += line
        }
        try end()
    }

    private func lines(
        _ bytes: [UInt8], _ name: String, _ shown: String, _ report: (Int?, String) throws -> Void,
        _ body: (RawRecord) throws -> Void
    ) throws {
        try bytes[...].eachLine { number, line in
            if line.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { return }
            let value: JSONValue
            do throws(JSONSyntaxError) {
                value = JSONValue(
                    try JSONDocument(parsing: Array(line), name: name, allowNonFinite: true).root)
            } catch {
                return try report(
                    number + 1, "column \(error.column): \(error.message) Each line is one JSON object.")
            }
            guard let object = value.object else {
                return try report(number + 1, "The line is no JSON object, and each record is one.")
            }
            try body(RawRecord(value: object, data: prefix, source: "\(shown), line \(number + 1)"))
        }
    }

    private func document(
        _ bytes: [UInt8], _ name: String, _ shown: String, _ report: (Int?, String) throws -> Void,
        _ body: (RawRecord) throws -> Void
    ) throws {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: name, allowNonFinite: true)
        } catch {
            return try report(error.line, "column \(error.column): \(error.message)")
        }
        var nodes = document.root.array
        // {"data": [...]}, as some tools wrap a list.
        if nodes == nil, let members = document.root.members, members.count == 1 {
            nodes = members[0].value.array
        }
        guard let nodes else {
            return try report(
                nil,
                "It is one JSON object, and records are a list, or an object on each line. From pandas, write to_json(…, orient=\"records\", lines=True)."
            )
        }
        var positions = document.source.lines
        for node in nodes {
            let line = positions.line(of: node.range.lowerBound)
            guard let object = JSONValue(node).object else {
                try report(line, "An element of the list is \(node.kindName), and each record is an object.")
                continue
            }
            try body(RawRecord(value: object, data: prefix, source: "\(shown), line \(line)"))
        }
    }

    /// Whether there are several lines, the first of which is an object by itself.
    private static func isLines(_ bytes: [UInt8]) -> Bool {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1)
        guard let first = lines.first,
            let root = try? JSONDocument(parsing: Array(first), name: "line", allowNonFinite: true).root
        else { return false }
        guard let members = root.members else { return false }
        // An object alone on the only line of a file is a record too, unless a list is wrapped in it, or columns are.
        let wrapsList = members.count == 1 && members[0].value.array != nil
        let holdsColumns = !members.isEmpty && members.allSatisfy { $0.value.members != nil }
        return lines.count > 1 || !(wrapsList || holdsColumns)
    }

    private static func head(of path: FilePath) throws -> [UInt8] {
        struct Enough: Error {}
        var head: [UInt8] = []
        do {
            try FileSystem.readParts(path) { part in
                head += part.prefix(8)
                if head.count >= 8 { throw Enough() }
            }
        } catch is Enough {}
        return head
    }
}
