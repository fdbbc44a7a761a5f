internal import Base
import Files
import JSON
package import Recipes
import SystemPackage

extension Store {
    /// What stands in the place of a stage's artifact.
    package enum Finding: Sendable {
        case whole(Artifact)
        case absent
        /// Something that isn't the artifact; it is set aside and the artifact made again.
        case damaged(String)
    }

    /// Looks for the artifact of a stage without reading its contents: files are checked by name and size.
    ///
    /// It may be in the stage's place or where another experiment made it.
    ///
    /// - Throws: `StoreError` when a newer version of the program wrote it; `FileError`.
    package func find(_ stage: Stage, in experiment: Experiment) throws -> Finding {
        var found = try find(stage.fingerprint, at: folder(of: stage, in: experiment))
        if case .whole(let artifact) = found, !isTrusted(artifact) { found = .absent }
        if case .absent = found, let artifact = notedArtifact(stage.fingerprint), isTrusted(artifact) {
            return .whole(artifact)
        }
        return found
    }

    private func isTrusted(_ artifact: Artifact) -> Bool { trust == .imported || isOwn(artifact) }

    /// The same for one that is going to be used: files that may have changed since they were hashed are hashed again.
    ///
    /// - Throws: As ``find(_:in:)``; `Interrupted`.
    package func findUnchanged(_ stage: Stage, in experiment: Experiment, cancellation: Cancellation) throws
        -> Finding
    {
        let found = try find(stage, in: experiment)
        guard case .whole(let artifact) = found,
            let change = try change(in: artifact, cancellation: cancellation)
        else { return found }
        // What another experiment made stays where it is.
        return artifact.folder == folder(of: stage, in: experiment) ? .damaged(change) : .absent
    }

    /// The artifact where the index says that it is; nil where the index is wrong.
    private func notedArtifact(_ fingerprint: String, allowingIncomplete: Bool = false) -> Artifact? {
        // Whatever is the matter there is the matter of those who made it; here it only costs the reuse.
        guard let noted = notedLocation(of: fingerprint),
            case .whole(let artifact)? = try? find(
                fingerprint, at: noted, allowingIncomplete: allowingIncomplete)
        else { return nil }
        return artifact
    }

    /// The artifact that a run's record names, with or without weights; nil where it isn't in the store any more.
    ///
    /// - Throws: `StoreError` when what stands there isn't whole, or was written by a newer version; `FileError`.
    package func artifact(of entry: RunRecord.Entry) throws -> Artifact? {
        let folder = root.pushing(entry.artifact)
        let finding = try find(entry.fingerprint, at: folder, allowingIncomplete: true)
        if case .whole(let artifact) = finding { return artifact }
        if let artifact = notedArtifact(entry.fingerprint, allowingIncomplete: true) { return artifact }
        if case .damaged(let reason) = finding {
            throw StoreError(description: "\(folder) is no whole artifact of that run: \(reason).")
        }
        return nil
    }

    /// - Parameter allowingIncomplete: Whether one that was imported without its weights is found too: its record
    ///   is whole, but no stage can work with it.
    func find(_ fingerprint: String, at folder: FilePath, allowingIncomplete: Bool = false) throws
        -> Finding
    {
        let marker = folder.appending(ArtifactRecord.fileName)
        guard let status = try status(ofMarker: marker) else {
            switch try FileSystem.status(folder, followingLinks: false)?.kind {
            case nil: return .absent
            case .folder?: return .damaged("it has no artifact.json")
            case .link?: return .damaged("it is a link that leads to no artifact")
            case .file?, .other?: return .damaged("it is no folder")
            }
        }
        guard status.kind == .file else { return .damaged("its artifact.json is no file") }
        let record: ArtifactRecord
        do throws(ArtifactRecord.Flaw) {
            record = try ArtifactRecord(parsing: try read(marker))
        } catch {
            switch error {
            case .newerFormat(let format): throw StoreError.newerFormat(marker, format)
            case .unreadable(let reason): return .damaged(reason)
            }
        }
        guard record.fingerprint == fingerprint else {
            return .damaged("its artifact.json has another fingerprint, \(record.fingerprint.prefix(12))…")
        }
        let artifact = Artifact(folder: folder, record: record)
        if IncompleteMarker(of: record, in: folder) != nil {
            return allowingIncomplete ? .whole(artifact) : .absent
        }
        for file in record.files {
            guard file.isInside else {
                return .damaged("its artifact.json lists \(file.path), which isn't inside of it")
            }
            guard let status = try FileSystem.status(folder.pushing(FilePath(file.path))),
                status.kind == .file
            else {
                return .damaged("its file \(file.path) is missing")
            }
            guard status.size == file.size else {
                return .damaged("its file \(file.path) has \(status.size) bytes instead of \(file.size)")
            }
        }
        if let report = record.report, !record.files.contains(where: { $0.path == report }) {
            return .damaged("its artifact.json names a report that it doesn't list, \(report)")
        }
        return .whole(artifact)
    }

    private func status(ofMarker marker: FilePath) throws(FileError) -> FileSystem.Status? {
        do {
            return try FileSystem.status(marker)
        } catch {
            // A link that leads to itself is nothing that could be read with more rights or another day.
            if error.errno == .tooManySymbolicLinkLevels { return nil }
            throw error
        }
    }

    /// All whole records of a stage's other recipes: what `plan` compares with.
    ///
    /// Unreadable ones are left out.
    package func records(of stage: Stage, in experiment: Experiment) -> [Artifact] {
        let folder = experimentFolder(experiment.name)
        let names = (try? FileSystem.list(folder)) ?? []
        return names.compactMap { name in
            guard name.byteText.hasPrefix(stage.folderPrefix) else { return nil }
            let artifact = folder.appending(name)
            guard let bytes = try? FileSystem.read(artifact.appending(ArtifactRecord.fileName)),
                let record = try? ArtifactRecord(parsing: bytes), record.stage == stage.id
            else { return nil }
            return Artifact(folder: artifact, record: record)
        }
    }

    private func read(_ marker: FilePath) throws(ArtifactRecord.Flaw) -> [UInt8] {
        do {
            return try FileSystem.read(marker)
        } catch {
            throw .unreadable("its artifact.json can't be read (\(error.reason))")
        }
    }
}
