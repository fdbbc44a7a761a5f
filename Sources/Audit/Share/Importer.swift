import Archives
package import ArtifactStore
import Files
import JSON
import Runs
package import SystemPackage

/// Takes a run over that somebody else exported.
///
/// A bundle is untrusted: it is unpacked in a temporary folder of the store, everything in it is checked, and only
/// then its artifacts are moved to their places. One thing that doesn't hold, and nothing of it is taken.
package struct Importer: Sendable {
    let store: Store
    let cancellation: Cancellation

    package init(into store: Store, cancellation: Cancellation = .never) {
        self.store = store
        self.cancellation = cancellation
    }

    /// Imports one bundle.
    ///
    /// - Throws: `ArchiveError` for a file that isn't unpacked, `ImportError` for what doesn't hold, `FileError`,
    ///   `Interrupted`. The store is as it was then.
    package func run(_ file: FilePath) throws -> ImportSummary {
        guard let lock = try ArtifactLock.attempt(store, Store.importName) else {
            throw ImportError(
                "\(ArtifactLock.holder(store, Store.importName)) is importing into \(store.root); wait for it"
            )
        }
        defer { lock.release() }
        let temporary = try store.makeTemporaryFolder(for: Store.importName)
        defer { try? store.remove(temporary) }
        let origin = ArtifactRecord.Origin(
            bundle: file.lastComponent?.string ?? "bundle", sha256: try SHA256.hex(ofFile: file),
            imported: Timestamp.now().text)
        let unpacked = temporary.appending("bundle")
        try Unpacker().unpack(file, into: unpacked)
        do {
            let names = try FileSystem.list(unpacked)
            guard names.count == 1 else {
                throw ImportError("it holds \(names.count) folders instead of one")
            }
            let checked = try CheckedBundle(unpacked.appending(names[0]), cancellation: cancellation)
            if cancellation.isCancelled { throw Interrupted() }
            return try ImportPlacement(checked, store, origin, cancellation).place(aside: temporary)
        } catch var error as ImportError {
            error.file = file
            throw error
        }
    }
}

/// What was imported.
package struct ImportSummary: Sendable {
    /// What became of one artifact of the bundle.
    package struct Entry: Sendable, Hashable {
        package enum Outcome: String, Sendable {
            /// It is new in the store.
            case imported
            /// The same was there.
            case kept
            /// The same was there without its weights, which the bundle had.
            case completed
        }

        /// Relative to the store.
        package let folder: String
        package let outcome: Outcome
        /// Files that it lacks now.
        package let missing: [String]
    }

    /// The run's address in the store.
    package let run: String
    /// Whether the run is new in the store.
    package let isNewRun: Bool
    package let artifacts: [Entry]
}
