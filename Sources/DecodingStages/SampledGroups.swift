internal import ArtifactStore
internal import Base
internal import Decoding
internal import Files
package import JSON
internal import Measures
internal import Numerics
internal import Recipes
package import Runs
internal import StageBasics
internal import Synchronization
internal import SystemPackage
internal import Transformers

/// Computes groups of samples in parallel and hands on their results in order.
///
/// A group is what is decoded together; its composition is fixed, and results reach the journal in the order of
/// groups, so neither threads nor a resume change a byte of it.
enum OrderedGroups {
    /// - Parameters:
    ///   - first: the first group that isn't done yet.
    ///   - compute: the result of a group; called on several threads.
    ///   - commit: takes the results one at a time, in order.
    static func run<Result: Sendable>(
        from first: Int, to count: Int, context: StageContext,
        compute: @Sendable (Int) throws -> Result, commit: @Sendable (Int, Result) throws -> Void
    ) throws {
        let waiting = Mutex<(next: Int, results: [Int: Result])>((first, [:]))
        try Threads.parallelFor(max(0, count - first), threads: context.threads) { offset in
            try context.checkCancellation()
            let group = first + offset
            let result = try compute(group)
            try waiting.withLock { state in
                state.results[group] = result
                while let ready = state.results.removeValue(forKey: state.next) {
                    try commit(state.next, ready)
                    state.next += 1
                }
            }
        }
    }

    /// Computes groups of a queue that other ranks may take from as well, on the threads of the stage, until all are
    /// done.
    ///
    /// - Throws: What `compute` or the queue's commit threw first.
    static func run(
        _ queue: GroupQueue, context: StageContext,
        compute: @escaping @Sendable (Int) throws -> [JournalRecord]
    ) throws {
        Threads.parallelFor(context.threads, threads: context.threads) { (_: Int) -> Void in
            do {
                while true {
                    try context.checkCancellation()
                    switch queue.take(isRemote: false) {
                    case .done: return
                    case .wait: BlockingThread.sleep(milliseconds: 2)
                    case .compute(let group):
                        let start = ContinuousClock.now
                        queue.finish(group, try compute(group), took: start.duration(to: .now))
                    }
                }
            } catch {
                queue.fail(error)
            }
        }
        try queue.check()
    }
}

extension SampledStage {
    /// Computes the groups that the journal lacks, in parallel, and sums up its records.
    ///
    /// - Parameter unit: What the progress line counts, in the plural.
    package func runGroups(_ context: StageContext, unit: String) throws -> StageResult {
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

extension SampleRecord {
    /// As a journal holds it.
    package var value: JSONValue {
        [
            "id": .string(id), "promptHash": .string(promptHash),
            "correct": isGraded ? .bool(correct) : .null,
            "tokens": .integer(tokensBeforeEnd), "nfe": .integer(nfe), "forwards": .integer(forwards),
            "tokensForwarded": .integer(tokensForwarded), "text": .string(text),
        ]
    }

    package init?(_ value: JSONValue) {
        guard let id = value["id"]?.string, let hash = value["promptHash"]?.string,
            let verdict = value["correct"], verdict == .null || verdict.bool != nil,
            let tokens = value["tokens"]?.int,
            let nfe = value["nfe"]?.int,
            let forwards = value["forwards"]?.int, let forwarded = value["tokensForwarded"]?.int,
            let text = value["text"]?.string,
            // What a journal says is added up; no sample of any model comes near this.
            [tokens, nfe, forwards, forwarded].allSatisfy({ (0...(1 << 40)).contains($0) })
        else { return nil }
        self.init(
            id: id, correct: verdict.bool ?? false, tokensBeforeEnd: tokens, nfe: nfe, forwards: forwards,
            tokensForwarded: forwarded, text: text, promptHash: hash, isGraded: verdict != .null)
    }
}

/// What a stage that decodes takes in each precision.
struct DecodingMemory {
    let forms: [StageForecast.ModelMemory]
    /// In bytes, in the precision that the stage has.
    let chosen: Int

    init(
        _ model: ArtifactReference, _ shape: PassShape, threads: Int, chosen: WeightPrecision,
        besides bytes: Double
    ) {
        func memory(_ precision: WeightPrecision) -> Int {
            Int(
                clamped: MemoryModel.program
                    + MemoryModel.decoding(shape, threads: threads, precision: precision) + bytes)
        }
        self.chosen = memory(chosen)
        forms = WeightPrecision.allCases.map {
            .init(
                model: model.stage, form: "decoding, \($0.rawValue)", bytes: memory($0),
                isChosen: $0 == chosen)
        }
    }
}

/// Groups of sequences that are decoded together, one group per thread at a time.
struct GroupCost {
    var groups: Double
    /// Forwards of a group.
    var forwards: Double
    var shape: PassShape

    /// Wall-clock seconds; nil where the speed isn't known.
    ///
    /// The last round may leave threads without a group.
    func seconds(_ context: ForecastContext) -> Double? {
        let turns = (groups / Double(context.threads)).rounded(.up) * forwards
        guard let pass = context.seconds(of: ModelWork.forward(shape).work, times: turns),
            let step = context.seconds(
                of: ModelWork.decoderStep.work, times: turns * Double(shape.sequences))
        else { return nil }
        return pass + step
    }
}
