internal import Decoding
internal import Numerics
internal import Training
internal import Transformers

/// Tries out passes of models with random weights.
enum ModelProbe {
    /// Seconds of one forward pass on one thread while all do the same; nil without a matrix library.
    static func forward(_ shape: PassShape, threads: Int) -> Double? {
        guard let model = try? Transformer(over: weights(shape.configuration)) else { return nil }
        let lanes = (0..<threads).map { _ in ForwardLane(shape) }
        for lane in lanes { lane.fill(model) }
        return Stopwatch.seconds {
            Threads.parallelFor(threads, threads: threads) { (i: Int) -> Void in lanes[i].run(model) }
        }
    }

    /// Seconds of loss and gradient of a batch on all threads; nil without a matrix library.
    static func gradient(_ shape: PassShape, keepsActivations: Bool, threads: Int) -> Double? {
        let c = shape.configuration
        guard let gradient = try? BatchGradient(weights(c), threads: threads) else { return nil }
        let batch = batch(shape, hasEntropy: keepsActivations)
        return Stopwatch.seconds { _ = gradient.compute(batch) }
    }

    /// The same of an adapter; `forwards` is how often blocks are computed forward.
    static func adapterGradient(
        _ shape: PassShape, share: Double, forwards: Int, isHalf: Bool, threads: Int
    ) -> Double? {
        let c = shape.configuration
        let targets: [ParameterRole.BlockRole] = [
            .query, .key, .value, .attentionOutput, .gate, .up, .down,
        ]
        let one = AdapterTraining.Options(rank: 1, alpha: 1, targets: targets).count(of: c)
        let rank = max(1, Int((share * Double(c.parameterCount) / Double(max(1, one))).rounded()))
        guard let base = try? Transformer(over: weights(c)) else { return nil }
        let trainee = AdapterTraining(base, .init(rank: rank, alpha: 1, targets: targets), seed: 1)
        guard
            let loss = try? AdapterGradient(
                base, trainee.adapter, threads: threads, precision: isHalf ? .bfloat16 : .float32,
                activationLimit: forwards == 1 ? .max : 0)
        else { return nil }
        let batch = batch(shape, hasEntropy: forwards == 3)
        return Stopwatch.seconds { _ = loss.compute(batch) }
    }

    private static func batch(_ shape: PassShape, hasEntropy: Bool) -> LossBatch {
        let c = shape.configuration
        let sequences = (0..<shape.sequences).map { s in
            TrainingSequence(
                tokens: tokens(shape.tokens, c, seed: s),
                rows: (shape.tokens - shape.logitRows..<shape.tokens).map {
                    LossRow(row: $0, target: Int32($0 % c.vocabulary))
                })
        }
        return LossBatch(
            sequences: sequences,
            groups: [LossGroup("probe", crossEntropy: 1, entropy: hasEntropy ? 1 : 0)])
    }

    /// Seconds of an optimiser's step on all threads.
    static func optimizer(_ c: TransformerConfiguration, isMuon: Bool, threads: Int) -> Double? {
        // Muon's products need the library that a model loads.
        guard (try? BLAS.load()) != nil else { return nil }
        let parameters = weights(c)
        let gradients = weights(c)
        let adam = AdamW.Options(learningRate: 1e-6)
        let optimizer: any Optimizer =
            isMuon
            ? Muon(c, .init(learningRate: 1e-6), adam: adam, threads: threads)
            : AdamW(c, adam, decays: { !$0.isVector })
        return Stopwatch.seconds {
            _ = GradientClipping.norm(gradients.buffer)
            optimizer.step(parameters, gradients, gradientScale: 1, factor: 1)
        }
    }

    /// Seconds that a decoder takes for one sequence between two forwards, on one thread while all do the same: decoding
    /// with a model so small that it takes no time itself; nil without a matrix library.
    static func decoderStep(threads: Int) -> Double? {
        let c = TransformerConfiguration(layers: 1, width: 8, heads: 1, feedForwardWidth: 8, vocabulary: 16)
        let (sequences, length) = (16, 16)
        guard let model = try? Transformer(over: weights(c)) else { return nil }
        let options = AutoregressiveOptions(generationLength: length)
        let seconds = Stopwatch.seconds {
            Threads.parallelFor(threads, threads: threads) { (_: Int) -> Void in
                var decoders = (0..<sequences).map { s -> any Decoder in
                    // Without an end token, so that all go on to the last.
                    let task = DecodingTask(prompt: tokens(4, c, seed: s), maskToken: 0, endToken: nil)
                    return AutoregressiveDecoder(task, options)
                }
                try? BatchDecoder(model, threads: 1).decode(&decoders)
            }
        }
        return seconds / Double(sequences * length)
    }

    /// Bytes per second that all threads together read from memory.
    static func bandwidth(threads: Int) -> Double {
        // Larger than caches are.
        let count = 16 << 20
        let buffers = (0..<threads).map { _ in FloatBuffer(zeros: count) }
        let seconds = Stopwatch.seconds {
            Threads.parallelFor(threads, threads: threads) { (i: Int) -> Void in
                _ = Kernels.sumOfSquares(UnsafeBufferPointer(start: buffers[i].pointer, count: count))
            }
        }
        return 4 * Double(count * threads) / max(seconds, 1e-9)
    }

    /// Random weights: cheap ones, because their values don't matter, but neither zero nor denormal.
    private static func weights(_ c: TransformerConfiguration) -> FlatParameters {
        let flat = FlatParameters(zeros: c)
        var state: UInt32 = 1
        for i in 0..<flat.buffer.count {
            state = state &* 1_664_525 &+ 1_013_904_223
            flat.buffer.pointer[i] = (Float(state >> 8) / Float(1 << 24) - 0.5) * 0.05
        }
        return flat
    }

    fileprivate static func tokens(_ count: Int, _ c: TransformerConfiguration, seed: Int) -> [Int32] {
        (0..<count).map { Int32(($0 * 7 + seed) % c.vocabulary) }
    }
}

/// What one thread needs for its passes.
///
/// `@unchecked Sendable`: only the thread that runs the lane touches it, and one pass ends before the next begins.
private final class ForwardLane: @unchecked Sendable {
    private let shape: PassShape
    private let workspace = Workspace()
    private let caches: [KeyValueCache]

    init(_ shape: PassShape) {
        self.shape = shape
        caches =
            shape.cached == 0
            ? []
            : (0..<shape.sequences).map { _ in
                KeyValueCache(shape.configuration, capacity: shape.cached + shape.tokens)
            }
    }

    /// Puts the tokens that are cached into the caches.
    func fill(_ model: Transformer) {
        guard !caches.isEmpty else { return }
        _ = model.logits(
            caches.enumerated().map { s, cache in
                ForwardInput(
                    tokens: ModelProbe.tokens(shape.cached, shape.configuration, seed: s), cache: cache,
                    cacheUpdate: .append(shape.cached), logitRows: [])
            }, workspace)
    }

    /// One pass, with what a decoder asks of each row of logits.
    func run(_ model: Transformer) {
        let logits = model.logits(
            (0..<shape.sequences).map { s in
                ForwardInput(
                    tokens: ModelProbe.tokens(shape.tokens, shape.configuration, seed: s),
                    firstPosition: shape.cached, cache: caches.isEmpty ? nil : caches[s],
                    logitRows: Array(shape.tokens - shape.logitRows..<shape.tokens))
            }, workspace)
        for row in 0..<logits.rows { _ = Kernels.score(logits.row(row)) }
    }
}
