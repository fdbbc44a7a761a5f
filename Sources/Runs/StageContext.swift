package import ArtifactStore
import Files
package import JSON
package import Ranks
package import Recipes
import Synchronization
package import SystemPackage

/// What a stage may use while it runs.
///
/// None of it decides the content of the artifact but the seed and the artifacts that the stage refers to.
package final class StageContext: Sendable {
    /// An empty folder; what is in it when the stage returns becomes the artifact.
    package let output: FilePath
    /// A folder for checkpoints that survives a kill and is there again when the same recipe is resumed; removed
    /// when the artifact is whole.
    package let workFolder: FilePath
    /// What random numbers are drawn from, together with stage, sample and purpose.
    package let seed: UInt64
    /// How many threads to use; it changes while the stage runs, as others end and begin.
    package var threads: Int { share.count }
    private let share: ThreadShare
    /// What the stage may do beyond computing.
    package let permissions: Permissions
    /// Other processes that compute for this one; nil where it is alone.
    package let ranks: RankPool?

    package let stage: Stage
    private let artifacts: [String: Artifact]
    private let cancellation: Cancellation
    private let reporter: ProgressReporter
    private let line: RunningStage.ID
    private let journals = Mutex<[String: Journal]>([:])
    /// See ``adopt(_:as:address:)``.
    let adopted = Mutex<[ExternalFile]>([])

    package init(
        stage: Stage, output: FilePath, workFolder: FilePath, threads share: ThreadShare,
        artifacts: [String: Artifact],
        cancellation: Cancellation, reporter: ProgressReporter, line: RunningStage.ID,
        permissions: Permissions, ranks: RankPool? = nil
    ) {
        self.stage = stage
        self.output = output
        self.workFolder = workFolder
        self.seed = UInt64(stage.recipe.seed)
        self.share = share
        self.permissions = permissions
        self.ranks = ranks
        self.artifacts = artifacts
        self.cancellation = cancellation
        self.reporter = reporter
        self.line = line
    }

    /// The folder of an artifact that the stage refers to; its part, if one is named, is the kind's to find.
    package func folder(of reference: ArtifactReference) -> FilePath { artifact(reference).folder }

    /// The metrics of an artifact that the stage refers to.
    package func metrics(of reference: ArtifactReference) -> JSONValue { artifact(reference).record.metrics }

    /// All that is recorded of an artifact that the stage refers to.
    package func record(of reference: ArtifactReference) -> ArtifactRecord { artifact(reference).record }

    private func artifact(_ reference: ArtifactReference) -> Artifact {
        guard let artifact = artifacts[reference.stage] else {
            preconditionFailure("\(reference) is no reference of stage \(stage.id)")
        }
        return artifact
    }

    /// The journal of that name, with the records of earlier processes.
    ///
    /// When the stage is done it becomes the file `NAME.jsonl` of the artifact.
    ///
    /// - Throws: `JournalError` when the file is damaged; `FileError`.
    package func journal(_ name: String) throws -> Journal {
        precondition(
            !name.isEmpty
                && name.unicodeScalars.allSatisfy {
                    $0.isASCII
                        && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || $0 == "-" || $0 == "_")
                },
            "the name of a journal is made of letters, digits, - and _")
        return try journals.withLock { journals in
            if let open = journals[name] { return open }
            let journal = try Journal(workFolder.appending("\(name).jsonl"), fingerprint: stage.fingerprint)
            journals[name] = journal
            return journal
        }
    }

    /// What identifies the recipe of the stage.
    package var fingerprint: String { stage.fingerprint }

    /// Shows how far a stretch of work is.
    ///
    /// - Parameters:
    ///   - total: How many units there are; nil when that isn't known.
    ///   - unit: What is counted, in the plural: "samples", "steps".
    ///   - done: How many are done already, by an earlier process; they don't count for the rate.
    package func progress(total: Int?, unit: String, done: Int = 0) -> StageProgress {
        reporter.beginStretch(line, total: total, unit: unit, done: done)
        return StageProgress(reporter: reporter, line: line)
    }

    /// Says something on the log, once.
    package func log(_ message: String) { reporter.log("\(stage.id): \(message)") }

    /// Whether the stage should stop at the next safe point.
    package var isCancelled: Bool { cancellation.isCancelled }

    /// Stops the stage by an error if it should stop.
    ///
    /// Call it where journal and checkpoints are up to date.
    package func checkCancellation() throws(Interrupted) {
        if isCancelled { throw Interrupted() }
    }

    /// Closes the journals and gives them a place in the artifact.
    package func publishJournals() throws {
        let open = journals.withLock { $0 }
        for (name, journal) in open {
            try journal.close()
            try FileSystem.linkOrMove(journal.path, to: output.appending("\(name).jsonl"))
        }
    }

    /// How many records the journals hold: what a person is told when a stage stops.
    var recordCount: Int { journals.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}

/// One stretch of work on the progress line.
package struct StageProgress: Sendable {
    package let reporter: ProgressReporter
    package let line: RunningStage.ID

    /// Counts units that are done.
    ///
    /// - Parameter note: What to show besides, such as the current loss.
    package func advance(by count: Int = 1, note: String? = nil) {
        reporter.advance(line, by: count, note: note)
    }
}

extension StageContext {
    /// Makes a file of a cache a file of the artifact, without a second copy of large ones.
    ///
    /// Where the file system can, it becomes a file of its own that shares the blocks until one of them is changed; else, on
    /// one file system, it gets a second name (a hard link). Neither removing the cache nor removing the artifact takes it
    /// from the other. Otherwise weights become a symbolic link, and other files are copied.
    ///
    /// - Parameters:
    ///   - file: A plain file that nobody writes to.
    ///   - path: Its place in the artifact.
    ///   - address: Where it can be had, for those who get the artifact without its weights.
    /// - Throws: `FileError`.
    package func adopt(_ file: FilePath, as path: String, address: String?) throws {
        let (folder, place) = (try Folder(output), FilePath(path))
        let above = place.removingLastComponent()
        if !above.isEmpty { try folder.makeFolder(above) }
        var isReference = false
        if try !folder.clone(file, to: place), try !folder.hardLink(file, to: place) {
            if IncompleteMarker.mayBeLeftOut(path) {
                isReference = true
                try folder.symbolicLink(to: FileSystem.absolute(file), at: place)
            } else {
                try folder.copy(file, to: place)
            }
        }
        let entry = ExternalFile(path: path, address: address, isReference: isReference)
        adopted.withLock { $0.append(entry) }
    }

    /// What was taken over so far.
    var adoptedFiles: [ExternalFile] { adopted.withLock { $0 } }
}

extension StageContext {
    /// Writes a journal of the artifact at one go, for records that come too fast or are too many to be kept.
    ///
    /// A stage that is killed writes it again from the beginning.
    /// - Parameters:
    ///   - name: As for ``journal(_:)``.
    ///   - body: Gets what appends a record.
    /// - Throws: `FileError`, `JSONWritingError`, and what the body throws.
    package func writeJournal(_ name: String, _ body: ((JournalRecord) throws -> Void) throws -> Void) throws
    {
        try FileSystem.writeAtomically(to: output.appending("\(name).jsonl")) { sink in
            try sink.append(JournalText.header(fingerprint))
            try body { record in try sink.append(JournalText.lines(of: [record])) }
        }
    }
}
