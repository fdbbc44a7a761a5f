internal import Base
package import Files
import JSON
package import Recipes
package import SystemPackage

/// A folder that a store keeps for itself, directly below its own.
package enum HiddenFolder: String, CaseIterable, Sendable {
    case work = ".work"
    case temporary = ".tmp"
    case index = ".index"
    case locks = ".locks"
    case damaged = ".damaged"
    case facts = ".facts"

    /// Its place below the store.
    package var place: FilePath { FilePath(rawValue) }
}

/// The store's folders as they are written to: held open, and reached from the store's own without following a link.
///
/// A store may have come with a cloned repository, so that whatever stands in it somebody else may have put there. The
/// path of the store itself is the user's, and may be a link.
extension Store {
    /// The file that says that a folder is a store of this program.
    package static let markerName = ".d3llm-store"

    /// The store's folder; nil where there is none.
    ///
    /// - Throws: `FileError`, also where something else stands there.
    package func opened() throws(FileError) -> Folder? {
        guard try FileSystem.status(root) != nil else { return nil }
        return try Folder(root)
    }

    /// The store's folder, made where there is none.
    ///
    /// - Throws: `FileError`.
    package func made() throws(FileError) -> Folder {
        if let folder = try opened() {
            if try !isMarked(folder) {
                let isEmpty = try folder.names().isEmpty
                if try isEmpty ? true : isUnmistakable(folder) { mark(folder) }
            }
            return folder
        }
        try FileSystem.createDirectory(root)
        let folder = try Folder(root)
        // Another process may have made it, and filled it, meanwhile; it has marked it then.
        if try folder.names().isEmpty { mark(folder) }
        return folder
    }

    /// One of the folders that it keeps for itself; nil where it isn't there.
    ///
    /// - Throws: `FileError` that says what stands there, where it is no folder.
    func hidden(_ folder: HiddenFolder) throws(FileError) -> Folder? {
        try opened()?.folder(folder.place)
    }

    /// The same, made where it isn't there.
    func makeHidden(_ folder: HiddenFolder) throws(FileError) -> Folder {
        try made().makeFolder(folder.place)
    }

    /// The folder of locks with the file of the gate, made where they aren't there.
    func makeLocks() throws(FileError) -> Folder {
        let folder = try makeHidden(.locks)
        if try folder.status(StoreGate.file) == nil {
            try? LockFile.open(StoreGate.file.lastComponent, in: folder).close()
        }
        return folder
    }

    /// Where something in the store is below its folder.
    package func place(of path: FilePath) throws(FileError) -> FilePath {
        var place = path
        guard place.removePrefix(root), place.isRelative, !place.isEmpty else {
            throw FileError("use", path, .invalidArgument, "it isn't in the store \(root)")
        }
        return place
    }

    /// Removes something of the store, with all below it, by its path; no link on the way is followed.
    package func remove(_ path: FilePath) throws(FileError) { try opened()?.remove(place(of: path)) }

    /// Renames something of the store to another path in it; no link on the way is followed.
    package func rename(_ path: FilePath, to target: FilePath) throws(FileError) {
        let folder = try made()
        try folder.rename(place(of: path), to: folder, place(of: target))
    }

    /// Makes a folder of the store and those above it; no link on the way is followed.
    @discardableResult
    package func makeFolder(_ path: FilePath) throws(FileError) -> Folder {
        try made().makeFolder(place(of: path))
    }

    /// Whether this program made the store, so that it may tidy up in it.
    ///
    /// - Throws: `FileError`.
    func isOwn() throws(FileError) -> Bool {
        guard let folder = try opened() else { return false }
        if try isMarked(folder) { return true }
        return try isUnmistakable(folder)
    }

    private func isMarked(_ folder: Folder) throws(FileError) -> Bool {
        try folder.status(FilePath(Self.markerName))?.kind == .file
    }

    /// Whether a store of before there were markers can be nothing else: its index leads to an artifact of its own.
    private func isUnmistakable(_ folder: Folder) throws(FileError) -> Bool {
        guard let index = try? folder.folder(HiddenFolder.index.place) else { return false }
        let names = try index.names()
        return names.contains { name in
            guard let fingerprint = name.validText, Recipe.isFingerprint(fingerprint),
                let noted = notedLocation(of: fingerprint), let place = try? self.place(of: noted),
                let bytes = try? folder.read(place.appending(ArtifactRecord.fileName)),
                let record = try? ArtifactRecord(parsing: bytes)
            else { return false }
            return record.fingerprint == fingerprint
        }
    }

    /// A store that can't be marked works like any other, but isn't tidied up.
    private func mark(_ folder: Folder) {
        let note = "d3llm keeps artifacts and records of runs here; see docs/runs.md.\n"
        guard let file = try? folder.create(FilePath(Self.markerName)) else { return }
        defer { try? file.close() }
        _ = try? file.writeAll(note.utf8)
    }
}

/// Names that the program gives in the folders that a store keeps for itself; whatever has another name is left alone.
package enum StoreName {
    /// Of which artifact something in `.tmp` is: `<fingerprint>.<n>`, `….old` behind that, `<fingerprint>.note-<n>`.
    package static func owner(ofTemporary name: String) -> String? {
        var parts = parts(name)
        if parts.count == 3, parts[2] == "old" { parts.removeLast() }
        guard parts.count == 2, let owner = owner(parts[0]) else { return nil }
        let number =
            parts[1].utf8.starts(with: "note-".utf8)
            ? String(decoding: parts[1].utf8.dropFirst(5), as: UTF8.self) : parts[1]
        return isHexadecimal(number, digits: 1...16) ? owner : nil
    }

    /// Of which artifact something in `.locks` is: `<fingerprint>.lock`, `.lease`, `.<holder>.next`, `.<holder>.claim`.
    package static func owner(ofLock name: String) -> String? {
        let parts = parts(name)
        guard let first = parts.first, let owner = owner(first) else { return nil }
        switch parts.count {
        case 2: return ["lock", "lease"].contains(parts[1]) ? owner : nil
        case 3:
            return ["next", "claim"].contains(parts[2]) && isHexadecimal(parts[1], digits: 32...32)
                ? owner : nil
        default: return nil
        }
    }

    /// Whether something in `.damaged` has a name of ``Store/setAside(_:)``: a name, a time, perhaps a number.
    package static func isDamaged(_ name: String) -> Bool {
        guard let last = parts(name).last, last.utf8.count < name.utf8.count else { return false }
        let ending = last.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let time = ending[0]
        return ending.count <= 2 && time.count == 16 && time.starts(with: "20".utf8)
            && time.enumerated().allSatisfy { index, byte in
                switch index {
                case 8: byte == UInt8(ascii: "T")
                case 15: byte == UInt8(ascii: "Z")
                default: isDigit(byte)
                }
            }
            && ending.dropFirst().allSatisfy { !$0.isEmpty && $0.allSatisfy(isDigit) }
    }

    private static func owner(_ name: String) -> String? {
        Recipe.isFingerprint(name) || name == Store.importName ? name : nil
    }

    private static func parts(_ name: String) -> [String] {
        name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func isHexadecimal(_ text: String, digits: ClosedRange<Int>) -> Bool {
        digits.contains(text.utf8.count)
            && text.utf8.allSatisfy { isDigit($0) || (0x61...0x66).contains($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

extension Store {
    /// Stands in the names of lock and temporary folder of an import, where those of artifacts have a fingerprint.
    package static let importName = "import"
}

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
