import Files
import JSON
package import Recipes
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
