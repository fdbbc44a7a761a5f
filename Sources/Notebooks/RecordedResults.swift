internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import SystemPackage

/// A folder of results in the repository, with all that says where they are from and that they are whole.
struct RecordedResults {
    let folder: FilePath
    /// The nearest folder, this one or above, that has the record of a run; nil for results without a run.
    let runFolder: FilePath?
    let run: RunRecord?
    let artifacts: [RecordedArtifact]
    let checksums: ChecksumFile?
    /// What is missing or was changed, as sentences.
    let problems: [String]

    /// Reads and checks a folder.
    ///
    /// - Throws: `FileError` where it can't be read.
    init(_ folder: FilePath) throws {
        self.folder = folder
        var problems: [String] = []
        func attempt<Result>(_ body: () throws -> Result?) -> Result? {
            do {
                return try body()
            } catch {
                problems.append((error as? NotebookProblem)?.message ?? "\(error)")
                return nil
            }
        }
        runFolder = Self.nearest(RunRecord.fileName, from: folder)
        let runFolder = runFolder
        let run = attempt { try runFolder.map { try RunRecord.read($0) } }
        let checksums = attempt {
            try Self.nearest(ChecksumFile.name, from: folder).map { try ChecksumFile(in: $0) }
        }
        let artifacts = attempt { try RecordedArtifact.all(in: folder) } ?? []
        problems += attempt { try checksums?.problems() } ?? []
        for artifact in artifacts {
            problems += attempt { try artifact.problems() } ?? []
            guard let run else { continue }
            if run[artifact.stage]?.fingerprint != artifact.fingerprint {
                problems.append(
                    "\(artifact.path) isn't of the run in \(runFolder?.string ?? ""), which has another artifact as \(artifact.stage)."
                )
            }
        }
        if let run, run.status != .finished {
            problems.append(
                "\(runFolder?.string ?? "") has the record of a run that is \(run.status.rawValue).")
        }
        self.run = run
        self.checksums = checksums
        self.artifacts = artifacts
        self.problems = problems
    }

    /// Whether a digest says what has to be in a file.
    func covers(_ path: FilePath) -> Bool {
        let path = path.lexicallyNormalized()
        return artifacts.contains { artifact in
            artifact.files.contains { folder.pushing(FilePath($0.name)).lexicallyNormalized() == path }
        }
            || (checksums?.digests.contains { digest in
                checksums?.folder.pushing(FilePath(digest.path)).lexicallyNormalized() == path
            } ?? false)
    }

    /// The artifacts of the run's folder and of the folders in it.
    func artifactsBelow() throws -> [RecordedArtifact] {
        var all = artifacts
        for name in try FileSystem.list(folder) {
            let inner = folder.appending(name)
            if try FileSystem.status(inner)?.kind == .folder { all += try RecordedArtifact.all(in: inner) }
        }
        return all
    }

    /// The folder nearest to `folder` that has the file, `folder` itself or one of the two above it.
    static func nearest(_ name: String, from folder: FilePath) -> FilePath? {
        var candidate = folder
        for _ in 0..<3 {
            if FileSystem.exists(candidate.isEmpty ? FilePath(name) : candidate.appending(name)) {
                return candidate.isEmpty ? "." : candidate
            }
            guard candidate.lastComponent?.kind == .regular else { return nil }
            candidate.removeLastComponent()
        }
        return nil
    }
}

/// The digests of a folder of results, in the form that `sha256sum --check` reads.
///
/// The first line is a comment with the run that the results are of.
struct ChecksumFile {
    static let name = "SHA256SUMS"

    /// The folder that the paths are relative to.
    let folder: FilePath
    /// The run's address in the store that the results were recorded from, if the file says so.
    let run: String?
    /// SHA-256 by path, in the order of the file.
    let digests: [(path: String, sha256: String)]

    /// - Throws: A problem for a line of another form, `FileError`.
    init(in folder: FilePath) throws {
        self.folder = folder
        let path = folder.appending(Self.name)
        var run: String?
        var digests: [(path: String, sha256: String)] = []
        for (index, line) in try FileSystem.readText(path).byteText.split("\n").map(\.text).enumerated() {
            if let comment = line.byteText.dropping(prefix: "#") {
                if run == nil { run = comment.text.trimmed }
                continue
            }
            let digest = Substring(line.utf8.prefix(64))
            let name = Substring(line.utf8.dropFirst(66))
            guard digest.utf8.count == 64, digest.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit),
                Substring(line.utf8.dropFirst(64)).byteText.hasPrefix("  "),
                FilePath(foreign: String(name))?.isRelative == true, !name.isEmpty
            else {
                throw NotebookProblem.results(
                    "Line \(index + 1) of \(path) isn't a digest and a file, as sha256sum writes them.")
            }
            digests.append((String(name), digest.byteText.asciiLowercased.text))
        }
        self.run = run
        self.digests = digests
    }

    /// What isn't as the digests say, as sentences.
    func problems() throws -> [String] {
        var problems: [String] = []
        for (path, sha256) in digests {
            let file = folder.pushing(FilePath(path))
            guard try FileSystem.status(file)?.kind == .file else {
                problems.append("\(file) is missing, but \(Self.name) lists it.")
                continue
            }
            if try SHA256.hex(ofFile: file) != sha256 {
                problems.append(
                    "\(file) isn't what was recorded: its digest differs from that in \(Self.name).")
            }
        }
        let listed = Set(digests.map(\.path.byteText))
        for path in try Self.files(in: folder) where path != Self.name && !listed.contains(path.byteText) {
            problems.append(
                "\(folder.pushing(FilePath(path))) was not recorded: \(Self.name) doesn't list it.")
        }
        return problems
    }

    /// All files below a folder but hidden ones, by path relative to it.
    private static func files(in folder: FilePath) throws -> [String] {
        var files: [String] = []
        for name in try FileSystem.list(folder) where !name.byteText.hasPrefix(".") {
            let path = folder.appending(name)
            if try FileSystem.status(path)?.kind == .folder {
                files += try Self.files(in: path).map { "\(name)/\($0)" }
            } else {
                files.append(name)
            }
        }
        return files
    }
}

/// The record of an artifact whose files were copied from a store to a folder of results, as `STAGE-artifact.json`.
struct RecordedArtifact {
    static let suffix = "-artifact.json"

    /// The stage, as the run called it.
    let stage: String
    let path: FilePath
    let fingerprint: String
    /// UTC, ISO 8601.
    let finished: String
    /// SHA-256 by name.
    let files: [(name: String, sha256: String)]
    /// All of the record.
    let document: JSONValue
    private let recipe: JSONValue

    /// - Throws: A problem where it isn't the record of an artifact, `FileError`.
    init(_ path: FilePath) throws {
        self.path = path
        stage = path.lastComponent?.string.byteText.dropping(suffix: Self.suffix.byteText)?.text ?? ""
        let root: JSONValue
        do {
            root = JSONValue(try JSONDocument(parsing: try FileSystem.read(path), name: path.string).root)
        } catch let error as JSONSyntaxError {
            throw NotebookProblem.results("\(error)")
        }
        guard let fingerprint = root["fingerprint"]?.string, let finished = root["finished"]?.string,
            let recipe = root["recipe"], let files = root["files"]?.array
        else {
            throw NotebookProblem.results(
                "\(path) isn't the record of an artifact: fingerprint, recipe, files or finished is missing.")
        }
        self.fingerprint = fingerprint
        self.finished = finished
        self.recipe = recipe
        document = root
        self.files = try files.map { file in
            guard let name = file["path"]?.string, let sha256 = file["sha256"]?.string,
                FilePath(foreign: name)?.isRelative == true
            else { throw NotebookProblem.results("\(path) has a file without path or sha256.") }
            return (name, sha256)
        }
    }

    /// The records in a folder, by stage.
    static func all(in folder: FilePath) throws -> [RecordedArtifact] {
        try FileSystem.list(folder).filter {
            $0.byteText.hasSuffix(suffix) && $0.utf8.count > suffix.utf8.count
        }
        .map { try RecordedArtifact(folder.appending($0)) }
    }

    /// What isn't as the record says, as sentences.
    func problems() throws -> [String] {
        var problems: [String] = []
        if SHA256.hex(of: try recipe.canonicalBytes()) != fingerprint {
            problems.append("\(path) was changed: its fingerprint isn't that of its recipe.")
        }
        for (name, sha256) in files {
            let file = path.removingLastComponent().pushing(FilePath(name))
            guard try FileSystem.status(file)?.kind == .file else {
                problems.append("\(file) is missing, but \(path) lists it.")
                continue
            }
            if try SHA256.hex(ofFile: file) != sha256 {
                problems.append("\(file) isn't what the run made: its digest differs from that in \(path).")
            }
        }
        return problems
    }
}

/// A table as RFC 4180 writes it, with a line of headings.
struct CSVFile {
    let headings: [String]
    let rows: [[String]]

    init(_ text: String) throws(NotebookProblem) {
        var records: [[String]]
        do throws(SeparatedValues.Problem) {
            records = try SeparatedValues.records(text).map(\.values)
        } catch {
            throw .results(error.reason)
        }
        guard !records.isEmpty else { throw .results("It is empty.") }
        headings = records.removeFirst()
        let width = headings.count
        if let row = records.firstIndex(where: { $0.count != width }) {
            throw .results(
                "Its row \(row + 1) has \(records[row].count) cells, but there are \(width) headings."
            )
        }
        rows = records
    }

    /// What stands in `[row][column]`, or with a third key in a cell of several numbers such as `1 / 2 / 3`.
    ///
    /// Rows are named by their first cell, or by as many as it takes (`LLaDA / MATH`), columns by their heading; items are counted from 1.
    func value(at keys: [String]) throws(NotebookProblem) -> Datum {
        guard keys.count == 2 || keys.count == 3 else {
            throw .marker("A place in a table is [row][column], perhaps with [item].")
        }
        guard let column = headings.firstIndex(of: keys[1]) else {
            throw .marker(
                "It has no column \"\(keys[1])\". \(NearestName.hint(for: keys[1], among: headings, what: "Its columns") ?? "")"
            )
        }
        let (rows, isList) = try self.rows(keys[0])
        let cells = rows.map { $0[column] }
        if isList { return .list(try Self.numbers(cells)) }
        guard keys.count == 3 else { return Double(cells[0]).map(Datum.number) ?? .text(cells[0]) }
        let items = cells[0].byteText.split(" / ").map(\.text)
        if keys[2] == "*" { return .list(try Self.numbers(items)) }
        guard let index = Int(keys[2]), index > 0, items.indices.contains(index - 1) else {
            throw .marker("That cell has \(items.count) items, counted from 1; there is no [\(keys[2])].")
        }
        return Double(items[index - 1]).map(Datum.number) ?? .text(items[index - 1])
    }

    /// The row of a name, all rows (`*`), or those with a word under a heading (`Verdict = agrees`).
    private func rows(_ name: String) throws(NotebookProblem) -> (rows: [[String]], isList: Bool) {
        if name == "*" { return (rows, true) }
        let found = rows.filter { row in
            // Where the first cells repeat, the next ones tell rows apart.
            let parts = name.byteText.split(" / ").map(\.text)
            return row[0] == name || row.starts(with: parts)
        }
        if found.count == 1 { return (found, false) }
        let sides = name.byteText.split(" = ").map(\.text)
        if sides.count == 2, let column = headings.firstIndex(of: sides[0]) {
            return (rows.filter { $0[column] == sides[1] }, true)
        }
        guard found.isEmpty else {
            throw .marker(
                "It has \(found.count) rows \"\(name)\", so that the name doesn't say which. Add the next cells, as in [\(found[0].prefix(2).joined(separator: " / "))]."
            )
        }
        let hint = NearestName.hint(for: name, among: rows.map { $0[0] }, what: "Its rows") ?? ""
        throw .marker("It has no row \"\(name)\". \(hint)")
    }

    private static func numbers(_ texts: [String]) throws(NotebookProblem) -> [Double] {
        var numbers: [Double] = []
        for text in texts { numbers.append(try number(text)) }
        return numbers
    }

    private static func number(_ text: String) throws(NotebookProblem) -> Double {
        guard let number = Double(text) else { throw .marker("\"\(text)\" is no number.") }
        return number
    }
}

extension JSONValue {
    /// What stands below `keys`: members of objects, elements of lists by number from 1 or by one of their strings
    /// (`"label": "d3LLM"`), `*` for all elements.
    func value(at keys: [String]) throws(NotebookProblem) -> Datum {
        let (values, isList) = try values(at: keys[...])
        var data: [Datum] = []
        for value in values { data.append(try value.datum(keys)) }
        guard isList else { return data[0] }
        var numbers: [Double] = []
        for datum in data { numbers += try datum.numbers().numbers }
        return .list(numbers)
    }

    private func values(at keys: ArraySlice<String>) throws(NotebookProblem) -> (
        values: [JSONValue], isList: Bool
    ) {
        guard let key = keys.first else { return ([self], false) }
        switch self {
        case .object(let object):
            guard let member = object[key] else {
                throw .marker(
                    "It has no \"\(key)\" there. \(NearestName.hint(for: key, among: object.keys, what: "There are") ?? "")"
                )
            }
            return try member.values(at: keys.dropFirst())
        case .array(let elements):
            if key == "*" {
                var all: [JSONValue] = []
                for element in elements { all += try element.values(at: keys.dropFirst()).values }
                return (all, true)
            }
            return try Self.element(key, of: elements).values(at: keys.dropFirst())
        default: throw .marker("There is nothing below it that [\(key)] could be.")
        }
    }

    private static func element(_ key: String, of elements: [JSONValue]) throws(NotebookProblem) -> JSONValue
    {
        let named = elements.filter { element in
            element.object?.members.contains { $0.value.string == key } ?? false
        }
        if named.count == 1 { return named[0] }
        if named.count > 1 {
            throw .marker("\(named.count) elements there say \"\(key)\", so that it doesn't say which.")
        }
        guard let number = Int(key) else { throw .marker("No element there says \"\(key)\".") }
        guard number > 0, elements.indices.contains(number - 1) else {
            throw .marker("There are \(elements.count) elements, counted from 1, and no [\(key)].")
        }
        return elements[number - 1]
    }

    private func datum(_ keys: [String]) throws(NotebookProblem) -> Datum {
        switch self {
        case .integer(let integer): return .number(Double(integer))
        case .number(let number): return .number(number)
        case .string(let string): return .text(string)
        case .null: throw .marker("It says that there is no value at \(keys.map { "[\($0)]" }.joined()).")
        default:
            throw .marker(
                "\(keys.map { "[\($0)]" }.joined()) is no single value. \(object.map { "There are \($0.keys.joined(separator: ", "))." } ?? "Add [*] for all its elements.")"
            )
        }
    }
}
