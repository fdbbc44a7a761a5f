import Files
import Numerics
import SystemPackage
import TestSupport
import Testing
import Transformers

@testable import Training

@Suite struct AdapterTrainingTests {
    private let configuration = Tiny.configuration(layers: 2)
    private let targets: [ParameterRole.BlockRole] = [.query, .down]

    private func adapter(
        _ parameters: FlatParameters, targets: [ParameterRole.BlockRole]? = nil, seed: UInt64 = 1
    ) throws -> AdapterTraining {
        AdapterTraining(
            try Transformer(over: parameters), .init(rank: 2, alpha: 3, targets: targets ?? self.targets),
            seed: seed)
    }

    /// Sets every trained element to something.
    private func fill(_ adapter: AdapterTraining, seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: "fill", sample: 0)
        for i in 0..<adapter.trained.count { adapter.trained.pointer[i] = Float(stream.nextNormal() * 0.2) }
    }

    private func loss(_ adapter: AdapterTraining, _ base: FlatParameters) throws -> AdapterGradient {
        try AdapterGradient(Transformer(over: base), adapter.adapter, threads: 1)
    }

    /// Sequences of several lengths, with an entropy term where asked.
    private func batch(entropy: Float = 0, sequences: Int = 5) -> LossBatch {
        LossBatch(
            sequences: (0..<sequences).map { s in
                let tokens = Tiny.tokens(6 + s, seed: UInt64(s))
                return TrainingSequence(
                    tokens: tokens, rows: (0..<5 + s).map { LossRow(row: $0, target: tokens[$0 + 1]) })
            }, groups: [LossGroup("all", crossEntropy: 1, entropy: entropy)], temperature: 0.7)
    }

    private func bits(_ buffer: FloatBuffer) -> [UInt32] {
        (0..<buffer.count).map { buffer.pointer[$0].bitPattern }
    }

    @Test("a fresh adapter changes nothing: A is random and B zero")
    func fresh() throws {
        let parameters = Tiny.parameters(configuration)
        let adapter = try adapter(parameters)
        for pair in adapter.adapter.pairs {
            #expect(pair.b.elements.allSatisfy { $0 == 0 })
            let bound = 1 / Float(pair.a.columns).squareRoot()
            #expect(pair.a.elements.allSatisfy { abs($0) <= bound })
            #expect(Set(pair.a.elements).count == pair.a.elements.count)
        }
        #expect(adapter.counts.reduce(0, +) == adapter.trained.count)
        let (found, plain) = (try loss(adapter, parameters), try BatchGradient(parameters, threads: 1))
        #expect(found.compute(batch()).total == plain.compute(batch()).total)
    }

    @Test(
        "the gradients are those of weights with the adapter in them",
        arguments: [
            Tiny.configuration(layers: 2), Tiny.configuration(layers: 2, tied: true, shift: true), grouped,
        ], [Float(0), 1.5])
    func mergedForm(configuration: TransformerConfiguration, entropy: Float) throws {
        let parameters = Tiny.parameters(configuration)
        let adapter = try adapter(
            parameters, targets: [.query, .key, .value, .attentionOutput, .gate, .up, .down])
        fill(adapter, seed: 4)
        let before = Tiny.bits(parameters)
        let apart = try loss(adapter, parameters)
        let batch = batch(entropy: entropy)
        let report = apart.compute(batch)
        #expect(Tiny.bits(parameters) == before)
        adapter.adapter.merge(into: parameters)
        let merged = try BatchGradient(parameters, threads: 1)
        #expect(abs(merged.compute(batch).total - report.total) < 1e-5)
        for (found, expected) in zip(apart.gradients, adapter.adapter.gradients(from: merged.gradient)) {
            for (found, expected) in [(found.a, expected.a), (found.b, expected.b)] {
                let scale = expected.elements.map(abs).max() ?? 0
                let error = zip(found.elements, expected.elements).map { abs($0 - $1) }.max() ?? 0
                #expect(scale > 1e-5)
                #expect(error < 1e-4 * scale, "\(error) of \(scale)")
            }
        }
    }

    /// Two query heads share a key head; biases, norms of heads.
    static var grouped: TransformerConfiguration {
        var c = TransformerConfiguration(
            layers: 2, width: 16, heads: 4, keyValueHeads: 2, feedForwardWidth: 24, vocabulary: 16)
        (c.queryKeyValueBias, c.queryKeyNorm) = (true, true)
        c.maskToken = Tiny.mask
        c.endToken = 0
        return c
    }

    @Test(
        "neither threads, nor what is kept of activations, nor how the base is stored changes a bit",
        arguments: [Float(0), 1.5], [TrainingPrecision.float32, .bfloat16])
    func sameBits(entropy: Float, precision: TrainingPrecision) throws {
        let scratch = try ScratchFolder()
        let original = Tiny.parameters(Self.grouped)
        // Numbers that bfloat16 has.
        for i in 0..<original.buffer.count {
            let x = original.buffer.pointer[i].bitPattern & 0xFFFF_0000
            original.buffer.pointer[i] = Float(bitPattern: x)
        }
        let model = try Transformer(over: original)
        let stored = try SafetensorsWriter.FloatType.allCases.map { type in
            let folder = scratch.path.appending(type.rawValue)
            try Checkpoint.save(model, to: folder, type: type)
            return try Checkpoint.loadFrozen(folder)
        }
        let adapter = try adapter(original, targets: [.query, .value, .gate, .down])
        fill(adapter, seed: 6)
        let batch = batch(entropy: entropy, sequences: 9)
        func gradient(_ base: Transformer, threads: Int, limit: Int) throws -> (Double, [UInt32]) {
            let loss = try AdapterGradient(
                base, adapter.adapter, threads: threads, precision: precision, activationLimit: limit)
            let first = loss.compute(batch).total
            #expect(loss.compute(batch).total == first)
            return (first, bits(loss.trainedGradient))
        }
        let plain = try gradient(model, threads: 1, limit: 1 << 30)
        #expect(plain.1.contains { $0 != 0 })
        let inputs = 4 * 16 * 2 * batch.tokenCount
        for base in [model] + stored {
            for (threads, limit) in [(1, 1 << 30), (3, inputs), (2, 0)] {
                let found = try gradient(base, threads: threads, limit: limit)
                #expect(found.0 == plain.0 && found.1 == plain.1)
            }
        }
    }

    @Test("what is kept goes by the bytes that it takes")
    func keeping() {
        let c = Tiny.configuration(layers: 2)
        let (whole, inputs) = (10 * c.activationBytes(tokens: 10), 10 * 4 * 16 * 2)
        func keeping(_ keepsAll: Bool, _ limit: Int) -> AdapterGradient.Keeping {
            .init(c, shards: [[10], [10]], keepsAll: keepsAll, limit: limit)
        }
        #expect(keeping(false, whole) == .activations && keeping(true, 2 * whole) == .activations)
        #expect(keeping(false, whole - 1) == .blockInputs && keeping(true, whole) == .blockInputs)
        #expect(keeping(true, 2 * inputs) == .blockInputs && keeping(true, 2 * inputs - 1) == .nothing)
        #expect(keeping(false, 0) == .blockInputs)
    }

    @Test("a base of 8 bits gives the gradients of its rounded weights")
    func int8() throws {
        let scratch = try ScratchFolder()
        let parameters = Tiny.parameters(configuration)
        try Checkpoint.save(try Transformer(over: parameters), to: scratch.path)
        let rounded = try Checkpoint.loadFrozen(scratch.path, .int8)
        let again = scratch.path.appending("again")
        try Checkpoint.save(rounded, to: again)
        let adapter = try adapter(parameters)
        fill(adapter, seed: 7)
        let found = try AdapterGradient(rounded, adapter.adapter, threads: 1)
        let expected = try AdapterGradient(
            Checkpoint.loadFrozen(again), adapter.adapter, threads: 1)
        #expect(abs(found.compute(batch()).total - expected.compute(batch()).total) < 1e-5)
        for i in 0..<adapter.trained.count {
            #expect(
                abs(found.trainedGradient.pointer[i] - expected.trainedGradient.pointer[i]) < 1e-5)
        }
        #expect(try loss(adapter, parameters).compute(batch()).total != found.compute(batch()).total)
    }

    @Test("gradients of A and B agree with finite differences of the loss")
    func finiteDifferences() throws {
        let parameters = Tiny.parameters(configuration)
        let adapter = try adapter(parameters)
        fill(adapter, seed: 5)
        let gradient = try loss(adapter, parameters)
        let batch = batch()
        _ = gradient.compute(batch)
        let analytic = (0..<adapter.trained.count).map { gradient.trainedGradient.pointer[$0] }
        var stream = RandomStream(seed: 8, purpose: "pick", sample: 0)
        for _ in 0..<24 {
            let i = stream.nextInt(in: 0..<analytic.count)
            let x = adapter.trained.pointer[i]
            func loss(_ value: Float) -> Double {
                adapter.trained.pointer[i] = value
                return gradient.compute(batch).total
            }
            let numeric = (loss(x + 1e-2) - loss(x - 1e-2)) / 2e-2
            _ = loss(x)
            #expect(abs(numeric - Double(analytic[i])) < 2e-3 + 0.05 * abs(numeric), "element \(i)")
        }
    }

    @Test("training the adapter lowers the loss and leaves the base alone")
    func learning() throws {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.bits(parameters)
        let adapter = try adapter(parameters)
        let optimizer = AdamW(adapter.counts.map { ($0, true) }, .init(learningRate: 0.02, decay: 0))
        let loss = try adapter.batchLoss(threads: 1, precision: .float32, helpers: nil)
        var losses: [Double] = []
        for _ in 0..<60 {
            losses.append(loss.compute(batch(sequences: 1)).total)
            optimizer.step(adapter.trained, loss.trainedGradient, gradientScale: 1, factor: 1)
        }
        #expect(losses[59] < 0.8 * losses[0], "\(losses[0]) became \(losses[59])")
        #expect(Tiny.bits(parameters) == before)
    }

    /// The gradient, two moments and the adapter; of the model's own weights there is no copy and no gradient.
    @Test("memory is that of the adapter and of a shard's activations")
    func memory() throws {
        var c = Tiny.configuration(layers: 12)
        (c.width, c.heads, c.feedForwardWidth) = (64, 4, 128)
        c.headWidth = 16
        c.keyValueHeads = 4
        let parameters = Tiny.parameters(c)
        let adapter = try adapter(parameters)
        let loss = try AdapterGradient(
            Transformer(over: parameters), adapter.adapter, threads: 1, activationLimit: 0)
        let batch = batch(entropy: 1, sequences: 64)
        _ = loss.compute(batch)
        #expect(loss.trainedGradient.count == adapter.trained.count)
        // All sequences wait for the entropy term's mean; the activations of one shard and its products are in memory.
        let all = batch.sequences.reduce(0) {
            $0 + $1.tokens.count * c.activationBytes(tokens: $1.tokens.count)
        }
        #expect(loss.activationBytes < all / 8, "\(loss.activationBytes) of \(all)")
    }
}
