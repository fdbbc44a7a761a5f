package import Base
package import Files
import JSON
package import Recipes
import Synchronization
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The folder of a run that goes on: `store/<experiment>/runs/<time>-<n>/`.
///
/// It is made when there is something to do, with the resolved configuration; ``RunRecord/fileName`` comes last and
/// says that the run has ended.
package struct RunFolder: Sendable {
    package let path: FilePath
    /// Nil where it couldn't be created: that costs the record of the log, not the run.
    package let log: RunLog?

    /// Makes a folder that no other run has.
    package init(_ experiment: Experiment, in store: Store, started: Timestamp) throws {
        let runs = store.runsFolder(experiment.name)
        let folder = try store.makeFolder(runs)
        // Names tell which run is the newest. Where the clock was put back, this one counts on from the newest that
        // is there; its record says what the clock says.
        let time = max(started.compact, store.runNames(of: experiment.name).last?.time ?? "")
        var n = 1
        while try !folder.makeNewFolder(FilePath("\(time)-\(n)")) { n += 1 }
        path = runs.appending("\(time)-\(n)")
        log = try? RunLog(path.appending(RunRecord.logFileName))
        guard let source = experiment.source else { return }
        try FileSystem.writeAtomically(
            try source.resolved.prettyBytes(), to: path.appending(RunRecord.experimentFileName))
    }

    /// Writes the record: the run has ended.
    package func finish(_ record: RunRecord) throws {
        try FileSystem.writeAtomically(
            try record.value.prettyBytes(), to: path.appending(RunRecord.fileName))
    }
}

/// `log.txt` of a run: what its log said, each line with its time, written as it comes.
package final class RunLog: Sendable {
    private let file: Mutex<FileDescriptor?>

    /// Creates the file.
    package init(_ path: FilePath) throws(FileError) {
        do {
            file = Mutex(
                try FileDescriptor.open(
                    path, .writeOnly, options: [.create, .append, .closeOnExec],
                    permissions: FilePermissions(rawValue: 0o666)))
        } catch {
            throw FileError("write", path, error as? Errno ?? .ioError)
        }
    }

    deinit { close() }

    /// Adds a line.
    package func append(_ line: String) {
        // A log that can't be written is no reason to stop the work.
        file.withLock { _ = try? $0?.writeAll("\(Timestamp.now().text) \(line)\n".utf8) }
    }

    /// Ends the log; later lines are dropped.
    ///
    /// Not left to the last reference: the thread of the last stage may hold one a moment longer than the run lasts.
    package func close() {
        file.withLock { file in
            try? file?.close()
            file = nil
        }
    }
}

/// How people name a run: by its folder or file, or by its experiment.
package enum RunAddress {
    /// The folder of the run that a text names.
    ///
    /// The text is a run's folder or the `run.json` in it, as a path or relative to the store; the name of that folder
    /// alone, where one run only has it; or the name of an experiment, which stands for its newest run that has ended,
    /// with `~1` behind it for the one before, `~2` for the one before that.
    /// - Throws: `UnknownRunError` with the nearest name; `RunRecordError` for the folder of a run that hasn't ended;
    ///   `FileError`.
    package static func find(_ text: String, in store: Store) throws -> FilePath {
        let given = FilePath(text)
        for path in [given, store.root.pushing(given)] where !text.isEmpty {
            guard let kind = try? FileSystem.status(path)?.kind else { continue }
            if kind == .file, path.lastComponent?.string == RunRecord.fileName {
                let folder = path.removingLastComponent()
                return folder.isEmpty ? "." : folder
            }
            guard kind == .folder else { continue }
            if FileSystem.exists(path.appending(RunRecord.fileName)) { return path }
            if FileSystem.exists(path.appending(RunRecord.logFileName)) { throw RunRecordError.absent(path) }
        }
        if let newest = store.runs(of: text).last { return newest }
        // The experiment's folder, as a shell completes it.
        var inside = given
        if inside.removePrefix(store.root), let newest = store.runs(of: inside.string).last { return newest }
        if let earlier = earlier(text, in: store) { return earlier }
        if let run = try called(text, in: store) { return run }
        throw UnknownRunError(text, store)
    }

    /// `mini/first~1`: the run before the newest.
    private static func earlier(_ text: String, in store: Store) -> FilePath? {
        guard let (experiment, number) = text.byteText.cut(atLast: "~"), let back = Int(number.text),
            back >= 0
        else { return nil }
        let runs = store.runs(of: experiment.text)
        return runs.indices.contains(runs.count - 1 - back) ? runs[runs.count - 1 - back] : nil
    }

    /// The run of any experiment whose folder has that name.
    private static func called(_ text: String, in store: Store) throws -> FilePath? {
        guard Timestamp.isCompact(text.byteText.cut(atLast: "-")?.before.text ?? "") else { return nil }
        let found = store.experimentsWithRuns().filter { experiment in
            store.runNames(of: experiment).contains { $0.name == text }
        }
        guard found.count < 2 else {
            let names = found.prefix(8).map { "\($0)/runs/\(text)" }.joined(separator: ", ")
            throw UnknownRunError(
                description: "\"\(text)\" could be \(found.count) runs: \(names). Give more of the name.")
        }
        guard let experiment = found.first else { return nil }
        let folder = store.runsFolder(experiment).appending(text)
        guard FileSystem.exists(folder.appending(RunRecord.fileName)) else {
            throw RunRecordError.absent(folder)
        }
        return folder
    }
}

extension Store {
    /// The folders of an experiment's runs that have ended, the newest last.
    package func runs(of experiment: String) -> [FilePath] {
        let name = FilePath(experiment)
        guard name.isRelative, !experiment.isEmpty else { return [] }
        let folder = runsFolder(experiment)
        return runNames(of: experiment)
            .map { folder.appending($0.name) }
            .filter { FileSystem.exists($0.appending(RunRecord.fileName)) }
    }

    /// The names of all runs of an experiment, ended or not, in order.
    ///
    /// They consist of a time and a number that counts the runs of the same second ("-10" comes after "-9"); other names
    /// are left out.
    package func runNames(of experiment: String) -> [(time: String, count: Int, name: String)] {
        let names = (try? FileSystem.list(runsFolder(experiment))) ?? []
        let keyed = names.compactMap { name -> (time: String, count: Int, name: String)? in
            guard let (time, number) = name.byteText.cut(atLast: "-"), let count = Int(number.text),
                Timestamp.isCompact(time.text)
            else { return nil }
            return (time.text, count, name)
        }
        return keyed.sorted { ($0.time, $0.count) < ($1.time, $1.count) }
    }

    /// The names of all experiments that have run folders, in order.
    package func experimentsWithRuns() -> [String] {
        var names: [String] = []
        func visit(_ name: String) {
            for child in (try? FileSystem.list(experimentFolder(name))) ?? []
            where !child.byteText.hasPrefix(".") {
                if child == "runs" {
                    names.append(name)
                    continue
                }
                let inner = name.isEmpty ? child : "\(name)/\(child)"
                let folder = experimentFolder(inner)
                // Artifacts hold no experiments.
                guard (try? FileSystem.status(folder, followingLinks: false))?.kind == .folder,
                    !FileSystem.exists(folder.appending(ArtifactRecord.fileName))
                else { continue }
                visit(inner)
            }
        }
        visit("")
        return names.sorted()
    }

    package func runsFolder(_ experiment: String) -> FilePath {
        experimentFolder(experiment).appending("runs")
    }

    package func launchesFolder(_ experiment: String) -> FilePath {
        experimentFolder(experiment).appending("launches")
    }
}

/// A run named on the command line that isn't there.
package struct UnknownRunError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    package init(description: String) { self.description = description }

    package init(_ text: String, _ store: Store) {
        let names = store.experimentsWithRuns()
        let hint =
            names.isEmpty
            ? Self.emptiness(of: store)
            : NearestName.hint(for: text, among: names, what: "Experiments with runs")
                ?? "\(names.count) experiments have run in the store \(store.place)."
        let configured = Self.experiment(ofConfiguration: text).map {
            " It is a configuration, whose newest run is called \"\($0)\"."
        }
        description =
            "\"\(text)\" is neither the folder of a run nor its run.json nor an experiment that has run.\(configured ?? "") \(hint)"
    }

    /// The experiment's name where the text is the path of a configuration that says it; nil for everything else.
    private static func experiment(ofConfiguration text: String) -> String? {
        let path = FilePath(text)
        guard text.byteText.hasSuffix(".json"), let size = (try? FileSystem.status(path))??.size,
            size < 1 << 20, let bytes = try? FileSystem.read(path)
        else { return nil }
        let root = try? JSONDocument(parsing: bytes, name: text, allowComments: true).root
        return root?["stages"] == nil && root?["extends"] == nil ? nil : root?["name"]?.string
    }

    /// For a store without any run.
    package init(_ store: Store) { description = Self.emptiness(of: store) }

    private static func emptiness(of store: Store) -> String {
        store.isThere
            ? "No experiment has run in the store \(store.place)."
            : "No experiment has run in the store \(store.place): there is no such folder. --store names another."
    }
}

extension Store {
    /// Where it is, whatever the current folder.
    package var place: FilePath { ((try? FileSystem.absolute(root)) ?? root).lexicallyNormalized() }

    /// Whether there is anything at its place.
    package var isThere: Bool { FileSystem.exists(root) }
}

/// A run with its record and the store that its artifacts are in.
package struct RunLocation: Sendable {
    /// The run's folder.
    package let folder: FilePath
    package let record: RunRecord
    package let store: Store

    package init(folder: FilePath, record: RunRecord, store: Store) {
        (self.folder, self.record, self.store) = (folder, record, store)
    }

    /// The run that a text names.
    ///
    /// - Parameters:
    ///   - text: See ``RunAddress/find(_:in:)``.
    ///   - store: Where names are looked up. A run given by its path is in the store that its folder lies in.
    /// - Throws: As ``RunAddress/find(_:in:)`` and ``RunRecord/read(_:)``.
    package static func find(_ text: String, in store: Store) throws -> RunLocation {
        let folder = try RunAddress.find(text, in: store)
        let record = try RunRecord.read(folder)
        return RunLocation(
            folder: folder, record: record, store: Self.store(around: folder, record, given: store))
    }

    /// The store that holds a run's folder, which is in `<store>/<experiment>/runs`; the given one where it is that,
    /// or where the folder lies elsewhere.
    private static func store(around folder: FilePath, _ record: RunRecord, given: Store) -> Store {
        // A path such as "." says nothing about the folders above it.
        guard let current = MachinePaths.currentFolder else { return given }
        var rest = current.pushing(folder).lexicallyNormalized().removingLastComponent()
        for name in ["runs"] + FilePath(record.experiment).components.reversed().map(\.string) {
            guard rest.lastComponent?.string == name else { return given }
            rest.removeLastComponent()
        }
        return rest == current.pushing(given.root).lexicallyNormalized() ? given : Store(rest)
    }

    /// The run's address in its store: `mini/smoke/runs/20261121T093000Z-1`.
    package var address: String { "\(record.experiment)/runs/\(folder.lastComponent?.string ?? "")" }

    /// Writes a file to the run's folder, which may have come from anybody: below the store no link is followed.
    ///
    /// - Returns: the file's path.
    /// - Throws: `FileError`.
    package func write(_ bytes: some Sequence<UInt8>, to name: FilePath.Component) throws(FileError)
        -> FilePath
    {
        let path = folder.appending(name)
        let file = FilePath(root: nil, components: name)
        guard let current = MachinePaths.currentFolder, let opened = try store.opened() else {
            try Folder(folder).writeAtomically(bytes, to: file)
            return path
        }
        var place = current.pushing(folder).lexicallyNormalized()
        // A run elsewhere was named by its path.
        if place.removePrefix(current.pushing(store.root).lexicallyNormalized()), !place.isEmpty {
            try opened.writeAtomically(bytes, to: place.appending(name))
        } else {
            try Folder(folder).writeAtomically(bytes, to: file)
        }
        return path
    }
}

/// Takes the folders of this machine out of texts: a record shouldn't tell under whose account it was made.
package struct MachinePaths {
    private let shortened: [(folder: String, text: String)]

    /// - Parameters:
    ///   - store: Becomes `store`.
    ///   - current: The working directory: paths below it become relative.
    ///   - home: Becomes `~`.
    package init(store: FilePath, current: FilePath? = Self.currentFolder, home: FilePath? = Self.home) {
        var folders: [(folder: String, text: String)] = []
        if store.isAbsolute { folders.append((store.lexicallyNormalized().string, "store")) }
        if let current, current != "/" { folders.append((current.string, "")) }
        if let home, home != "/" { folders.append((home.string, "~")) }
        // The longest first, because one may lie in another.
        shortened = folders.sorted { $0.folder.count > $1.folder.count }
    }

    /// The same text with every absolute path shortened: to one that begins at a known place, or to its last part.
    package func hidden(in text: String) -> String {
        var result = ""
        // Scalars: a slash beside a combining mark begins a path too.
        var rest = text.unicodeScalars[...]
        while let start = rest.indices.first(where: {
            isStart($0, in: rest, after: result.unicodeScalars.last)
        }) {
            result.unicodeScalars += rest[..<start]
            rest = rest[start...]
            if let (folder, text) = shortened.first(where: { Self.begins(rest, with: $0.folder) }) {
                // Known folders first, because spaces in their names don't end them.
                rest = rest.dropFirst(folder.unicodeScalars.count)
                let below = rest.prefix { !Self.ends($0) }
                result +=
                    text.isEmpty ? (below.isEmpty ? "." : String(below.dropFirst())) : text + String(below)
                rest = rest[below.endIndex...]
            } else {
                let path = rest.prefix { !Self.ends($0) }
                // What ends in a slash names a folder; what is only slashes names nothing of the machine.
                result += Substring(path).byteText.split("/").last.map { "…/\($0)" } ?? String(path)
                rest = rest[path.endIndex...]
            }
        }
        return result + String(rest)
    }

    private static func begins(_ text: Substring.UnicodeScalarView, with folder: String) -> Bool {
        guard text.starts(with: folder.unicodeScalars) else { return false }
        return text.dropFirst(folder.unicodeScalars.count).first.map { $0 == "/" || ends($0) } ?? true
    }

    /// Whether a character ends a path in a text.
    private static func ends(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || ",;()\"'<>|:=".unicodeScalars.contains(scalar)
    }

    /// A slash that begins a path, not one inside a relative path, a fraction or an address of the web.
    private func isStart(
        _ index: String.Index, in text: Substring.UnicodeScalarView, after last: Unicode.Scalar?
    ) -> Bool {
        guard text[index] == "/" else { return false }
        let before = index == text.startIndex ? last : text[text.index(before: index)]
        guard let before else { return true }
        if before == ":" {
            // "file:/x" and "a:/x" are paths; "https://x" is none.
            let next = text.index(after: index)
            return next == text.endIndex || text[next] != "/"
        }
        return before.properties.isWhitespace || "\"'(=,;<|".unicodeScalars.contains(before)
    }

    /// The working directory.
    static var currentFolder: FilePath? {
        guard let text = getcwd(nil, 0) else { return nil }
        defer { free(text) }
        return FilePath(platformString: text)
    }

    private static var home: FilePath? { getenv("HOME").map { FilePath(platformString: $0) } }
}
