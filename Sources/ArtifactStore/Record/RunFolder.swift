package import Files
import JSON
package import Recipes
import Synchronization
package import SystemPackage

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
