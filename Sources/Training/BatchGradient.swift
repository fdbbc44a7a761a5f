internal import Numerics
public import Transformers

/// Loss and gradient of whole batches, computed in parallel with results that don't depend on the number of
/// threads.
///
/// Sequences are cut into shards; shard i belongs to lane i modulo ``lanes``; a lane adds the gradients of its
/// shards in order, and the lanes are added in order. Threads only decide who computes a lane.
public final class BatchGradient {
    /// Gradient accumulators; part of what decides the bits of a result.
    public static let lanes = 4
    /// Tokens that a shard aims at: small enough for a core's cache.
    private static let shardTokens = 512

    /// Bytes of activations that are kept at most; batches that would need more have them computed again.
    public static let activationLimit = 2 << 30

    public let transformer: Transformer
    private let threads: Int
    private let weights: TrainingWeights
    private let activationLimit: Int
    private let lanes: [FlatParameters]
    private var passes: [UnsafeSendablePass] = []

    /// - Parameters:
    ///   - parameters: the parameters in training; read on every call.
    ///   - threads: how many threads to use.
    ///   - precision: what products of linear layers are computed in; parameters and gradients are 32-bit floats.
    ///   - activationLimit: see ``activationLimit-swift.type.property``; it changes memory and time, not results.
    /// - Throws: `BLASError` when no matrix library can be loaded.
    public init(
        _ parameters: FlatParameters, threads: Int, precision: TrainingPrecision = .float32,
        activationLimit: Int = BatchGradient.activationLimit
    ) throws {
        transformer = try Transformer(over: parameters)
        self.threads = threads
        weights = TrainingWeights(transformer, precision, threads: threads)
        self.activationLimit = activationLimit
        lanes = (0..<Self.lanes).map { _ in FlatParameters(zeros: parameters.configuration) }
    }

    /// The gradient of the last batch.
    public var gradient: FlatParameters { lanes[0] }

    /// Bytes of memory held for activations and scratch.
    public var activationBytes: Int { passes.reduce(0) { $0 + $1.pass.bytes } }

    /// Computes loss and gradient; the latter is in ``gradient`` until the next call.
    public func compute(_ batch: LossBatch) -> LossReport {
        let shards = Self.shards(of: batch)
        // The entropy term is a mean over the rows that turn out correct, known only after every forward pass:
        // then all activations are kept. Otherwise a lane reuses one pass for all of its shards.
        let twoPhases = batch.groups.contains { $0.entropy != 0 }
        let needed = twoPhases ? shards.count : Self.lanes
        while passes.count < needed {
            passes.append(UnsafeSendablePass(pass: TrainingPass(transformer, weights)))
        }
        prepare(shards, of: batch, keepsAll: twoPhases)
        let passes = passes
        let lanes = lanes
        var normalizers = Normalizers(batch)
        let losses = ShardLosses(count: shards.count)
        let denominators = normalizers

        Threads.parallelFor(Self.lanes, threads: threads) { (lane: Int) -> Void in
            lanes[lane].buffer.clear()
            for s in stride(from: lane, to: shards.count, by: Self.lanes) {
                let pass = passes[twoPhases ? s : lane].pass
                let rows = Self.forward(batch.sequences[shards[s]], pass)
                losses.set(
                    s,
                    pass.rowLosses(
                        targets: rows.map(\.target), soft: batch.softTargets(of: rows),
                        temperature: batch.temperature))
                if !twoPhases {
                    Self.backward(rows, [], denominators, batch, pass, into: lanes[lane])
                }
            }
        }
        for (s, shard) in shards.enumerated() {
            normalizers.count(batch.sequences[shard].flatMap(\.rows), losses.get(s))
        }
        if twoPhases {
            let final = normalizers
            Threads.parallelFor(Self.lanes, threads: threads) { (lane: Int) -> Void in
                for s in stride(from: lane, to: shards.count, by: Self.lanes) {
                    let rows = batch.sequences[shards[s]].flatMap(\.rows)
                    Self.backward(rows, losses.get(s), final, batch, passes[s].pass, into: lanes[lane])
                }
            }
        }
        sumLanes()
        return normalizers.report(batch)
    }

    /// Makes the weights follow the parameters, and says whether passes keep their activations.
    private func prepare(_ shards: [Range<Int>], of batch: LossBatch, keepsAll: Bool) {
        let c = transformer.configuration
        let bytes = shards.map { shard in
            batch.sequences[shard].reduce(0) {
                $0 + $1.tokens.count * c.activationBytes(tokens: $1.tokens.count)
            }
        }
        let held = keepsAll ? bytes.reduce(0, +) : Self.lanes * (bytes.max() ?? 0)
        for pass in passes { pass.pass.recomputes = held > activationLimit }
        weights.update(threads: threads)
    }

    private static func forward(_ sequences: ArraySlice<TrainingSequence>, _ pass: TrainingPass) -> [LossRow]
    {
        pass.forward(
            sequences.map {
                ForwardInput(tokens: $0.tokens, attention: $0.attention, logitRows: $0.rows.map(\.row))
            })
        return sequences.flatMap(\.rows)
    }

    private static func backward(
        _ rows: [LossRow], _ losses: [RowLoss], _ normalizers: Normalizers, _ batch: LossBatch,
        _ pass: TrainingPass, into gradient: FlatParameters
    ) {
        guard !rows.isEmpty else { return }
        let weights = rows.enumerated().map { i, row in
            normalizers.weights(
                of: row, isCorrect: losses.isEmpty ? false : losses[i].isCorrect, batch.groups[row.group])
        }
        let dHidden = pass.headBackward(
            targets: rows.map(\.target), soft: batch.softTargets(of: rows), weights: weights,
            temperature: batch.temperature, into: gradient)
        pass.backward(dHidden, into: gradient)
    }

    private func sumLanes() {
        let total = lanes[0].buffer
        let parts = lanes.dropFirst().map(\.buffer)
        let piece = 1 << 16
        Threads.parallelFor((total.count + piece - 1) / piece, threads: threads) { (i: Int) -> Void in
            let start = i * piece
            let range = UnsafeMutableBufferPointer(
                start: total.pointer + start, count: min(piece, total.count - start))
            for part in parts { Kernels.axpy(1, part.pointer + start, to: range) }
        }
    }

    /// Ranges of sequences, a multiple of ``lanes`` of them where there are enough sequences.
    static func shards(of batch: LossBatch) -> [Range<Int>] {
        let count = batch.sequences.count
        let rounds = max(1, (batch.tokenCount + lanes * shardTokens - 1) / (lanes * shardTokens))
        let shards = min(count, rounds * lanes)
        return (0..<shards).map { $0 * count / shards..<($0 + 1) * count / shards }
    }
}

extension LossBatch {
    /// The soft targets of some rows; nil where the batch has none.
    fileprivate func softTargets(of rows: [LossRow]) -> SoftTargets? {
        softTargets.map { SoftTargets(probabilities: $0, rows: rows.map(\.softTarget)) }
    }
}

/// Lets a pass be used by whichever thread computes its lane; lanes never share one.
private struct UnsafeSendablePass: @unchecked Sendable {
    let pass: TrainingPass
}

/// Row losses of each shard.
///
/// `@unchecked Sendable`: every shard is written by the one thread that computes its lane, and read after all
/// threads have finished.
private final class ShardLosses: @unchecked Sendable {
    private let storage: UnsafeMutableBufferPointer<[RowLoss]>

    init(count: Int) {
        storage = .allocate(capacity: count)
        storage.initialize(repeating: [])
    }

    deinit {
        storage.deinitialize()
        storage.deallocate()
    }

    func set(_ shard: Int, _ losses: [RowLoss]) { storage[shard] = losses }
    func get(_ shard: Int) -> [RowLoss] { storage[shard] }
}
