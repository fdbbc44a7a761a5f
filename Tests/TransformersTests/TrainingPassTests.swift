import Numerics
import Testing

@testable import Transformers

@Suite struct TrainingPassTests {
    private let temperature: Float = 0.7

    /// Three sequences of different lengths, patterns and positions, with some rows that carry no loss.
    private func batch(_ seed: UInt64 = 0) -> (inputs: [ForwardInput], terms: [ReferenceModel.Term]) {
        let inputs = [
            ForwardInput(
                tokens: TinyModels.tokens(5, seed: seed + 1), attention: .causal, logitRows: [0, 1, 2, 3, 4]),
            ForwardInput(
                tokens: TinyModels.tokens(6, seed: seed + 2), firstPosition: 3, logitRows: [1, 2, 5]),
            ForwardInput(
                tokens: TinyModels.tokens(7, seed: seed + 3),
                attention: .blockCausal(promptLength: 2, blockLength: 2), logitRows: [2, 4, 6]),
        ]
        var stream = RandomStream(seed: seed, purpose: "terms")
        var terms = (0..<11).map { _ in
            ReferenceModel.Term(
                target: Int32(stream.nextInt(in: 0..<11)), crossEntropy: Float(stream.nextDouble()),
                entropy: Float(stream.nextDouble() - 0.3))
        }
        terms[2] = .init(target: 3, crossEntropy: 0)
        terms[6] = .init(target: 3, crossEntropy: 0.5)
        terms[8] = .init(target: 3, crossEntropy: 0, entropy: 0.4)
        return (inputs, terms)
    }

    private func gradient(
        _ pass: TrainingPass, _ inputs: [ForwardInput], _ terms: [ReferenceModel.Term],
        into gradients: FlatParameters
    ) {
        pass.forward(inputs)
        let dHidden = pass.headBackward(
            targets: terms.map(\.target),
            weights: terms.map { .init(crossEntropy: $0.crossEntropy, entropy: $0.entropy) },
            temperature: temperature, into: gradients)
        pass.backward(dHidden, into: gradients)
    }

    /// The reference asks for every row and gives the others no gradient.
    ///
    /// Its sums over rows are of the same terms and of zeros. Lengths are beyond what one sum holds (448 rows), in a sequence
    /// and in the batch.
    @Test(
        "leaving out rows of the last block that no loss looks at changes no bit",
        arguments: [false, true], [false, true])
    func wantedRows(recomputes: Bool, headNorm: Bool) throws {
        let flat = TinyModels.parameters(TinyModels.configuration(headNorm: headNorm))
        let lengths = [530, 40, 7, 300]
        let wanted = [Array(3..<90) + [450, 451, 529], [], [6], Array(stride(from: 0, to: 300, by: 7))]
        func batch(_ rows: (Int) -> [Int]) -> [ForwardInput] {
            lengths.indices.map { i in
                ForwardInput(
                    tokens: TinyModels.tokens(lengths[i], seed: UInt64(i)), firstPosition: 2 * i,
                    attention: i == 0 ? .blockCausal(promptLength: 5, blockLength: 8) : .bidirectional,
                    logitRows: rows(i))
            }
        }
        func gradients(_ inputs: [ForwardInput], _ dHidden: (TrainingPass) -> Matrix) throws -> (
            hidden: [Float], FlatParameters
        ) {
            let pass = TrainingPass(try Transformer(over: flat))
            pass.recomputes = recomputes
            pass.forward(inputs)
            let result = FlatParameters(zeros: flat.configuration)
            pass.beginBackward()
            pass.backward(dHidden(pass), into: result)
            return (pass.hidden.elements, result)
        }
        var stream = RandomStream(seed: 1, purpose: "dHidden")
        let count = wanted.map(\.count).reduce(0, +)
        let width = flat.configuration.width
        let values = (0..<count * width).map { _ in Float(stream.nextDouble() - 0.5) }
        let some = try gradients(batch { wanted[$0] }) { _ in
            Matrix(rows: count, columns: width, elements: values)
        }
        let places = lengths.indices.flatMap { i in
            wanted[i].map { lengths[..<i].reduce(0, +) + $0 }
        }
        let all = try gradients(batch { Array(0..<lengths[$0]) }) { pass in
            let dHidden = MutableMatrix(zeros: pass.hidden.rows, width)
            for (i, row) in places.enumerated() {
                for j in 0..<width { dHidden[row, j] = values[i * width + j] }
            }
            return dHidden.view
        }
        #expect(some.hidden == places.flatMap { Array(all.hidden[$0 * width..<($0 + 1) * width]) })
        for (i, (specification, _)) in flat.specifications.enumerated() {
            let (left, right) = (Array(some.1.elements(of: i)), Array(all.1.elements(of: i)))
            #expect(left == right, "\(specification.role)")
            if specification.role != .head {
                #expect(left.contains { $0 != 0 }, "\(specification.role) has a gradient")
            }
        }
    }

    /// Central differences of the reference loss with step 1e-5.
    ///
    /// Their own error is about 1e-10 of the loss, so what remains is the rounding of 32-bit floats through two
    /// blocks, forward and back. The largest error seen is 4e-6 of a tensor's largest gradient; 1e-5 leaves room for
    /// other orders of summation. Norms of heads of two elements can magnify rounding without bound: with the parameters
    /// of seed 1, half a unit in their last place moves the exact gradient by 8e-6, with those of seed 2 by 8e-7.
    @Test(
        "the gradient of every parameter agrees with finite differences in double precision",
        arguments: [
            TinyModels.configuration(tied: false, bias: false),
            TinyModels.configuration(tied: true, bias: true),
            TinyModels.configuration(bias: true, headWidth: 6),
            TinyModels.configuration(tied: true, bias: false, headNorm: true),
            TinyModels.configuration(bias: true, headNorm: true, headWidth: 2),
            TinyModels.configuration(tied: true, bias: false, headNorm: true, headWidth: 6),
            TinyModels.configuration(
                bias: false, headWidth: 6,
                scaling: .llama3(factor: 8, low: 1, high: 4, originalPositions: 16)),
            TinyModels.configuration(bias: false, scaling: .linear(factor: 2.5)),
        ])
    func finiteDifferences(configuration: TransformerConfiguration) throws {
        let flat = TinyModels.parameters(configuration, seed: configuration.headWidth == 2 ? 2 : 1)
        let (inputs, terms) = batch()
        let gradients = FlatParameters(zeros: flat.configuration)
        gradient(TrainingPass(try Transformer(over: flat)), inputs, terms, into: gradients)
        var reference = ReferenceModel(flat)
        let step = 1e-5
        func loss() -> Double { reference.loss(inputs, terms, temperature: Double(temperature)) }
        for (i, (specification, offset)) in flat.specifications.enumerated() {
            let analytic = gradients.elements(of: i).map(Double.init)
            let numeric = (offset..<offset + specification.count).map { j -> Double in
                let original = reference.parameters[j]
                defer { reference.parameters[j] = original }
                reference.parameters[j] = original + step
                let up = loss()
                reference.parameters[j] = original - step
                return (up - loss()) / (2 * step)
            }
            let scale = numeric.reduce(0) { max($0, abs($1)) }
            let error = zip(analytic, numeric).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(scale > 1e-3, "\(specification.role) has no gradient to compare")
            #expect(error < 1e-5 * scale, "\(specification.role): \(error) of \(scale)")
        }
    }

    @Test("losses of rows are those of the formulas")
    func losses() throws {
        let flat = TinyModels.parameters(TinyModels.configuration())
        let (inputs, terms) = batch()
        let pass = TrainingPass(try Transformer(over: flat))
        pass.forward(inputs)
        let rows = pass.rowLosses(targets: terms.map(\.target), temperature: temperature)
        let total = zip(rows, terms).reduce(0.0) {
            $0 + Double($1.0.crossEntropy * $1.1.crossEntropy + $1.0.entropy * $1.1.entropy)
        }
        let expected = ReferenceModel(flat).loss(inputs, terms, temperature: Double(temperature))
        #expect(abs(total - expected) < 1e-5)
    }

    @Test(
        "the training pass computes the hidden states of inference",
        arguments: [
            TinyModels.configuration(), TinyModels.configuration(headNorm: true, headWidth: 6),
        ])
    func hidden(configuration: TransformerConfiguration) throws {
        let model = try TinyModels.transformer(configuration)
        let pass = TrainingPass(model)
        pass.forward(batch().inputs)
        var final: Matrix?
        _ = model.logits(batch().inputs, Workspace()) { final = $0 }
        #expect(try pass.hidden.distance(to: #require(final)) < 1e-5)
    }

    @Test("rows without loss contribute nothing: leaving them out gives the same gradient")
    func silentRows() throws {
        let flat = TinyModels.parameters(TinyModels.configuration())
        let pass = TrainingPass(try Transformer(over: flat))
        var (inputs, terms) = batch()
        let all = FlatParameters(zeros: flat.configuration)
        gradient(pass, inputs, terms, into: all)
        inputs[0].logitRows.remove(at: 2)
        terms.remove(at: 2)
        let without = FlatParameters(zeros: flat.configuration)
        gradient(pass, inputs, terms, into: without)
        for i in 0..<all.buffer.count {
            #expect(abs(all.buffer.pointer[i] - without.buffer.pointer[i]) < 1e-6)
        }
        let silent = FlatParameters(zeros: flat.configuration)
        gradient(pass, inputs, terms.map { .init(target: $0.target, crossEntropy: 0) }, into: silent)
        for i in 0..<silent.buffer.count { #expect(silent.buffer.pointer[i] == 0) }
    }

    @Test("gradients of two batches add up, and a pass can be used again")
    func accumulation() throws {
        let flat = TinyModels.parameters(TinyModels.configuration(tied: true))
        let pass = TrainingPass(try Transformer(over: flat))
        let sum = FlatParameters(zeros: flat.configuration)
        let parts = [UInt64(0), 20].map { seed -> FlatParameters in
            let (inputs, terms) = batch(seed)
            let part = FlatParameters(zeros: flat.configuration)
            gradient(pass, inputs, terms, into: part)
            gradient(pass, inputs, terms, into: sum)
            return part
        }
        for i in 0..<sum.buffer.count {
            let expected = parts[0].buffer.pointer[i] + parts[1].buffer.pointer[i]
            #expect(abs(sum.buffer.pointer[i] - expected) < 1e-5)
        }
    }

    @Test("more rows than the head takes at a time give the same losses and gradients")
    func chunks() throws {
        let flat = TinyModels.parameters(TinyModels.configuration())
        let pass = TrainingPass(try Transformer(over: flat))
        let input = ForwardInput(tokens: TinyModels.tokens(100, seed: 4), attention: .causal)
        let terms = input.tokens.map { ReferenceModel.Term(target: $0, crossEntropy: 0.01) }
        let copies = 6
        let (one, many) = (
            FlatParameters(zeros: flat.configuration), FlatParameters(zeros: flat.configuration)
        )
        gradient(pass, [input], terms, into: one)
        let inputs = [ForwardInput](repeating: input, count: copies)
        gradient(pass, inputs, Array(repeating: terms, count: copies).flatMap { $0 }, into: many)
        for i in 0..<one.buffer.count {
            let (a, b) = (one.buffer.pointer[i] * Float(copies), many.buffer.pointer[i])
            #expect(abs(a - b) < 1e-4 * max(1, abs(a)))
        }
    }
}
