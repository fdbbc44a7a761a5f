package import ArtifactStore
internal import Audit
internal import JSON
package import Recipes
package import Reporting
internal import Runs

/// A run as one HTML file that needs nothing but itself.
///
/// What it says comes from the records of the run; only trajectories are decoded again. The same run gives the same
/// bytes on the same machine.
package struct RunReport: Sendable {
    /// How much a report takes and shows.
    package struct Options: Sendable {
        /// Bytes that the page may have; samples and trajectories are left out to keep below it.
        package var sizeLimit: Int
        /// Whether samples are decoded again for the trajectory viewer.
        package var decodes: Bool
        /// Threads for that.
        package var threads: Int

        package init(sizeLimit: Int = 2_000_000, decodes: Bool = true, threads: Int = Machine.current.cores) {
            self.sizeLimit = sizeLimit
            self.decodes = decodes
            self.threads = threads
        }
    }

    /// The page.
    package let html: String
    /// Samples that can be searched in it, of all that its settings have.
    package let samples: (shown: Int, all: Int)
    /// Samples whose trajectories it has, and of how many methods they are.
    package let trajectories: (count: Int, methods: Int)
    /// What is missing and why, as sentences.
    package let notes: [String]

    /// Makes the report of a run.
    ///
    /// - Parameters:
    ///   - registry: The kinds that the run's stages have.
    ///   - additions: Sections that are shown behind the verdict.
    ///   - progress: Is told what takes long.
    /// - Throws: `FileError`, `DamagedFileError` for tables that can't be read; `Interrupted`.
    package init(
        _ location: RunLocation, registry: StageRegistry, options: Options = Options(),
        additions: [ReportSection] = [],
        cancellation: Cancellation = .never, progress: (String) -> Void = { _ in }
    ) throws {
        let contents = try RunContents(location, registry: registry, cancellation: cancellation)
        let source = ReportSource(contents: contents)
        let repeats = try Self.first(of: source.items(.summary)) { try ReportedRepeats($0, $1) }
        // Tables that repeats are made of are shown by the first of them.
        let tables = source.items(.table).prefix(repeats == nil ? .max : 1)
        let comparisons = try tables.compactMap { item in
            try item.artifact.map { try ReportedComparison(item, $0, in: contents) }
        }
        let samples = ReportSamples(source, comparisons)
        var draft = ReportDraft(
            source: source, comparisons: comparisons, repeats: repeats, samples: samples, traces: nil,
            additions: additions,
            reason: samples.methods.isEmpty
                ? "This run has no samples to decode again."
                : "This page was made without decoding samples again; d3llm report does so unless it is told not to."
        )
        if options.decodes, !samples.methods.isEmpty {
            draft.traces = try ReportTraces(
                samples, in: contents, threads: options.threads, progress: progress)
        }
        let page = try draft.fitted(to: options.sizeLimit)
        html = page.html
        self.samples = (page.problems * samples.methods.count, samples.ids.count * samples.methods.count)
        let perProblem = draft.traces.map { traces in
            traces.traces.prefix(page.traced).joined().count { $0 != nil }
        }
        trajectories = (perProblem ?? 0, page.traced > 0 ? draft.traces?.count.methods ?? 0 : 0)
        notes = (draft.traces?.notes ?? []) + samples.problemsFound + contents.items.compactMap(\.problem)
    }

    private static func first<Result>(
        of items: [RunContents.Item], _ read: (RunContents.Item, Artifact) throws -> Result
    ) throws -> Result? {
        guard let item = items.first, let artifact = item.artifact else { return nil }
        return try read(item, artifact)
    }
}
