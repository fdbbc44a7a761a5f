import Numerics
import Testing

@testable import Transformers

@Suite struct KeyValueCacheTests {
    private let tokens = TinyModels.tokens(12, seed: 3)

    private func close(_ a: Matrix, _ b: Matrix) -> Bool { a.distance(to: b) < 1e-5 }

    @Test(
        "a causal model token by token gives what one pass gives", arguments: [1, 5, 12],
        [TinyModels.configuration(), TinyModels.configuration(bias: false, headNorm: true, headWidth: 6)])
    func causal(capacity: Int, configuration: TransformerConfiguration) throws {
        let model = try TinyModels.transformer(configuration)
        let full = model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
        let workspace = Workspace()
        let cache = KeyValueCache(model.configuration, capacity: capacity)
        for (i, token) in tokens.enumerated() {
            let row = model.logits(
                [
                    ForwardInput(
                        tokens: [token], firstPosition: i, attention: .causal, cache: cache,
                        cacheUpdate: .append(1))
                ], workspace)
            #expect(close(row, full.slice(rows: i..<i + 1)))
            #expect(cache.length == i + 1)
        }
        #expect(cache.capacity >= 12)
    }

    @Test("a block-causal model block by block gives what one pass gives")
    func blockCausal() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let pattern = AttentionPattern.blockCausal(promptLength: 3, blockLength: 3)
        let full = model.logits([ForwardInput(tokens: tokens, attention: pattern)], Workspace())
        let workspace = Workspace()
        let cache = KeyValueCache(model.configuration, capacity: 2)
        // The prompt, two blocks of which only the first is kept, that second one again, and the last.
        for (range, kept) in [(0..<3, 3), (3..<9, 3), (6..<9, 3), (9..<12, 0)] {
            let part = model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[range]), firstPosition: range.lowerBound, attention: pattern,
                        cache: cache, cacheUpdate: .append(kept))
                ], workspace)
            #expect(close(part, full.slice(rows: range)))
        }
        #expect(cache.length == 9)
    }

    @Test(
        "several continuations of a cache give what each gives alone, and the cache goes on with the one that is kept"
    )
    func continuations() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        let others: [[Int32]] = (0..<3).map { TinyModels.tokens(4, seed: 20 + $0) }
        func cached() -> KeyValueCache {
            let cache = KeyValueCache(model.configuration, capacity: 4)
            _ = model.logits(
                [ForwardInput(tokens: tokens, attention: .causal, cache: cache, cacheUpdate: .append(12))],
                workspace)
            return cache
        }
        func next(_ cache: KeyValueCache, _ position: Int) -> [Float] {
            model.logits(
                [ForwardInput(tokens: [1], firstPosition: position, attention: .causal, cache: cache)],
                workspace
            ).elements
        }
        let together = cached()
        let rows = model.logits(
            [
                ForwardInput(
                    tokens: Array(others.joined()),
                    geometry: .continuations(3, length: 4, cached: 12, from: 12), cache: together,
                    cacheUpdate: .append(12))
            ], Workspace())
        #expect(together.length == 24)
        for (index, other) in others.enumerated() {
            let alone = cached()
            let own = model.logits(
                [
                    ForwardInput(
                        tokens: other, firstPosition: 12, attention: .causal, cache: alone,
                        cacheUpdate: .append(4))
                ], workspace)
            #expect(close(own, rows.slice(rows: index * 4..<index * 4 + 4)))
            guard index == 2 else { continue }
            // Three of its four tokens are kept.
            alone.truncate(to: 15)
            together.truncate(to: 12, keeping: 20..<23)
            #expect(together.length == 15)
            for (a, b) in zip(next(together, 15), next(alone, 15)) { #expect(abs(a - b) < 1e-5) }
        }
    }

    @Test("without an update the cache is attended to and stays as it is")
    func none() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        let cache = KeyValueCache(model.configuration, capacity: 4)
        func step(_ range: Range<Int>, _ update: CacheUpdate) -> [Float] {
            model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[range]), firstPosition: range.lowerBound, cache: cache,
                        cacheUpdate: update)
                ], workspace
            ).elements
        }
        _ = step(0..<4, .append(4))
        let once = step(4..<8, .none)
        #expect(cache.length == 4)
        #expect(step(4..<8, .none) == once)
        #expect(step(6..<8, .none) != once)
        #expect(step(4..<8, .none) == once)
    }

    @Test("overwriting replaces rows and attends to the cache alone, as one pass would")
    func overwrite() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        let cache = KeyValueCache(model.configuration, capacity: 12)
        func keys(_ layer: Int) -> [Float] { cache.keyMatrix(layer, rows: 12).view.elements }
        _ = model.logits([ForwardInput(tokens: tokens, cache: cache, cacheUpdate: .append(12))], workspace)
        let before = (keys(0), keys(1))
        // The same tokens again at the same place: nothing changes but rounding.
        let again = model.logits(
            [
                ForwardInput(
                    tokens: Array(tokens[4..<7]), firstPosition: 4, cache: cache,
                    cacheUpdate: .overwrite(at: 4))
            ], workspace)
        let full = model.logits([ForwardInput(tokens: tokens)], Workspace())
        #expect(close(again, full.slice(rows: 4..<7)))
        #expect(cache.length == 12)
        // Other tokens: rows 4..<7 of the first layer's keys are those of a full pass over the new sequence, the
        // others stay.
        var changed = tokens
        for i in 4..<7 { changed[i] = (changed[i] + 1) % 11 }
        _ = model.logits(
            [
                ForwardInput(
                    tokens: Array(changed[4..<7]), firstPosition: 4, cache: cache,
                    cacheUpdate: .overwrite(at: 4)
                )
            ], workspace)
        let fresh = KeyValueCache(model.configuration, capacity: 12)
        _ = model.logits([ForwardInput(tokens: changed, cache: fresh, cacheUpdate: .append(12))], workspace)
        let width = model.configuration.keyValueWidth
        for (i, (a, b)) in zip(keys(0), fresh.keyMatrix(0, rows: 12).view.elements).enumerated() {
            #expect(abs(a - b) < 1e-5, "element \(i)")
        }
        #expect(keys(1)[..<(4 * width)] == before.1[..<(4 * width)])
        #expect(keys(1)[(7 * width)...] == before.1[(7 * width)...])
        #expect(keys(1)[(4 * width)..<(7 * width)] != before.1[(4 * width)..<(7 * width)])
    }

    @Test("cutting a cache forgets what is behind, and growing keeps what is there")
    func truncation() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        func filled(_ range: Range<Int>, capacity: Int) -> KeyValueCache {
            let cache = KeyValueCache(model.configuration, capacity: capacity)
            _ = model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[range]), attention: .causal, cache: cache,
                        cacheUpdate: .append(range.count))
                ], workspace)
            return cache
        }
        func next(_ cache: KeyValueCache) -> Matrix {
            model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens[5..<12]), firstPosition: 5, attention: .causal, cache: cache,
                        cacheUpdate: .append(7))
                ], Workspace())
        }
        let cut = filled(0..<9, capacity: 9)
        cut.truncate(to: 5)
        #expect(cut.length == 5)
        let kept = filled(0..<5, capacity: 5)
        let full = model.logits([ForwardInput(tokens: tokens, attention: .causal)], Workspace())
        for cache in [cut, kept] { #expect(close(next(cache), full.slice(rows: 5..<12))) }
        #expect(cut.length == 12 && kept.length == 12)
        #expect(kept.capacity >= 12)
    }

    @Test("sequences of one batch keep their caches apart")
    func batch() throws {
        let model = try TinyModels.transformer(TinyModels.configuration())
        let workspace = Workspace()
        let prompts = [Array(tokens[0..<4]), Array(tokens[4..<6])]
        let caches = prompts.map { _ in KeyValueCache(model.configuration, capacity: 1) }
        _ = model.logits(
            zip(prompts, caches).map {
                ForwardInput(
                    tokens: $0, attention: .causal, cache: $1, cacheUpdate: .append($0.count), logitRows: [])
            }, workspace)
        #expect(caches.map(\.length) == [4, 2])
        let together = model.logits(
            zip(prompts, caches).map {
                ForwardInput(tokens: [7], firstPosition: $0.count, attention: .causal, cache: $1)
            }, workspace)
        for (i, prompt) in prompts.enumerated() {
            let alone = model.logits(
                [ForwardInput(tokens: prompt + [7], attention: .causal, logitRows: [prompt.count])],
                Workspace())
            #expect(close(together.slice(rows: i..<i + 1), alone))
        }
    }
}
