import Numerics
import Testing
import Transformers

@testable import Training

@Suite struct OptimizerTests {
    private let configuration: TransformerConfiguration = {
        var c = Tiny.configuration(layers: 2)
        c.queryKeyValueBias = true
        return c
    }()

    private func gradients(_ seed: UInt64) -> FlatParameters {
        let flat = FlatParameters(zeros: configuration)
        var stream = RandomStream(seed: seed, purpose: "gradients")
        for i in 0..<flat.buffer.count { flat.buffer.pointer[i] = Float(stream.nextNormal()) }
        return flat
    }

    @Test("upstream's rule decays all but biases, by name; the other one matrices only")
    func decayRules() {
        for specification in configuration.parameterSpecifications {
            let name = LLaDAFamily.name(of: specification.role)
            #expect(
                WeightDecayRule.upstream.decays(specification, name: name) == !name.hasSuffix(".bias"),
                "\(name)")
            #expect(WeightDecayRule.matrices.decays(specification, name: name) == !specification.isVector)
        }
        guard let norm = configuration.parameterSpecifications.first(where: { $0.role == .finalNorm }) else {
            Issue.record("a model without final norm")
            return
        }
        #expect(WeightDecayRule.upstream.decays(norm, name: "model.transformer.ln_f.weight"))
        #expect(!WeightDecayRule.upstream.decays(norm, name: "model.input_LayerNorm.weight"))
        #expect(!WeightDecayRule.upstream.decays(norm, name: "model.RMSNorm.weight"))
    }

    @Test("without a gradient AdamW only decays, and only what the rule says")
    func decayOfAdamW() {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.elements(parameters)
        let adam = AdamW(configuration, .init(learningRate: 0.1, decay: 0.5), decays: { !$0.isVector })
        adam.step(parameters, FlatParameters(zeros: configuration), gradientScale: 1, factor: 0.5)
        for (specification, offset) in parameters.specifications {
            for i in offset..<offset + specification.count {
                let expected = specification.isVector ? before[i] : before[i] * (1 - 0.1 * 0.5 * 0.5)
                #expect(abs(parameters.buffer.pointer[i] - expected) < 1e-6)
            }
        }
    }

    @Test("AdamW's first step moves every parameter by the learning rate against its gradient's sign")
    func firstStep() {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.elements(parameters)
        let gradient = gradients(3)
        let adam = AdamW(configuration, .init(learningRate: 0.01), decays: { _ in false })
        adam.step(parameters, gradient, gradientScale: 0.1, factor: 1)
        #expect(adam.steps == 1)
        for (i, x) in before.enumerated() where abs(gradient.buffer.pointer[i]) > 1e-3 {
            let step = parameters.buffer.pointer[i] - x
            #expect(abs(abs(step) - 0.01) < 1e-5)
            #expect((step > 0) == (gradient.buffer.pointer[i] < 0))
        }
    }

    private func optimizer(_ name: String, threads: Int = 1) -> any Optimizer {
        let adam = AdamW.Options(learningRate: 0.01)
        return name == "adamw"
            ? AdamW(configuration, adam, decays: { !$0.isVector })
            : Muon(configuration, .init(learningRate: 0.02), adam: adam, threads: threads)
    }

    @Test("an optimiser that gets its state back takes the same next step", arguments: ["adamw", "muon"])
    func roundTrip(name: String) {
        let (parameters, original) = (Tiny.parameters(configuration), optimizer(name))
        for seed in 0..<3 { original.step(parameters, gradients(UInt64(seed)), gradientScale: 1, factor: 1) }
        let copy = FlatParameters(zeros: configuration)
        copy.buffer.copy(from: parameters.buffer)
        let restored = optimizer(name, threads: 2)
        restored.steps = original.steps
        #expect(restored.state.map(\.name) == original.state.map(\.name))
        for (to, from) in zip(restored.state, original.state) { to.buffer.copy(from: from.buffer) }
        original.step(parameters, gradients(9), gradientScale: 0.5, factor: 0.7)
        restored.step(copy, gradients(9), gradientScale: 0.5, factor: 0.7)
        #expect(Tiny.bits(copy) == Tiny.bits(parameters))
        #expect(restored.steps == 4)
        // One without the state would not have got there.
        let fresh = FlatParameters(zeros: configuration)
        fresh.buffer.copy(from: parameters.buffer)
        let forgetful = optimizer(name)
        forgetful.step(fresh, gradients(9), gradientScale: 0.5, factor: 0.7)
        #expect(Tiny.bits(fresh) != Tiny.bits(parameters))
    }

    // MARK: Muon

    @Test("Muon decays the blocks' matrices and leaves vectors, embedding and head to AdamW")
    func decayOfMuon() {
        let parameters = Tiny.parameters(configuration)
        let before = Tiny.elements(parameters)
        let muon = Muon(
            configuration, .init(learningRate: 0.1, decay: 0.5),
            adam: .init(learningRate: 0.2, decay: 0.25), threads: 1)
        muon.step(parameters, FlatParameters(zeros: configuration), gradientScale: 1, factor: 0.5)
        for (specification, offset) in parameters.specifications {
            let keep: Float =
                switch specification.role {
                case .embedding, .head: 1 - 0.2 * 0.5 * 0.25
                default: specification.isVector ? 1 : 1 - 0.1 * 0.5 * 0.5
                }
            for i in offset..<offset + specification.count {
                #expect(abs(parameters.buffer.pointer[i] - before[i] * keep) < 1e-6)
            }
        }
    }

    @Test(
        "Muon's step is the orthogonal matrix of its momentum times the rate and √max(1, rows / columns)",
        arguments: [Float(1), 1e-4])
    func direction(scale: Float) {
        let parameters = FlatParameters(zeros: configuration)
        let muon = Muon(
            configuration, .init(learningRate: 0.1, decay: 0), adam: .init(learningRate: 0.01), threads: 2)
        let gradient = gradients(4)
        muon.step(parameters, gradient, gradientScale: scale, factor: 0.5)
        for (i, (specification, _)) in parameters.specifications.enumerated() {
            guard case .block = specification.role, !specification.isVector else { continue }
            // The first momentum is the gradient, whose size doesn't matter.
            let (rows, columns) = (specification.rows, specification.columns)
            let copy = MutableMatrix(zeros: rows, columns)
            copy.copy(from: Matrix(rows: rows, columns: columns, elements: Array(gradient.elements(of: i))))
            let direction = NewtonSchulz.orthogonalized(copy, iterations: 5, Arena()).view.elements
            let factor = -0.05 * max(1, Float(rows) / Float(columns)).squareRoot()
            for (step, d) in zip(parameters.elements(of: i), direction) {
                #expect(abs(step - factor * d) < 1e-5, "\(specification.role)")
            }
        }
    }

    @Test("the number of threads doesn't change Muon's bits")
    func threads() {
        let results = [1, 3].map { threads -> [UInt32] in
            let parameters = Tiny.parameters(configuration)
            let muon = optimizer("muon", threads: threads)
            for seed in 0..<2 { muon.step(parameters, gradients(UInt64(seed)), gradientScale: 1, factor: 1) }
            return Tiny.bits(parameters)
        }
        #expect(results[0] == results[1])
    }
}
