internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import SystemPackage

/// Reads what the markers of a notebook name, after checking that it is what was recorded.
struct SourceReader {
    /// A file that was found and checked.
    struct Source {
        let path: FilePath
        /// Its path as a link in the notebook; nil in a store, which isn't given away with the notebook.
        let link: String?
    }

    private let reach: Reach
    private let names: [String: Expression.Reference]
    private let store: Store
    private var results: [FilePath: RecordedResults] = [:]
    private var tables: [FilePath: CSVFile] = [:]
    private var values: [FilePath: JSONValue] = [:]
    /// Runs in the store that recorded results were compared with.
    private(set) var comparedRuns: Set<String> = []
    /// Files that no digest speaks for.
    private(set) var unchecked: Set<String> = []

    /// How many folders of recorded results were checked.
    var checkedFolders: Int { results.count }

    init(notebook: FilePath, names: [String: Expression.Reference], store: Store) {
        reach = Reach(notebook.removingLastComponent())
        self.names = names
        self.store = store
    }

    /// The file that a marker names: one beside the notebook, or `run:RUN@STAGE/FILE` in the store.
    mutating func source(_ name: String) throws -> Source {
        let file = try self.file(name)
        if let run = StoreFile(file) { return Source(path: try run.path(in: store), link: nil) }
        guard FilePath(foreign: file)?.isRelative == true else {
            throw NotebookProblem.marker("\(file) has to be relative to the notebook's folder.")
        }
        let (path, kind) = try reach.place(file)
        guard kind == .file else { throw missing(file, path) }
        let results = try checked(path.removingLastComponent())
        if !results.covers(path) { unchecked.insert(file) }
        return Source(path: path, link: file)
    }

    /// The results of a run: a folder of recorded results, or `run:RUN` for one in the store.
    mutating func run(_ name: String) throws -> RunSummary {
        let file = try self.file(name)
        if let run = file.byteText.dropping(prefix: StoreFile.prefix.byteText) {
            let location = try RunLocation.find(run.text, in: store)
            return RunSummary(location.record, address: location.address, link: nil, artifacts: [])
        }
        let (path, kind) = try reach.place(file)
        guard kind == .folder else { throw missing(file, path) }
        let results = try checked(path)
        guard let record = results.run, let runFolder = results.runFolder else {
            throw NotebookProblem.marker("\(file) has no record of a run (\(RunRecord.fileName)).")
        }
        let isAbove = runFolder.lexicallyNormalized() != path.lexicallyNormalized()
        return RunSummary(
            record, address: results.checksums?.run ?? record.experiment,
            link: "\(isAbove ? FilePath(file).removingLastComponent().string : file)/\(RunRecord.fileName)",
            artifacts: try results.artifactsBelow().map { ($0.stage, $0.fingerprint) })
    }

    /// A table of recorded results beside the notebook.
    mutating func table(_ name: String) throws -> CSVFile {
        let source = try self.source(name)
        guard source.link != nil else {
            throw NotebookProblem.marker("\(name) has to be recorded beside the notebook.")
        }
        do {
            let table = try tables[source.path] ?? CSVFile(try FileSystem.readText(source.path))
            tables[source.path] = table
            return table
        } catch let problem as NotebookProblem {
            throw NotebookProblem(kind: problem.kind, message: "\(name): \(problem.message.trimmed)")
        }
    }

    /// The record of the artifact that a file of recorded results is of: recipe, metrics; nil where none lists it.
    mutating func artifact(with name: String) throws -> JSONValue? {
        let path = try source(name).path
        let artifacts = try checked(path.removingLastComponent()).artifacts
        let file = path.lastComponent?.string.byteText
        return artifacts.first { artifact in artifact.files.contains { $0.name.byteText == file } }?.document
    }

    /// Where a picture goes that is drawn for the notebook: below its folder, apart from recorded results.
    ///
    /// - Throws: A problem for another place; `FileError` where a link stands in the way.
    func picture(_ file: String) throws -> FilePath {
        guard let relative = FilePath(foreign: file), relative.isRelative,
            relative.components.allSatisfy({ $0.kind == .regular })
        else { throw NotebookProblem.marker("\(file) isn't a place below the notebook's folder.") }
        let (path, kind) = try reach.place(file)
        guard kind == nil || kind == .file else {
            throw NotebookProblem.marker("\(file) is there, but it is no file.")
        }
        guard RecordedResults.nearest(ChecksumFile.name, from: path.removingLastComponent()) == nil else {
            throw NotebookProblem.marker(
                "\(file) is in a folder of recorded results, which holds what was recorded only. Choose another, such as figures/\(path.lastComponent?.string ?? "")."
            )
        }
        return path
    }

    /// What stands at a place of a file.
    mutating func datum(_ reference: Expression.Reference) throws(NotebookProblem) -> Datum {
        let place = names[reference.file]
        let name = place?.file ?? reference.file
        let keys = (place?.keys ?? []) + reference.keys
        do {
            let path = try source(name).path
            switch path.extension {
            case "csv":
                let table = try tables[path] ?? CSVFile(try FileSystem.readText(path))
                tables[path] = table
                return try table.value(at: keys)
            case "json":
                let value =
                    try values[path]
                    ?? JSONValue(try JSONDocument(parsing: try FileSystem.read(path), name: path.string).root)
                values[path] = value
                return try value.value(at: keys)
            default: throw NotebookProblem.marker("Values are read from CSV and JSON files.")
            }
        } catch let problem as NotebookProblem {
            throw NotebookProblem(kind: problem.kind, message: "\(name): \(problem.message.trimmed)")
        } catch {
            throw .results("\(error)")
        }
    }

    /// The file that a name stands for.
    func file(_ name: String) throws(NotebookProblem) -> String {
        guard let place = names[name] else { return name }
        guard place.keys.isEmpty else {
            throw .marker("\(name) stands for a place in \(place.file); a file is needed here.")
        }
        return place.file
    }

    /// - Throws: A problem with all that is the matter with the folder.
    private mutating func checked(_ folder: FilePath) throws -> RecordedResults {
        if let known = results[folder] { return known }
        let found = try RecordedResults(folder)
        let comparison = StoreComparison(found, store)
        let problems = found.problems + comparison.problems
        guard problems.isEmpty else {
            throw NotebookProblem.results(
                problems.joined(separator: " ")
                    + " Take the folder back from version control, or record the results again (make record)."
            )
        }
        if let address = comparison.address { comparedRuns.insert(address) }
        results[folder] = found
        return found
    }

    private func missing(_ file: String, _ path: FilePath) -> NotebookProblem {
        let names = (try? FileSystem.list(path.removingLastComponent())) ?? []
        let hint = NearestName.nearest(to: path.lastComponent?.string ?? "", among: names)
        return .marker(
            "\(file) isn't there, seen from the notebook's folder. "
                + (hint.map { "Did you mean \"\($0)\"?" }
                    ?? "Record it with make record, or correct the path."))
    }
}

/// What the markers of a notebook may name: files of its repository, none of them through a link.
///
/// Somebody else's notebook, rendered again and committed, would otherwise publish a file of the user's.
struct Reach {
    /// The notebook's folder.
    private let folder: FilePath
    /// The nearest folder above it, or itself, that is a repository (it holds `.git` or `data.lock`); nil where there is none, and
    /// then only the notebook's own folder counts.
    private let repository: FilePath?

    init(_ folder: FilePath) {
        let start = folder.isEmpty ? FilePath(".") : folder
        self.folder = (try? FileSystem.absolute(start))?.lexicallyNormalized() ?? start
        var above = self.folder
        while !["data.lock", ".git"].contains(where: { FileSystem.exists(above.appending($0)) }) {
            guard above.removeLastComponent(), !above.isEmpty else {
                repository = nil
                return
            }
        }
        repository = above
    }

    /// Where a path relative to the notebook's folder leads, without `..`, and what stands there; nil where nothing does.
    ///
    /// - Throws: `NotebookProblem` for a path that leads out; `FileError` where a link stands in the way.
    func place(_ file: String) throws -> (path: FilePath, kind: FileSystem.Kind?) {
        let path = folder.pushing(FilePath(file)).lexicallyNormalized()
        let top = repository ?? folder
        var rest = path
        guard rest.removePrefix(top) else {
            throw NotebookProblem.marker(
                "\(file) is outside of \(repository == nil ? "the notebook's folder" : "the notebook's repository"), which nothing of a notebook may be."
            )
        }
        let status = rest.isEmpty ? try FileSystem.status(top) : try Folder(top).status(rest)
        return (path, status?.kind)
    }
}

/// A file of a run in a store, as markers name it: `run:RUN@STAGE/FILE`.
struct StoreFile {
    static let prefix = "run:"

    private let text: String

    /// - Returns: nil for names of other files.
    init?(_ text: String) {
        guard let rest = text.byteText.dropping(prefix: Self.prefix.byteText) else { return nil }
        self.text = rest.text
    }

    /// Where the file is, after a check against the digest in its artifact's record.
    func path(in store: Store) throws -> FilePath {
        guard let (run, rest) = text.byteText.cut(at: "@"), let (stageName, file) = rest.cut(at: "/") else {
            throw NotebookProblem.marker(
                "A file of a run is written as run:RUN@STAGE/FILE; this is \"\(Self.prefix)\(text)\".")
        }
        let location: RunLocation
        do {
            location = try RunLocation.find(run.text, in: store)
        } catch let error as UnknownRunError {
            throw NotebookProblem.marker("\(error)")
        }
        let stage = stageName.text
        guard let entry = location.record[stage] else {
            let names = location.record.stages.map(\.stage)
            throw NotebookProblem.marker(
                "The run \(location.address) has no stage \"\(stage)\". \(NearestName.hint(for: stage, among: names, what: "Its stages") ?? "")"
                    .trimmed)
        }
        guard let artifact = try location.store.artifact(of: entry) else {
            throw NotebookProblem.marker(
                "The artifact of \(stage) in \(location.address) isn't in the store any more.")
        }
        let name = file.text
        guard let recorded = artifact.record.files.first(where: { $0.path.byteText == name.byteText }) else {
            let names = artifact.record.files.map(\.path)
            throw NotebookProblem.marker(
                "The artifact of \(stage) has no file \"\(name)\". \(NearestName.hint(for: name, among: names, what: "Its files") ?? "")"
                    .trimmed)
        }
        let path = artifact.folder.pushing(FilePath(name))
        guard try SHA256.hex(ofFile: path) == recorded.sha256 else {
            throw NotebookProblem.results(
                "\(path) isn't what its artifact.json says; d3llm verify tells more.")
        }
        return path
    }
}

/// Recorded results beside the run that they were recorded from, where a store has it.
struct StoreComparison {
    /// The run's address; nil where the store doesn't have it.
    let address: String?
    /// What differs, as sentences.
    let problems: [String]

    init(_ results: RecordedResults, _ store: Store) {
        guard let run = results.run, let folder = results.runFolder,
            let found = Self.find(run, in: store)
        else {
            (address, problems) = (nil, [])
            return
        }
        address = found.address
        var problems: [String] = []
        do {
            let file = RunRecord.fileName
            if try FileSystem.read(folder.appending(file)) != FileSystem.read(found.folder.appending(file)) {
                problems.append(
                    "\(folder.appending(file)) isn't the record of \(found.address) in the store \(store.root)."
                )
            }
            for artifact in results.artifacts {
                problems += try Self.problems(artifact, found)
            }
        } catch {
            problems.append("\(error)")
        }
        self.problems = problems
    }

    private static func problems(_ recorded: RecordedArtifact, _ run: RunLocation) throws -> [String] {
        // An artifact that was removed from the store since says nothing against what was recorded.
        guard let entry = run.record[recorded.stage], let artifact = try run.store.artifact(of: entry) else {
            return []
        }
        return try recorded.files.compactMap { name, sha256 in
            let file = artifact.folder.pushing(FilePath(name))
            guard try FileSystem.status(file)?.kind == .file else {
                return "\(recorded.path) lists \(name), which \(artifact.folder) hasn't."
            }
            return try SHA256.hex(ofFile: file) == sha256
                ? nil : "\(file) in the store isn't what \(recorded.path) says of it."
        }
    }

    /// The run of the same experiment that began in the same second.
    private static func find(_ run: RunRecord, in store: Store) -> RunLocation? {
        for folder in store.runs(of: run.experiment) {
            guard let location = try? RunLocation.find(folder.string, in: store),
                location.record.started == run.started, location.record.finished == run.finished
            else { continue }
            return location
        }
        return nil
    }
}

/// What a notebook says of a run: which, with what program, where, and how to repeat it.
struct RunSummary {
    private let record: RunRecord
    private let address: String
    private let link: String?
    private let artifacts: [(stage: String, fingerprint: String)]

    init(
        _ record: RunRecord, address: String, link: String?,
        artifacts: [(stage: String, fingerprint: String)]
    ) {
        self.record = record
        self.address = address
        self.link = link
        self.artifacts = artifacts
    }

    /// The experiment that it is a run of.
    var experiment: String { record.experiment }

    /// A Markdown list: run, artifacts, code, machine.
    var text: String {
        let place = link.map { " ([record](\($0)))" } ?? ""
        var lines = [
            "run: \(Markdown.code(address)), \(record.status.rawValue) \(Markdown.text(record.finished))\(place)"
        ]
        if !artifacts.isEmpty {
            let list = artifacts.map { Markdown.code("\($0.stage)-\($0.fingerprint.prefix(12))") }
            lines.append("\(list.count == 1 ? "artifact" : "artifacts"): \(list.joined(separator: ", "))")
        }
        lines.append("code: \(code)")
        lines.append("machine: \(machine)")
        return lines.map { "* \($0)" }.joined(separator: "\n")
    }

    private var code: String {
        let version = record.code["version"]?.string ?? "of an unknown version"
        let commit =
            record.code["commit"]?.string.map { ", commit \(Markdown.code(String($0.prefix(12))))" } ?? ""
        let changes = record.code["dirty"]?.bool == true ? " with changes that weren't committed" : ""
        return "d3llm \(Markdown.text(version))\(commit)\(changes)"
    }

    private var machine: String {
        let machine = record.machine
        var parts: [String] = []
        if let processor = machine["processor"]?.string { parts.append(Markdown.text(processor)) }
        if let cores = machine["cores"]?.int { parts.append("\(cores) cores") }
        if let memory = machine["memoryBytes"]?.int {
            parts.append("\(Int((Double(memory) / 1_073_741_824).rounded())) GiB")
        }
        if let threads = machine["threads"]?.int { parts.append("\(threads) threads") }
        if let kernels = machine["kernels"]?.string { parts.append("kernels for \(Markdown.text(kernels))") }
        if let system = machine["system"]?.string {
            parts.append(Markdown.text(system.byteText.split(",").first?.text ?? ""))
        }
        return parts.joined(separator: ", ")
    }

    /// The commands that make and record the results again, as a code block.
    ///
    /// - Throws: A problem where the record doesn't say which configuration it was.
    func repetition() throws(NotebookProblem) -> String {
        guard let config = record.config else {
            throw .marker(
                "The record of \(address) doesn't say which configuration was run (format \(record.format)).")
        }
        var command = [".build/release/d3llm", "run", config.file]
        for override in config.overrides { command += ["--set", override] }
        if let threads = record.machine["threads"]?.int { command += ["--threads", "\(threads)"] }
        let commit =
            record.code["commit"]?.string.map { "   # these results: commit \($0.prefix(12).visible)" } ?? ""
        return """
            ```sh
            make build\(commit)
            \(command.map { ShellWord.quoted($0) }.joined(separator: " "))
            make record RUN=\(ShellWord.quoted(record.experiment))
            ```
            """
    }
}
