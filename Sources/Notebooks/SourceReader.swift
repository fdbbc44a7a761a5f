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
    private func file(_ name: String) throws(NotebookProblem) -> String {
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
