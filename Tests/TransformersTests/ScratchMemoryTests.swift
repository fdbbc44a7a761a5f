import Numerics
import Testing
import Transformers

/// Large memory is taken once: later forwards of the same size, with and without cache, find it there.
@Suite struct ScratchMemoryTests {
    @Test(
        "after the first, forwards take no further memory for activations",
        arguments: WeightPrecision.allCases,
        [1, 2])
    func forwards(precision: WeightPrecision, threads: Int) throws {
        var c = TinyModels.configuration()
        c.width = 64
        c.feedForwardWidth = 256
        let flat = TinyModels.parameters(c)
        let folder = try TemporaryFolder()
        try Checkpoint.save(try Transformer(over: flat), family: LLaDAFamily.self, to: folder.path)
        let model = try Checkpoint.load(folder.path, precision: precision)
        let workspace = Workspace(threads: threads)
        let cache = KeyValueCache(c, capacity: 64)
        let tokens = TinyModels.tokens(48)
        func step(_ i: Int) {
            cache.truncate(to: 0)
            _ = model.logits(
                [
                    ForwardInput(
                        tokens: tokens, cache: cache, cacheUpdate: .append(32), logitRows: [40 + i % 8])
                ],
                workspace)
            _ = model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[32...]), firstPosition: 32, cache: cache, logitRows: [i % 16])
                ],
                workspace)
        }
        for i in 0..<3 { step(i) }
        let held = workspace.bytes
        for i in 0..<200 { step(i) }
        #expect(workspace.bytes == held && held > 0)
    }
}
