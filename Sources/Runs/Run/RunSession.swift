package import ArtifactStore
package import JSON
import SystemPackage

/// What a run that has something to do shares among its stages.
///
/// It begins with the first stage that has to be made; until then nothing is written, so that a store that is complete
/// may be read-only.
package struct RunSession: Sendable {
    package let folder: RunFolder
    package let code: JSONValue
    /// What the caller knows of the machine.
    package let extras: JSONObject
    let peakMemory = PeakMemory()

    /// - Throws: What `machineExtras` throws; `FileError` when the run's folder can't be made.
    package init(_ runner: Runner, started: Timestamp, extras: JSONObject) throws {
        self.extras = extras
        runner.store.sweepTemporaryFolders()
        folder = try RunFolder(runner.experiment, in: runner.store, started: started)
        let paths = MachinePaths(store: runner.store.root)
        let log = folder.log
        runner.reporter.copy { log?.append(paths.hidden(in: $0)) }
        code = CodeIdentity.current().value
    }

    /// The machine as records hold it.
    package func machine(threads: Int) -> JSONValue {
        Machine.current.value(threads: threads, extras: extras)
    }
}
