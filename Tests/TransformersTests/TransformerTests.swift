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

    // MARK: - Less of a model, and more than tokens

    @Test(
        "without both halves of a block a model is the one that lacks the block; with one half left it isn't")
    func skips() throws {
        var whole = TinyModels.configuration()
        whole.layers = 4
        let flat = TinyModels.parameters(whole)
        let part = FlatParameters(zeros: TinyModels.configuration())
        for (index, (specification, _)) in part.specifications.enumerated() {
            var role = specification.role
            if case .block(1, let name) = role { role = .block(3, name) }
            let from = flat.view(of: role).elements
            let to = part.elements(of: index)
            for (place, element) in from.enumerated() { to[place] = element }
        }
        let (model, less) = (try Transformer(over: flat), try Transformer(over: part))
        let input = [ForwardInput(tokens: TinyModels.tokens(9))]
        let both = LayerSkips(attention: [1, 2], feedForward: [1, 2])
        let expected = less.logits(input, Workspace()).elements
        #expect(model.logits(input, Workspace(), skipping: both).elements == expected)
        for half in [
            LayerSkips(attention: [1], feedForward: [1, 2]), LayerSkips(attention: [1, 2], feedForward: [2]),
        ] {
            #expect(model.logits(input, Workspace(), skipping: half).elements != expected)
        }
        let none = LayerSkips(attention: [], feedForward: [])
        #expect(
            model.logits(input, Workspace(), skipping: none).elements
                == model.logits(input, Workspace()).elements)
    }

    @Test(
        "skipped attention leaves its cache alone, so that the whole model goes on as if nothing had been drafted"
    )
    func skippedCache() throws {
        var c = TinyModels.configuration(attention: .causal)
        c.layers = 3
        let model = try TinyModels.transformer(c)
        let tokens = TinyModels.tokens(8)
        func prompt() -> KeyValueCache {
            let cache = KeyValueCache(c, capacity: 12)
            _ = model.logits(
                [ForwardInput(tokens: tokens, attention: .causal, cache: cache, cacheUpdate: .append(8))],
                Workspace())
            return cache
        }
        let drafted = prompt()
        for position in 8..<11 {
            _ = model.logits(
                [
                    ForwardInput(
                        tokens: [3], firstPosition: position, attention: .causal, cache: drafted,
                        cacheUpdate: .append(1))
                ], Workspace(), skipping: LayerSkips(attention: [1], feedForward: []))
        }
        drafted.truncate(to: 8)
        let rows = [drafted, prompt()].map { cache in
            model.logits(
                [ForwardInput(tokens: [5, 6], firstPosition: 8, attention: .causal, cache: cache)],
                Workspace()
            ).elements
        }
        #expect(rows[0] == rows[1])
    }

    @Test(
        "a token that could stand in another's place sees what is before that, and predicts what it would there"
    )
    func siblings() throws {
        let c = TinyModels.configuration(attention: .causal)
        let model = try TinyModels.transformer(c)
        let tokens = TinyModels.tokens(10)
        let cache = KeyValueCache(c, capacity: 16)
        _ = model.logits(
            [
                ForwardInput(
                    tokens: Array(tokens[..<6]), attention: .causal, cache: cache, cacheUpdate: .append(6))
            ], Workspace())
        let places = [1, 3, 3]
        let others: [Int32] = [7, 2, 8]
        let rows = model.logits(
            [
                ForwardInput(
                    tokens: Array(tokens[6...]) + others,
                    geometry: .comb(length: 4, siblings: places, cached: 6, from: 6), cache: cache)
            ], Workspace()
        )
        for (index, (place, token)) in zip(places, others).enumerated() {
            let alone = model.logits(
                [ForwardInput(tokens: Array(tokens[..<(6 + place)]) + [token], attention: .causal)],
                Workspace())
            let distance = rows.slice(rows: 4 + index..<5 + index).distance(
                to: alone.slice(rows: alone.rows - 1..<alone.rows))
            #expect(distance < 1e-5)
        }
        let chain = model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
        #expect(rows.slice(rows: 0..<4).distance(to: chain.slice(rows: 6..<10)) < 1e-5)
    }

    @Test("a residual of all of a token's probability is that token; of no share it is nothing")
    func residuals() throws {
        let c = TinyModels.configuration()
        let model = try TinyModels.transformer(c)
        let tokens = TinyModels.tokens(7)
        func logits(_ tokens: [Int32], _ residuals: [ResidualInput]) -> [Float] {
            var input = ForwardInput(tokens: tokens)
            input.residuals = residuals
            return model.logits([ForwardInput(tokens: [1, 2]), input], Workspace()).elements
        }
        var (one, other) = (tokens, tokens)
        (one[2], other[2]) = (10, 4)
        var certain = [Float](repeating: 0, count: c.vocabulary)
        certain[4] = 1
        let distribution = Matrix(rows: 1, columns: c.vocabulary, elements: certain)
        for content in [
            ResidualInput.Content.distribution(distribution, flows: true),
            .embedding(Array(model.parameter(.embedding).row(4))),
        ] {
            #expect(logits(one, [ResidualInput(row: 2, share: 1, content)]) == logits(other, []))
            #expect(logits(one, [ResidualInput(row: 2, share: 0, content)]) == logits(one, []))
            #expect(logits(one, [ResidualInput(row: 2, share: 0.5, content)]) != logits(one, []))
        }
        // The share of an even row is all, that of a certain one none.
        func share(_ row: [Float], _ temperature: Double) -> Float {
            row.withUnsafeBufferPointer { ResidualInput.share(of: $0, temperature: temperature) }
        }
        #expect(share([2, 2, 2], 1) == 1 && share([900, 0, 0], 1) == 0 && share([3], 1) == 0)
        #expect(share([1, 0, 0], 0.5) < share([1, 0, 0], 1) && share([1, 0, 0], 1) < share([1, 0, 0], 2))
    }

    @Test("embeddings of packed tables are expected as those of 32-bit floats are")
    func expectedEmbeddings() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let rows = Matrix(rows: 2, columns: 11, elements: (0..<22).map { Float($0) / 100 })
        let table = model.parameter(.embedding)
        let found = MutableMatrix(zeros: 2, 8)
        model.expectedEmbeddings(rows, into: found, Arena())
        for row in 0..<2 {
            for column in 0..<8 {
                let sum = (0..<11).reduce(0.0) { $0 + Double(rows[row, $1]) * Double(table[$1, column]) }
                #expect(abs(Double(found.view[row, column]) - sum) < 1e-5)
            }
        }
    }
}
