import Numerics
import TestSupport
import Testing

@testable import Transformers

/// Models whose linear layers are kept in less than 32 bits.
@Suite struct PrecisionTests {
    static let configurations: [TransformerConfiguration] = [
        TinyModels.configuration(), TinyModels.configuration(tied: true, bias: false),
        TinyModels.configuration(attention: .causal, shift: true),
        TinyModels.configuration(bias: false, headNorm: true, headWidth: 6),
    ]

    @Test(
        "logits are near those in 32 bits, from files of 32 and of 16 bits", arguments: configurations,
        [WeightPrecision.bfloat16, .int8])
    func error(configuration: TransformerConfiguration, precision: WeightPrecision) throws {
        let folder = try TemporaryFolder()
        try Checkpoint.save(try TinyModels.transformer(configuration), to: folder.path)
        let exact = logits(try Checkpoint.load(folder.path), [0, 1])
        let near = logits(try Checkpoint.load(folder.path, precision: precision), [0, 1])
        let error = relativeError(near, exact)
        #expect(error > 0 && error < (precision == .bfloat16 ? 0.02 : 0.05))
    }

    @Test("a checkpoint in bfloat16 gives the weights' own bits to the products")
    func stored() throws {
        let folder = Fixtures.path("golden/models/llada_a_bf16")
        let exact = try Checkpoint.load(folder)
        let near = try Checkpoint.load(folder, precision: .bfloat16)
        #expect(relativeError(logits(near, [0]), logits(exact, [0])) < 0.02)
        guard case .rows = near.weights.embedding else {
            Issue.record("the embedding should stay in the file")
            return
        }
    }

    @Test(
        "a sequence's logits depend on neither its batch nor the threads, with and without a cache",
        arguments: [WeightPrecision.bfloat16, .int8])
    func batchInvariance(precision: WeightPrecision) throws {
        let folder = try TemporaryFolder()
        try Checkpoint.save(try TinyModels.transformer(TinyModels.configuration()), to: folder.path)
        let model = try Checkpoint.load(folder.path, precision: precision)
        let alone = logits(model, [0])
        #expect(Array(logits(model, [0, 1, 0])[..<alone.count]) == alone)
        #expect(logits(model, [0], threads: 3) == alone)

        let cache = KeyValueCache(model.configuration, capacity: 4)
        let tokens = Self.sequences[0]
        let workspace = Workspace()
        _ = model.logits(
            [ForwardInput(tokens: tokens, cache: cache, cacheUpdate: .append(2), logitRows: [])], workspace)
        let rest = model.logits(
            [ForwardInput(tokens: Array(tokens[2...]), firstPosition: 2, cache: cache)], workspace
        ).elements
        let width = model.configuration.vocabulary
        #expect(relativeError(rest, Array(alone[(2 * width)...])) < 1e-5)
    }

    @Test("after the first forward the same shapes need no more memory", arguments: WeightPrecision.allCases)
    func memory(precision: WeightPrecision) throws {
        let model = try Checkpoint.load(Fixtures.path("golden/models/llada_a"), precision: precision)
        let workspace = Workspace(threads: 2)
        let inputs = [ForwardInput(tokens: Array(1...200), logitRows: Array(100..<200))]
        _ = model.logits(inputs, workspace)
        let bytes = workspace.bytes
        for _ in 0..<3 { _ = model.logits(inputs, workspace) }
        #expect(workspace.bytes == bytes)
    }

    static let sequences: [[Int32]] = [[1, 2, 3, 10, 10], [4, 10, 9]]

    private func logits(_ model: Transformer, _ which: [Int], threads: Int = 1) -> [Float] {
        let inputs = which.map {
            ForwardInput(tokens: Self.sequences[$0], attention: model.configuration.attention)
        }
        return model.logits(inputs, Workspace(threads: threads)).elements
    }

    /// ‖a − b‖ / ‖b‖.
    private func relativeError(_ a: [Float], _ b: [Float]) -> Double {
        let difference = zip(a, b).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        return (difference / b.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
    }
}
