package import Base
package import Files
import Recipes
package import SystemPackage

/// How people name a run: by its folder or file, or by its experiment.
package enum RunAddress {
    /// The folder of the run that a text names.
    ///
    /// The text is a run's folder or the `run.json` in it, as a path or relative to the store; or the name of an
    /// experiment, which stands for its newest run that has ended.
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
        throw UnknownRunError(text, store)
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
    func runNames(of experiment: String) -> [(time: String, count: Int, name: String)] {
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

    package init(_ text: String, _ store: Store) {
        let names = store.experimentsWithRuns()
        let hint =
            names.isEmpty
            ? "No experiment has run in the store \(store.root)."
            : NearestName.hint(for: text, among: names, what: "Experiments with runs")
                ?? "\(names.count) experiments have run in the store \(store.root)."
        description =
            "\"\(text)\" is neither the folder of a run nor its run.json nor an experiment that has run. \(hint)"
    }
}

/// A run with its record and the store that its artifacts are in.
package struct RunLocation: Sendable {
    /// The run's folder.
    package let folder: FilePath
    package let record: RunRecord
    package let store: Store

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
