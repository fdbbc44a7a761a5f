package import Files
import Synchronization
package import SystemPackage

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
