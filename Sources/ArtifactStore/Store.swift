package import Base
package import Files
import JSON
package import Recipes
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The folder in which artifacts, journals and records of runs are kept.
///
/// ```
/// store/<experiment>/<stage>-<first 12 digits of the fingerprint>/artifact.json …   whole artifacts
/// store/<experiment>/runs/<time>-<n>/run.json …                                    what each run did
/// store/<experiment>/determinism/<stage>-<12 digits>.json                            what `d3llm determinism` measured
/// store/<experiment>/launches/<time>-<n>/launch.json …  what was handed to a cluster's queue
/// store/.work/<fingerprint>/      journals and checkpoints of what isn't finished; survives a kill
/// store/.tmp/<fingerprint>.<n>/   an artifact being written; removed when its process is gone
/// store/.index/<fingerprint>      where an artifact is, for other experiments with the same stage
/// store/.locks/<fingerprint>.lock held by the process that makes the artifact; .lease on shared file systems
/// store/.damaged/                 folders that stood in an artifact's place without being one
/// store/.facts/<fingerprint>      sizes and times of an artifact's files when they were last hashed
/// store/.d3llm-store              says that this program made the store
/// ```
package struct Store: Sendable {
    /// The folder; created with the first artifact.
    package let root: FilePath

    /// How processes agree on who makes an artifact.
    package let locks: StoreLocks
    /// Whose artifacts count as being there.
    package let trust: Trust

    /// A store in this folder.
    ///
    /// - Parameters:
    ///   - locks: What to use where the store isn't used with leases already; what suits the file system when nil.
    ///   - trust: Whose artifacts count as being there.
    package init(_ root: FilePath, locks: StoreLocks? = nil, trust: Trust = .imported) {
        self.root = root
        self.locks = StoreLocks.suited(for: root, asked: locks)
        self.trust = trust
    }

    /// The same store for somebody who trusts others, or fewer.
    package init(_ store: Store, trust: Trust) {
        (root, locks, self.trust) = (store.root, store.locks, trust)
    }

    /// Where the artifact of a stage is, or will be.
    package func folder(of stage: Stage, in experiment: Experiment) -> FilePath {
        experimentFolder(experiment.name).appending(stage.folderName)
    }

    package func experimentFolder(_ name: String) -> FilePath { root.pushing(FilePath(name)) }

    /// Folders of an experiment's folder that hold no artifacts.
    package static let reservedFolders = ExperimentHead.reservedFolders

    package func workFolder(_ fingerprint: String) -> FilePath {
        root.appending(".work").appending(fingerprint)
    }

    var temporaryFolder: FilePath { root.appending(".tmp") }

    var locksFolder: FilePath { root.appending(".locks") }

    package func lockFile(_ fingerprint: String) -> FilePath { locksFolder.appending("\(fingerprint).lock") }

    /// What parks folders that stood in the place of an artifact; nobody's files are ever deleted.
    var damagedFolder: FilePath { root.appending(".damaged") }
}

/// A whole artifact: its folder and what its `artifact.json` says.
package struct Artifact: Sendable {
    package let folder: FilePath
    package let record: ArtifactRecord

    package init(folder: FilePath, record: ArtifactRecord) {
        self.folder = folder
        self.record = record
    }
}

/// What makes a store unusable for this version of the program.
package struct StoreError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    package init(description: String) {
        self.description = description
    }

    package static func newerFormat(_ path: FilePath, _ format: Int) -> StoreError {
        StoreError(
            description: """
                \(path) has format \(format), but this version of d3llm reads formats up to \(ArtifactRecord.format). \
                Use the newer version that wrote it, or another store (--store).
                """)
    }
}

extension Store {
    /// Does something that only one process at a time may do with an experiment of this store: hand it to a queue.
    ///
    /// - Returns: What `body` gives; who is at it, where that is another process.
    /// - Throws: What `body` throws; `FileError`.
    package func launching<Value>(_ experiment: String, _ body: () throws -> Value) throws -> Launching<Value>
    {
        // Locks are named like those of artifacts, so that everything that knows these knows it.
        let name = SHA256.hex(of: Array("launch of \(experiment)".utf8))
        guard let lock = try ArtifactLock.attempt(self, name) else {
            return .busy(ArtifactLock.holder(self, name))
        }
        defer { lock.release() }
        return .done(try body())
    }

    /// How ``launching(_:_:)`` went.
    package enum Launching<Value> {
        case done(Value)
        /// Another process is at it, which is named.
        case busy(String)
    }
}

/// Artifacts that another experiment has made: same fingerprint, so the same content.
///
/// `.index/<fingerprint>` holds the place of the artifact, relative to the store. It is only a hint: a wrong or
/// missing one costs the reuse, never a wrong artifact, because what it points to is checked like any other.
extension Store {
    /// Notes where an artifact is.
    ///
    /// An artifact is whole without its note, so that one that can't be written is no error. Without the artifact's lock,
    /// another process may take the temporary folder for that of a dead one, which costs the note.
    package func noteLocation(of fingerprint: String, _ folder: FilePath) {
        guard let relative = try? place(of: folder) else { return }
        writeNote(Array("\(relative)\n".utf8), for: fingerprint, in: .index)
    }

    /// Puts a note on an artifact in its place, whole or not at all.
    func writeNote(_ bytes: [UInt8], for fingerprint: String, in hidden: HiddenFolder) {
        guard let target = try? makeHidden(hidden), let temporary = try? makeHidden(.temporary) else {
            return
        }
        // Among the temporary folders, where what a kill leaves is found and removed.
        let own = FilePath("\(fingerprint).note-\(String(UInt32.random(in: 0 ... .max), radix: 16))")
        let note = own.appending("note")
        do {
            try temporary.makeFolder(own)
            try temporary.writeAtomically(bytes, to: note)
            try temporary.rename(note, to: target, FilePath(fingerprint))
        } catch {}
        try? temporary.remove(own)
    }

    /// Where the index says that the artifact is, if that is inside the store.
    package func notedLocation(of fingerprint: String) -> FilePath? {
        guard Recipe.isFingerprint(fingerprint),
            let bytes = try? hidden(.index)?.read(FilePath(fingerprint), limit: 1 << 16),
            let text = String(validating: bytes, as: UTF8.self),
            let line = text.byteText.split("\n").first?.text,
            let relative = FilePath(foreign: String(line))?.lexicallyNormalized()
        else { return nil }
        guard relative.isRelative, relative.components.first.map({ $0.kind == .regular }) ?? false else {
            return nil
        }
        return root.pushing(relative)
    }
}

/// What the system said of an artifact's files when they were last known to be those of its record.
///
/// Hashing gigabytes before each use would take longer than most stages. A file whose inode, size and times are still
/// those that were noted is the file that was hashed; any other is hashed again. The notes lie in `.facts`, not in the
/// artifact: they are of this copy on this disk.
extension Store {
    private static let factsFormat = 1

    /// Notes the facts of an artifact whose files are known to be those of its record.
    ///
    /// One that can't be written costs hashing the files again.
    package func noteFacts(of artifact: Artifact) {
        guard let value = try? facts(of: artifact), let bytes = try? value.prettyBytes() else { return }
        writeNote(bytes, for: artifact.record.fingerprint, in: .facts)
    }

    /// What is wrong with the files of an artifact: those that may have changed since are hashed again.
    ///
    /// - Parameter isNoted: Whether what was hashed is noted for the next time, which writes to the store.
    /// - Returns: A phrase that names the file; nil when all are as its record says.
    /// - Throws: `FileError`, `Interrupted`.
    package func change(
        in artifact: Artifact, cancellation: Cancellation = .never, isNoted: Bool = true
    ) throws -> String? {
        let current = try? facts(of: artifact)
        if let current, noted(artifact.record.fingerprint) == current { return nil }
        for file in artifact.record.files {
            if cancellation.isCancelled { throw Interrupted() }
            let found = try SHA256.hex(ofFile: artifact.folder.pushing(FilePath(file.path)))
            guard found == file.sha256 else {
                return
                    "its file \(file.path) has changed: its SHA-256 is \(found.prefix(12))… instead of \(file.sha256.prefix(12))…"
            }
        }
        // Facts of before the hashing: a change in between shows the next time.
        if isNoted, let current, let bytes = try? current.prettyBytes() {
            writeNote(bytes, for: artifact.record.fingerprint, in: .facts)
        }
        return nil
    }

    /// Makes sure that a folder that is going to be used has the files of its record, if it is an artifact.
    ///
    /// Files that changed since a run looked at them are hashed, and so are those outside of this store; nothing is written.
    /// A folder without a record that can be read is a checkpoint from elsewhere.
    /// - Throws: `StoreError` that names the file; `FileError`.
    package func checkUnchanged(_ folder: FilePath) throws {
        guard let bytes = try? FileSystem.read(folder.appending(ArtifactRecord.fileName)),
            let record = try? ArtifactRecord(parsing: bytes), record.files.allSatisfy(\.isInside)
        else { return }
        let artifact = Artifact(folder: folder, record: record)
        guard let change = try change(in: artifact, isNoted: false) else { return }
        throw StoreError(
            description:
                "\(folder) isn't what its record says: \(change). Run its experiment again, which makes it anew."
        )
    }

    private func noted(_ fingerprint: String) -> JSONValue? {
        guard Recipe.isFingerprint(fingerprint),
            let bytes = try? hidden(.facts)?.read(FilePath(fingerprint), limit: 1 << 26),
            let root = try? JSONDocument(parsing: bytes, name: "facts").root
        else { return nil }
        return JSONValue(root)
    }

    private func facts(of artifact: Artifact) throws(FileError) -> JSONValue {
        var files: [JSONValue] = []
        for file in artifact.record.files {
            let facts = try FileSystem.facts(artifact.folder.pushing(FilePath(file.path)))
            files.append([
                "path": .string(file.path), "size": .integer(facts.size), "inode": .string("\(facts.inode)"),
                "modified": .string(facts.modified), "changed": .string(facts.changed),
            ])
        }
        return [
            "format": .integer(Self.factsFormat), "content": .text(artifact.record.content),
            "files": .array(files),
        ]
    }
}

extension Store {
    /// Notes that this store is used with leases, so that nobody uses it otherwise; gives the folder that they are in.
    @discardableResult
    func markLeases() throws(FileError) -> Folder {
        let (folder, marker) = (try makeHidden(.locks), FilePath(StoreLocks.markerName))
        guard try folder.status(marker) == nil else { return folder }
        try folder.writeAtomically(
            "Processes agree by leases on who makes what in this store.\n".utf8, to: marker)
        return folder
    }

    /// Who holds a lease of this store, or held it last; nil when it is free.
    func leaseHolder(_ name: String) throws(FileError) -> LeaseFile? {
        guard let folder = try hidden(.locks) else { return nil }
        return try LeaseChain(folder, name).holder
    }

    /// Whether nobody holds a lease of this store, as far as this process has seen.
    func isLeaseFree(_ name: String) throws(FileError) -> Bool {
        guard let folder = try hidden(.locks) else { return true }
        return try Lease.isFree(folder, name)
    }

    /// Puts copies in the place of the journals of an unfinished artifact.
    ///
    /// Who held the lease before may be stopped, not dead. When it goes on, what it appends to the files that it has open
    /// goes nowhere. Checkpoints are replaced whole by their names, so that an older one at worst takes the place of a
    /// newer one.
    func detachJournals(_ fingerprint: String) throws(FileError) {
        guard let folder = try hidden(.work)?.folder(FilePath(fingerprint)) else { return }
        for name in try folder.names() where name.bytes.reversed().starts(with: ".jsonl".utf8.reversed()) {
            let place = FilePath(root: nil, components: name)
            guard try folder.status(place)?.kind == .file,
                let bytes = try folder.read(place, limit: FileLimit.data)
            else {
                continue
            }
            try folder.writeAtomically(bytes, to: place)
        }
    }

    /// Tidies up after processes that ended, or lost their lease, when artifacts were whole already.
    ///
    /// A lease that was never given back is known to have run out only when nobody renewed it for as long as it says; for
    /// that it waits. Who renews it is at work, and tidies up itself.
    ///
    /// - Parameter tell: Is told whom it waits for.
    package func tidyUp(after artifacts: [Artifact], cancellation: Cancellation, tell: (String) -> Void) {
        func holder(_ artifact: Artifact) -> LeaseFile? {
            try? leaseHolder(artifact.record.fingerprint)
        }
        var left = artifacts.filter { !tidy(after: $0) }
        guard locks == .lease, !left.isEmpty else { return }
        let first = Dictionary(
            left.map { ($0.record.fingerprint, holder($0)) }, uniquingKeysWith: { first, _ in first })
        for owner in Set(first.values.compactMap { $0?.owner }).sorted() {
            tell("tidying up after \(owner), once its lease has run out")
        }
        while !left.isEmpty, !cancellation.isCancelled {
            usleep(100_000)
            left.removeAll { artifact in
                let seen = first[artifact.record.fingerprint] ?? nil
                return tidy(after: artifact) || holder(artifact) != seen
            }
        }
    }

    /// Waits until it is known of each lease in the store whether somebody still renews it; at most as long as the
    /// longest of them runs.
    package func settleLeases() throws(FileError) {
        guard locks == .lease, let folder = try hidden(.locks) else { return }
        var open: [String: LeaseFile] = [:]
        for name in try folder.names() {
            guard let lease = name.validText?.byteText.dropping(suffix: ".lease")?.text else { continue }
            open[lease] = try leaseHolder(lease)
        }
        while !open.isEmpty {
            for (name, first) in open {
                let isFree = try isLeaseFree(name)
                let holder = try leaseHolder(name)
                if isFree || holder != first { open[name] = nil }
            }
            if !open.isEmpty { usleep(200_000) }
        }
    }
}
