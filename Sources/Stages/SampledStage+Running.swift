internal import Pipeline

extension SampledStage {
    /// Computes the groups that the journal lacks, in parallel, and sums up its records.
    ///
    /// - Parameter unit: What the progress line counts, in the plural.
    func runGroups(_ context: StageContext, unit: String) throws -> StageResult {
        let groups = try groups(context)
        let journal = try context.journal(Self.journalName)
        let progress = context.progress(total: groups.sampleCount, unit: unit, done: journal.count)
        try OrderedGroups.run(
            from: (journal.count + groups.size - 1) / groups.size, to: groups.count, context: context,
            compute: groups.compute
        ) { _, records in
            try journal.append(group: records)
            progress.advance(by: records.count)
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
