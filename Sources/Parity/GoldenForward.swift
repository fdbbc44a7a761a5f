internal import Base
internal import Documents
internal import Files
internal import JSON
internal import Numerics
internal import SystemPackage
internal import Transformers

/// Forward passes recorded from the upstream models: logits of whole sequences, hidden states layer by layer,
/// d3LLM's KV cache, Fast-dLLM's prefix and dual caches, and D2F's block-causal mask.
struct GoldenForward {
    let tensors: SafetensorsFile
    let model: Transformer
    let workspace = Workspace()
    let logitTolerance: Double
    private let hiddenTolerance: Double

    init(_ folder: ParityFolder, _ entry: CaseNode, tolerance: JSONNode?) throws {
        tensors = try SafetensorsFile(folder.path.appending(try entry.string("file")))
        model = try folder.model(try entry.string("model"))
        logitTolerance = tolerance?["logits_abs"]?.double ?? 2e-4
        hiddenTolerance = tolerance?["hidden_abs"]?.double ?? 1e-4
    }

    /// - Parameter tolerance: of logits, keys and values.
    init(model: Transformer, tensors: SafetensorsFile, tolerance: Double) {
        (self.model, self.tensors) = (model, tensors)
        (logitTolerance, hiddenTolerance) = (tolerance, tolerance)
    }

    /// Whether a case exercises a key/value cache.
    static func usesCache(_ node: CaseNode) throws -> Bool {
        try node.string("kind").byteText.hasSuffix("cache")
    }

    /// What differs first in one case; nil when it passes.
    func failure(of node: CaseNode) throws -> String? {
        let id = try node.string("name")
        switch try node.string("kind") {
        case "full": return try full(id)
        case "hidden_states": return try hidden(id, count: try node.integer("n"))
        case "d3llm_cache":
            return try cache(id, prefix: try node.integer("prefix"), append: try node.integer("append"))
        case "fast_cache":
            return try fastCache(
                id, start: try node.integer("block_start"), end: try node.integer("block_end"))
        case "block_causal":
            return try blockCausal(
                id, prompt: try node.integer("prompt_length"), block: try node.integer("block_size"))
        case let kind: return "unknown kind of forward case \"\(kind)\""
        }
    }

    // MARK: - One kind of case each

    private func full(_ id: String) throws -> String? {
        let logits = model.logits(
            try sequences("\(id).input_ids").map { ForwardInput(tokens: $0) }, workspace)
        return try compare("\(id).logits", logits)
    }

    private func hidden(_ id: String, count: Int) throws -> String? {
        var states: [[Float]] = []
        let logits = model.logits(
            try sequences("\(id).input_ids").map { ForwardInput(tokens: $0) }, workspace
        ) { states.append($0.elements) }
        guard states.count == count else { return "\(id): \(states.count) hidden states instead of \(count)" }
        for (i, state) in states.enumerated() {
            let expected = try values("\(id).hidden\(i)")
            if let failure = Compare.elements("\(id).hidden\(i)", state, expected, tolerance: hiddenTolerance)
            {
                return failure
            }
        }
        return try compare("\(id).logits", logits)
    }

    private func cache(_ id: String, prefix: Int, append: Int) throws -> String? {
        let full = try sequences("\(id).ids_full")[0]
        let suffix = try sequences("\(id).ids_suffix")[0]
        let rest = try sequences("\(id).ids_rest")[0]
        let cache = KeyValueCache(model.configuration, capacity: full.count)
        func pass(_ tokens: [Int32], at position: Int, _ update: CacheUpdate) -> Matrix {
            model.logits(
                [ForwardInput(tokens: tokens, firstPosition: position, cache: cache, cacheUpdate: update)],
                workspace)
        }
        if let failure = try compare("\(id).logits_full", pass(full, at: 0, .append(prefix))) {
            return failure
        }
        if cache.length != prefix {
            return "\(id): the cache holds \(cache.length) positions instead of \(prefix)"
        }
        for layer in 0..<model.configuration.layers {
            for (name, held) in [
                ("k", cache.keyMatrix(layer, rows: prefix)), ("v", cache.valueMatrix(layer, rows: prefix)),
            ] {
                guard tensors.entries["\(id).\(name)\(layer)"] != nil else { continue }
                let found = byHead(held.view)
                let expected = try values("\(id).\(name)\(layer)")
                if let failure = Compare.elements(
                    "\(id).\(name)\(layer)", found, expected, tolerance: hiddenTolerance)
                {
                    return failure
                }
            }
        }
        return try compare("\(id).logits_suffix", pass(suffix, at: prefix, .none))
            ?? compare("\(id).logits_append", pass(suffix, at: prefix, .append(append)))
            ?? compare("\(id).logits_rest", pass(rest, at: prefix + append, .none))
    }

    private func fastCache(_ id: String, start: Int, end: Int) throws -> String? {
        let full = try sequences("\(id).ids_full")[0]
        let changed = try sequences("\(id).ids_changed")[0]
        let changedAgain = try sequences("\(id).ids_changed2")[0]
        let cache = KeyValueCache(model.configuration, capacity: full.count)
        func pass(_ tokens: ArraySlice<Int32>, _ update: CacheUpdate) -> Matrix {
            model.logits(
                [
                    ForwardInput(
                        tokens: Array(tokens), firstPosition: tokens.startIndex, cache: cache,
                        cacheUpdate: update)
                ], workspace)
        }
        if let failure = try compare("\(id).logits_full", pass(full[...], .append(full.count))) {
            return failure
        }
        let dual =
            try compare("\(id).logits_dual_cache", pass(changed[start..<end], .overwrite(at: start)))
            ?? compare("\(id).logits_dual_cache2", pass(changedAgain[start..<end], .overwrite(at: start)))
        if let dual { return dual }
        let prefix = KeyValueCache(model.configuration, capacity: full.count)
        _ = model.logits(
            [ForwardInput(tokens: full, cache: prefix, cacheUpdate: .append(full.count))], workspace)
        prefix.truncate(to: start)
        let logits = model.logits(
            [ForwardInput(tokens: Array(changed[start...]), firstPosition: start, cache: prefix)], workspace)
        return try compare("\(id).logits_prefix_cache", logits)
    }

    private func blockCausal(_ id: String, prompt: Int, block: Int) throws -> String? {
        let ids = try sequences("\(id).ids")[0]
        let pattern = AttentionPattern.blockCausal(promptLength: prompt, blockLength: block)
        return try compare(
            "\(id).logits", model.logits([ForwardInput(tokens: ids, attention: pattern)], workspace))
    }

    // MARK: - Golden values

    func sequences(_ name: String) throws -> [[Int32]] {
        let ids = try tensors.integers(name).map { id in
            guard id >= 0, id < model.configuration.vocabulary else {
                throw ParityError("\(name) holds the token \(id), which the model doesn't know.")
            }
            return Int32(id)
        }
        guard !ids.isEmpty else { throw ParityError("\(name) holds no token.") }
        let length = try tensors.entry(named: name).shape.last ?? ids.count
        return stride(from: 0, to: ids.count, by: max(1, length)).map { Array(ids[$0..<$0 + length]) }
    }

    func values(_ name: String) throws -> [Float] {
        let entry = try tensors.entry(named: name)
        return try tensors.matrix(name, shape: entry.shape, rows: 1, columns: entry.count).elements
    }

    func compare(_ name: String, _ logits: Matrix) throws -> String? {
        Compare.elements(name, logits.elements, try values(name), tolerance: logitTolerance)
    }

    /// Cache rows (positions × heads · K) in golden's order: head, position, element.
    func byHead(_ matrix: Matrix) -> [Float] {
        let width = model.configuration.headWidth
        return (0..<matrix.columns / width).flatMap { head in
            matrix.slice(rows: 0..<matrix.rows, columns: head * width..<(head + 1) * width).elements
        }
    }
}
