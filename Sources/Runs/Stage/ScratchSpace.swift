package import ArtifactStore
package import Files
package import Recipes
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder outside any store that goes away with the value.
package final class ScratchSpace: Sendable {
    package let path: FilePath

    /// A folder in `TMPDIR`, or in /tmp.
    package init() throws(FileError) {
        let parent = getenv("TMPDIR").map { FilePath(platformString: $0) } ?? "/tmp"
        var folder = parent
        repeat {
            folder = parent.appending("d3llm-\(String(UInt64.random(in: 0 ... .max), radix: 16))")
        } while try !FileSystem.createNewDirectory(folder)
        path = folder
    }

    // What can't be removed lies where the system tidies up by itself.
    deinit { try? FileSystem.remove(path) }
}

extension StageContext {
    /// A context for running a stage outside its store.
    ///
    /// - Parameters:
    ///   - folder: A folder that is made for it, in which output and work are.
    ///   - artifacts: What the stage refers to, by stage.
    package static func scratch(
        _ stage: Stage, in folder: FilePath, artifacts: [String: Artifact], threads: Int,
        cancellation: Cancellation, permissions: Permissions
    ) throws -> StageContext {
        let (output, work) = (folder.appending("output"), folder.appending("work"))
        for path in [folder, output, work] { try FileSystem.createDirectory(path) }
        // Its progress is nobody's business: a line that has ended already.
        let reporter = ProgressReporter.silent
        let line = reporter.begin(stage.id)
        reporter.end(line)
        return StageContext(
            stage: stage, output: output, workFolder: work, threads: ThreadShare(threads),
            artifacts: artifacts,
            cancellation: cancellation, reporter: reporter, line: line, permissions: permissions)
    }
}
