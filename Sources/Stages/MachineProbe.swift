package import ArtifactStore
internal import DataStages
internal import Decoding
internal import Evaluation
internal import Files
internal import JSON
internal import Measures
internal import Numerics
package import Runs
internal import StageBasics
internal import Synchronization
internal import SystemPackage
internal import Tokenizers
internal import Training
internal import Transformers

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Measures how fast this machine does the work of stages, when it is first asked.
///
/// Models are tried out at their own shapes: a few passes with random weights take in the rate of the matrix
/// products, the elementwise work, the cost of a call and the threads' getting in each other's way. Models too large
/// for that are tried in a smaller copy, with time taken proportional to the operations and at least what it takes to
/// read the weights from memory.
package final class MachineProbe: SpeedMeter {
    /// What all measurements together should take.
    private static let budget = Duration.seconds(2)
    /// A forward pass of more operations or weights is tried in a smaller copy.
    private static let largestOperations = 4e9
    private static let largestParameters = 12_000_000

    private struct State {
        var seconds: [ModelWork: Double] = [:]
        var spent = Duration.zero
        var bandwidth: Double?
    }
    private let state = Mutex(State())
    private let threads: Int
    private let store: Store

    /// Measures nothing yet.
    ///
    /// - Parameters:
    ///   - threads: How many threads the run would have.
    ///   - store: Whose disk is measured.
    package init(threads: Int, store: Store) {
        self.threads = threads
        self.store = store
    }

    package func seconds(of work: Work) -> Double? {
        guard let work = ModelWork(work) else { return nil }
        return state.withLock { state in
            if let known = state.seconds[work] { return known }
            // Out of time: what is known of work like it has to do.
            if state.spent > Self.budget, let like = nearest(to: work, state) {
                return like.seconds * work.operations / like.work.operations
            }
            let start = ContinuousClock.now
            let seconds = measure(work, &state)
            state.spent += start.duration(to: .now)
            state.seconds[work] = seconds
            return seconds
        }
    }

    private func nearest(to work: ModelWork, _ state: State) -> (work: ModelWork, seconds: Double)? {
        let wanted = work.operations
        func distance(_ other: ModelWork) -> Double {
            max(wanted, other.operations) / min(wanted, other.operations)
        }
        return state.seconds.filter { $0.key.isLike(work) }.min { distance($0.key) < distance($1.key) }
            .map { ($0.key, $0.value) }
    }

    private func measure(_ work: ModelWork, _ state: inout State) -> Double? {
        switch work {
        case .forward(let shape): return forward(shape, &state)
        case .gradient(let shape, let keeps): return gradient(shape, keepsActivations: keeps)
        case .adapterGradient(var shape, let share, let forwards, let isHalf):
            // Models to be adapted are wide: what isn't in products would count too much in a narrow copy.
            shape.configuration.vocabulary = min(shape.configuration.vocabulary, 4096)
            let tried = shape.reduced(
                operations: 10 * Self.largestOperations, parameters: 3 * Self.largestParameters)
            return ModelProbe.adapterGradient(
                tried, share: share, forwards: forwards, isHalf: isHalf, threads: threads
            ).map {
                $0 * work.operations
                    / tried.adapterOperations(share: share, forwards: forwards)
            }
        case .optimizer(let configuration, let isMuon): return optimizer(configuration, isMuon: isMuon)
        case .decoderStep: return ModelProbe.decoderStep(threads: threads)
        case .generateProblem: return DataProbe.generateProblem()
        case .readProblem: return DataProbe.readProblem()
        case .bootstrap: return DataProbe.bootstrap()
        case .writeMegabyte: return DiskProbe.writeMegabyte(in: store.existingFolder)
        }
    }

    private func forward(_ shape: PassShape, _ state: inout State) -> Double? {
        let tried = shape.reduced(operations: Self.largestOperations, parameters: Self.largestParameters)
        guard let seconds = ModelProbe.forward(tried, threads: threads) else { return nil }
        guard tried != shape else { return seconds }
        let bandwidth = state.bandwidth ?? ModelProbe.bandwidth(threads: threads)
        state.bandwidth = bandwidth
        let reading = 4 * Double(shape.configuration.parameterCount * threads) / bandwidth
        return max(seconds * shape.forwardOperations / tried.forwardOperations, reading)
    }

    private func gradient(_ shape: PassShape, keepsActivations: Bool) -> Double? {
        let tried = shape.reduced(
            operations: 2 * Self.largestOperations, parameters: Self.largestParameters / 3)
        return ModelProbe.gradient(tried, keepsActivations: keepsActivations, threads: threads).map {
            $0 * shape.trainingOperations / tried.trainingOperations
        }
    }

    private func optimizer(_ configuration: TransformerConfiguration, isMuon: Bool) -> Double? {
        let tried = PassShape(configuration, sequences: 1, tokens: 1, logitRows: 1)
            .reduced(operations: .infinity, parameters: Self.largestParameters / 6).configuration
        return ModelProbe.optimizer(tried, isMuon: isMuon, threads: threads).map {
            $0 * configuration.updateOperations(isMuon: isMuon) / tried.updateOperations(isMuon: isMuon)
        }
    }
}

/// Times of something that is done several times.
enum Stopwatch {
    /// The lower quartile of some rounds after one to warm up, at least three unless they are long: what disturbs a
    /// measurement only makes it longer.
    static func seconds(_ body: () -> Void) -> Double {
        // The first one also takes its memory from the system, which can be most of its time.
        body()
        var times: [Double] = []
        let start = ContinuousClock.now
        while times.count < 3 || (start.duration(to: .now) < .milliseconds(60) && times.count < 200) {
            let clock = ContinuousClock.now
            body()
            times.append(clock.duration(to: .now).inSeconds)
            if start.duration(to: .now) > .milliseconds(300) { break }
        }
        return times.sorted()[times.count / 4]
    }
}

extension Duration {
    /// In seconds.
    var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}

/// Tries out the work on problems and on results.
enum DataProbe {
    private static let count = 200

    /// Seconds to generate a problem and to write it as text.
    static func generateProblem() -> Double? {
        guard let task = try? WordProblems(seed: 0) else { return nil }
        return Stopwatch.seconds {
            for problem in (try? task.problems(.train, count: count)) ?? [] {
                _ = try? ProblemFile.value(of: problem).compactBytes()
            }
        } / Double(count)
    }

    /// Seconds to read a problem and to cut it into tokens.
    static func readProblem() -> Double? {
        guard let task = try? WordProblems(seed: 0), let problems = try? task.problems(.train, count: count),
            let tokenizer = try? WordLevelTokenizer.train(
                on: problems.map { $0.prompt() + " " + $0.response })
        else { return nil }
        let lines = problems.compactMap { try? ProblemFile.value(of: $0).compactBytes() }
        return Stopwatch.seconds {
            for line in lines {
                guard let root = try? JSONDocument(parsing: line, name: "probe").root,
                    let problem = ProblemFile.problem(from: root)
                else { continue }
                _ = tokenizer.ids(problem.prompt())
                _ = tokenizer.ids(problem.response)
            }
        } / Double(count)
    }

    /// Seconds per problem, setting and round of the bootstrap.
    static func bootstrap() -> Double? {
        let (problems, settings, rounds) = (400, 10, 40)
        let sweep = Sweep(
            label: "probe",
            settings: (0..<settings).map { setting in
                .init(
                    name: "\(setting)",
                    records: (0..<problems).map { i in
                        SampleRecord(
                            id: "test-\(i)", correct: (i * 7 + setting) % 10 > setting / 2,
                            tokensBeforeEnd: 40,
                            nfe: 40 - 3 * setting, forwards: 40 - 3 * setting, tokensForwarded: 100, text: "",
                            promptHash: "\(i)")
                    })
            })
        return Stopwatch.seconds {
            _ = try? SweepAnalysis([sweep], .init(target: 50, resamples: rounds, seed: 1))
        } / Double(problems * settings * rounds)
    }
}

/// Tries out the disk.
enum DiskProbe {
    /// Seconds to write a megabyte to the disk of a folder, flushed; nil where nothing can be written.
    ///
    /// The file has no name (O_TMPFILE, which Swift does not import): it is gone when it is closed, whatever happens.
    static func writeMegabyte(in folder: FilePath) -> Double? {
        let file = folder.withPlatformString {
            open($0, 0o20_000_000 | O_DIRECTORY | O_WRONLY | O_CLOEXEC, 0o600)
        }
        guard file >= 0 else { return nil }
        defer { close(file) }
        let megabyte = [UInt8](repeating: 0x5A, count: 1_000_000)
        let start = ContinuousClock.now
        var count = 0
        while count < 32, start.duration(to: .now) < .milliseconds(200) {
            guard write(file, megabyte, megabyte.count) == megabyte.count else { return nil }
            count += 1
        }
        guard fsync(file) == 0 else { return nil }
        return start.duration(to: .now).inSeconds / Double(max(1, count))
    }
}

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
