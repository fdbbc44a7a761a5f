internal import ArtifactStore
internal import Numerics
internal import Runs

extension SampledStage {
    /// Computes the groups that the journal lacks, in parallel, and sums up its records.
    ///
    /// - Parameter unit: What the progress line counts, in the plural.
    func runGroups(_ context: StageContext, unit: String) throws -> StageResult {
        let groups = try groups(context)
        let journal = try context.journal(Self.journalName)
        let progress = context.progress(total: groups.sampleCount, unit: unit, done: journal.count)
        let first = (journal.count + groups.size - 1) / groups.size
        let commit: @Sendable (Int, [JournalRecord]) throws -> Void = { _, records in
            try journal.append(group: records)
            progress.advance(by: records.count)
        }
        if context.ranks == nil {
            try OrderedGroups.run(
                from: first, to: groups.count, context: context, compute: groups.compute, commit: commit)
        } else {
            let queue = GroupQueue(from: first, to: groups.count, commit: commit)
            try context.shareGroups(of: groups, keys: try sampleKeys(context), queue)
            try OrderedGroups.run(queue, context: context, compute: groups.compute)
        }
        let records = journal.records
        guard records.count == groups.sampleCount else {
            throw DamagedFileError(
                journal.path,
                "it has \(records.count) records for \(groups.sampleCount) samples; delete the file to start the stage again."
            )
        }
        return try result(of: records, in: journal.path)
    }
}
