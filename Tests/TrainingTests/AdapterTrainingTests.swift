import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct AdapterTrainingTests {
    private let configuration = Tiny.configuration(layers: 2)
    private let targets: [ParameterRole.BlockRole] = [.query, .down]

    private func adapter(_ parameters: FlatParameters, seed: UInt64 = 1) -> AdapterTraining {
        AdapterTraining(parameters, .init(rank: 2, alpha: 3, targets: targets), seed: seed)
    }

    /// Sets every trained element to something.
    private func fill(_ adapter: AdapterTraining, seed: UInt64) {
        var stream = RandomStream(seed: seed, purpose: "fill", sample: 0)
        for i in 0..<adapter.trained.count { adapter.trained.pointer[i] = Float(stream.nextNormal() * 0.2) }
        adapter.trainedChanged()
    }

    @Test("a fresh adapter changes nothing: A is random and B zero")
    func fresh() {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.bits(parameters)
        let adapter = adapter(parameters)
        adapter.trainedChanged()
        #expect(Tiny.bits(parameters) == before)
        for pair in adapter.adapter.pairs {
            #expect(pair.b.elements.allSatisfy { $0 == 0 })
            let bound = 1 / Float(pair.a.columns).squareRoot()
            #expect(pair.a.elements.allSatisfy { abs($0) <= bound })
            #expect(Set(pair.a.elements).count == pair.a.elements.count)
        }
        #expect(adapter.counts.reduce(0, +) == adapter.trained.count)
    }

    @Test("the weights are base + alpha / rank · B · A in the targets, and the base elsewhere")
    func merged() {
        let parameters = Tiny.parameters(configuration)
        let base = Tiny.elements(parameters)
        let adapter = adapter(parameters)
        fill(adapter, seed: 3)
        fill(adapter, seed: 4)  // what came before leaves no trace
        let pairs = Dictionary(adapter.adapter.pairs.map { ($0.role, $0) }) { first, _ in first }
        #expect(pairs.count == 2 * configuration.layers)
        for (specification, offset) in parameters.specifications {
            for i in 0..<specification.count {
                var expected = base[offset + i]
                if let pair = pairs[specification.role] {
                    let (row, column) = (i / specification.columns, i % specification.columns)
                    for k in 0..<2 { expected += 1.5 * pair.b[row, k] * pair.a[k, column] }
                }
                #expect(abs(parameters.buffer.pointer[offset + i] - expected) < 1e-5)
            }
        }
    }

    @Test("gradients of A and B agree with finite differences of the loss")
    func finiteDifferences() throws {
        let parameters = Tiny.parameters(configuration)
        let adapter = adapter(parameters)
        fill(adapter, seed: 5)
        let tokens = Tiny.tokens(9, seed: 2)
        let batch = LossBatch(
            sequences: [
                TrainingSequence(
                    tokens: tokens, rows: (0..<8).map { LossRow(row: $0, target: tokens[$0 + 1]) })
            ], groups: [LossGroup("all", crossEntropy: 1)])
        let gradient = try BatchGradient(parameters, threads: 1)
        _ = gradient.compute(batch)
        let found = adapter.gradient(from: gradient.gradient)
        let analytic = (0..<found.count).map { found.pointer[$0] }
        var stream = RandomStream(seed: 8, purpose: "pick", sample: 0)
        for _ in 0..<24 {
            let i = stream.nextInt(in: 0..<analytic.count)
            let x = adapter.trained.pointer[i]
            func loss(_ value: Float) -> Double {
                adapter.trained.pointer[i] = value
                adapter.trainedChanged()
                return gradient.compute(batch).total
            }
            let numeric = (loss(x + 1e-2) - loss(x - 1e-2)) / 2e-2
            _ = loss(x)
            #expect(abs(numeric - Double(analytic[i])) < 2e-3 + 0.05 * abs(numeric), "element \(i)")
        }
    }

    @Test("training the adapter lowers the loss and leaves everything else alone")
    func learning() throws {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.elements(parameters)
        let adapter = adapter(parameters)
        let optimizer = AdamW(adapter.counts.map { ($0, true) }, .init(learningRate: 0.02, decay: 0))
        let tokens = Tiny.tokens(9, seed: 2)
        let batch = LossBatch(
            sequences: [
                TrainingSequence(
                    tokens: tokens, rows: (0..<8).map { LossRow(row: $0, target: tokens[$0 + 1]) })
            ], groups: [LossGroup("all", crossEntropy: 1)])
        let gradient = try BatchGradient(parameters, threads: 1)
        var losses: [Double] = []
        for _ in 0..<60 {
            losses.append(gradient.compute(batch).total)
            optimizer.step(
                adapter.trained, adapter.gradient(from: gradient.gradient), gradientScale: 1, factor: 1)
            adapter.trainedChanged()
        }
        #expect(losses[59] < 0.8 * losses[0], "\(losses[0]) became \(losses[59])")
        let changed = Set(adapter.adapter.pairs.map(\.role))
        for (specification, offset) in parameters.specifications where !changed.contains(specification.role) {
            for i in offset..<offset + specification.count {
                #expect(parameters.buffer.pointer[i] == before[i])
            }
        }
    }
}
