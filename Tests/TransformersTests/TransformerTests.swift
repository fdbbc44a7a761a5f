import Numerics
import Testing

@testable import Transformers

@Suite struct TransformerTests {
    static let patterns: [AttentionPattern] = [
        .bidirectional, .causal, .blockCausal(promptLength: 3, blockLength: 2),
    ]

    private func inputs() -> [ForwardInput] {
        Self.patterns.enumerated().flatMap { i, pattern in
            [
                ForwardInput(tokens: TinyModels.tokens(4 + i, seed: UInt64(i)), attention: pattern),
                ForwardInput(tokens: TinyModels.tokens(1, seed: 9), firstPosition: 5, attention: pattern),
                ForwardInput(tokens: TinyModels.tokens(7, seed: UInt64(10 + i)), attention: pattern),
            ]
        }
    }

    @Test(
        "logits agree with the plain formulas in double precision", arguments: [false, true], [false, true])
    func reference(tied: Bool, bias: Bool) throws {
        let flat = TinyModels.parameters(TinyModels.configuration(tied: tied, bias: bias))
        let model = try Transformer(over: flat)
        let reference = ReferenceModel(flat)
        let logits = model.logits(inputs(), Workspace())
        let expected = inputs().flatMap { reference.logits($0) }
        #expect(logits.rows == expected.count)
        for (r, row) in expected.enumerated() {
            for (v, x) in row.enumerated() { #expect(abs(Double(logits[r, v]) - x) < 2e-5) }
        }
    }

    @Test("a ragged batch gives what each sequence gives alone")
    func ragged() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        let together = model.logits(inputs(), workspace).elements
        let apart = inputs().flatMap { model.logits([$0], workspace).elements }
        #expect(together.count == apart.count)
        for (a, b) in zip(together, apart) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("asking for fewer rows gives the same rows")
    func rows() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        var wanted: [[Float]] = []
        var fewer = inputs()
        let all = model.logits(inputs(), workspace)
        var offset = 0
        for (i, input) in inputs().enumerated() {
            // Every other row; none at all of the third sequence.
            fewer[i].logitRows = i == 2 ? [] : input.tokens.indices.filter { $0 % 2 == i % 2 }
            wanted += fewer[i].logitRows.map { Array(all.row(offset + $0)) }
            offset += input.tokens.count
        }
        let some = model.logits(fewer, workspace)
        #expect(some.rows == wanted.count)
        for (r, row) in wanted.enumerated() {
            for (a, b) in zip(some.row(r), row) { #expect(abs(a - b) < 1e-5) }
        }
        #expect(model.logits([ForwardInput(tokens: [1, 2], logitRows: [])], workspace).rows == 0)
    }

    @Test("the same inputs give the same bits, in a new workspace as in a used one")
    func deterministic() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let used = Workspace()
        let first = model.logits(inputs(), used).elements.map(\.bitPattern)
        _ = model.logits([ForwardInput(tokens: TinyModels.tokens(40))], used)
        #expect(model.logits(inputs(), used).elements.map(\.bitPattern) == first)
        #expect(model.logits(inputs(), Workspace()).elements.map(\.bitPattern) == first)
    }

    @Test("a workspace may serve models with other rotary frequencies and head widths in turn")
    func sharedWorkspace() throws {
        var other = TinyModels.configuration()
        other.ropeTheta = 100
        var scaled = TinyModels.configuration()
        scaled.ropeScaling = .linear(factor: 3)
        var wide = TransformerConfiguration(
            layers: 1, width: 8, heads: 1, feedForwardWidth: 4, vocabulary: 11)
        wide.tiedHead = true
        let models = try [TinyModels.configuration(), other, scaled, wide].map {
            try TinyModels.transformer($0)
        }
        let shared = Workspace()
        let input = [ForwardInput(tokens: TinyModels.tokens(9))]
        for model in models + models {
            #expect(model.logits(input, shared).elements == model.logits(input, Workspace()).elements)
        }
    }

    @Test("inspection shows every block's input and the final hidden states")
    func inspection() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        var shapes: [[Int]] = []
        _ = model.logits([ForwardInput(tokens: [1, 2, 3], logitRows: [1])], Workspace()) {
            shapes.append([$0.rows, $0.columns])
        }
        #expect(shapes == [[3, 8], [3, 8], [1, 8]])
    }
}
