internal import Decoding
internal import Documents
internal import JSON

/// Translates a recorded case's method and parameters into this project's.
struct RecordedMethod {
    /// This project's name of the method.
    private let name: String
    /// What a threshold stands for in methods with several rules.
    private var thresholdRule: String?
    /// Options that upstream doesn't have as parameters.
    private var fixed: [String: JSONValue] = [:]
    /// Whether the recorder told a forward that extends the cache from one that only reads it.
    private var tellsCacheUpdates = true
    /// Completes the translation; what it returns takes the place of ``name``.
    private var adapt: (@Sendable (inout [String: JSONValue]) -> String?)?

    /// What makes the decoder of a case.
    ///
    /// - Parameters:
    ///   - method: upstream's name.
    ///   - parameters: upstream's arguments.
    ///   - family: `llada` or `dream`; upstream has a version of its code for each. Other works have names of their own, as in
    ///     ``works``.
    static func factory(
        _ method: String, _ parameters: CaseNode, family: String
    ) throws -> DecoderFactory {
        let (name, values) = try translated(method, parameters, family: family)
        return try DecodingMethod.named(name).factory(values)
    }

    /// The options that a recorded case's parameters are here.
    static func values(
        _ method: String, _ parameters: CaseNode, family: String
    ) throws -> [String: JSONValue] {
        try translated(method, parameters, family: family).values
    }

    private static func translated(
        _ method: String, _ parameters: CaseNode, family: String
    ) throws -> (name: String, values: [String: JSONValue]) {
        let methods = methods(of: family)
        guard let recorded = methods[method] else {
            let known = methods.keys.sorted().joined(separator: ", ")
            throw parameters.problem("\"\(method)\" isn't a known method; known are \(known)")
        }
        var values = recorded.fixed
        for member in try parameters.get("an object", { $0.members }) where !endTokens.contains(member.key) {
            guard let option = options[member.key] else {
                throw parameters.problem("there is no parameter \"\(member.key)\" in method \"\(method)\"")
            }
            values[option] = try value(of: member, parameters)
        }
        if let rule = recorded.thresholdRule { choose(rule, &values) }
        let name = recorded.adapt?(&values) ?? recorded.name
        let found = try DecodingMethod.named(name)
        // Upstream's functions have arguments that the chosen rule doesn't look at.
        for option in found.unused(values) { values[option] = nil }
        return (name, values)
    }

    /// The kind of a forward as upstream's recorder named it.
    static func recordedKind(_ kind: ForwardRequest.Kind, of method: String, family: String)
        -> ForwardRequest.Kind
    {
        let tells = methods(of: family)[method]?.tellsCacheUpdates ?? true
        return kind == .cacheUpdate && !tells ? .cached : kind
    }

    private static func methods(of family: String) -> [String: RecordedMethod] {
        works[family] ?? rollouts[family] ?? blocks[family] ?? pairs[family]
            ?? (family == "dream" ? dream : llada)
    }

    private static let llada: [String: RecordedMethod] = [
        "d3llm_generate": RecordedMethod(name: "entropy", thresholdRule: "entropy"),
        "fast_generate": RecordedMethod(name: "fast-dllm", thresholdRule: "confidence"),
        "fast_prefix_cache": RecordedMethod(name: "fast-dllm-prefix-cache", thresholdRule: "confidence"),
        "fast_dual_cache": RecordedMethod(name: "fast-dllm-dual-cache", thresholdRule: "confidence"),
        "dinfer_generate": RecordedMethod(name: "dinfer", thresholdRule: "confidence"),
        "dinfer_prefix_cache": RecordedMethod(name: "dinfer-prefix-cache", thresholdRule: "confidence"),
        "dinfer_dual_cache": RecordedMethod(name: "dinfer-dual-cache", thresholdRule: "confidence"),
        "d3llm_multi_block": RecordedMethod(name: "multi-block"),
        "d3llm_multi_block_kv_cache": RecordedMethod(name: "multi-block-cache"),
        "d2f": RecordedMethod(name: "d2f", tellsCacheUpdates: false),
    ]

    private static let dream: [String: RecordedMethod] = [
        "d3llm_generate": RecordedMethod(name: "entropy", thresholdRule: "entropyBelow"),
        "d3llm_multi_block": RecordedMethod(name: "multi-block", fixed: ["family": .string("dream")]),
        "d3llm_multi_block_kv_cache": RecordedMethod(
            name: "multi-block-cache", fixed: ["family": .string("dream")]),
        "d2f": RecordedMethod(name: "d2f", tellsCacheUpdates: false),
        "dream_vanilla": RecordedMethod(name: "dream", adapt: adaptSampler),
        "fast_block": RecordedMethod(name: "fast-dllm-dream-prefix-cache", adapt: adaptBlocks),
    ]

    /// Works that decode d3LLM's models, or models made as they are.
    private static let works: [String: [String: RecordedMethod]] = [
        "sglang": ["sglang_full_attn_multi_block": RecordedMethod(name: "sglang-multi-block")],
        "tad-llada": [
            "tad_multi_block": RecordedMethod(
                name: "multi-block", fixed: ["thresholdTies": .string("paper")]),
            "tad_generate": RecordedMethod(name: "tad", adapt: adaptTAD),
        ],
        // The rule of LLaDA's version, for both; but `_sample` accepts what equals the threshold.
        "tad-dream": [
            "tad_multi_block": RecordedMethod(
                name: "multi-block", fixed: ["thresholdTies": .string("paper")]),
            "tad_generate": RecordedMethod(name: "tad", fixed: ["rule": .string("entropy")], adapt: adaptTAD),
        ],
    ]

    /// Stitching's samplers.
    private static let rollouts: [String: [String: RecordedMethod]] = [
        "stitching": [
            "stitching_generate": RecordedMethod(name: "stitching", adapt: adaptRollout),
            "stitching_prefix_cache": RecordedMethod(name: "stitching-prefix-cache", adapt: adaptRollout),
        ]
    ]

    /// Methods of models that attend by blocks, and what is decoded like them.
    private static let blocks: [String: [String: RecordedMethod]] = [
        "fdv2": [
            "fdv2_generate": RecordedMethod(name: "fast-dllm-v2", fixed: ["end": .string("atOnce")]),
            "fdv2_batch_sample": RecordedMethod(name: "fast-dllm-v2"),
        ],
        "nbdiff": ["nbdiff_generate": RecordedMethod(name: "nbdiff", adapt: adaptNextBlock)],
        "dllmvar": ["dllmvar_generate": RecordedMethod(name: "dllm-var")],
        "sdar": [
            "sdar_bd3": RecordedMethod(name: "sdar", adapt: adaptSDAR),
            "sdar_generate": RecordedMethod(
                name: "sdar", fixed: ["confidence": .string("limited")], adapt: adaptSDAR),
        ],
        "mbd": ["diffulex_multi_bd": RecordedMethod(name: "multi-bd")],
        "jacobi": [
            "jacobi_greedy": RecordedMethod(name: "jacobi"),
            "jacobi_multiblock": RecordedMethod(name: "jacobi-multi-block", adapt: adaptJacobi),
        ],
    ]

    /// Methods of two models.
    private static let pairs: [String: [String: RecordedMethod]] = [
        "apd": [
            "apd": RecordedMethod(name: "apd", adapt: adaptDraft),
            "leftright": RecordedMethod(name: "apd", adapt: adaptDraft),
        ]
    ]

    /// Whether the traces of a family tell every change of a sequence, not those of what is forwarded alone.
    static func seesWholeSequences(_ family: String) -> Bool { blocks[family] != nil }

    /// Arguments that the task carries.
    private static let endTokens: Set<String> = [
        "eos_id", "eos_token", "eos_token_id", "stop_token", "stopping_criteria_idx",
    ]

    private static let options = [
        "gen_length": "generationLength",
        "block_length": "blockLength",
        "steps": "steps",
        "threshold": "threshold",
        "factor": "factor",
        "early_stop": "earlyStop",
        "block_add_threshold": "blockAddThreshold",
        "decoded_token_threshold": "decodedTokenThreshold",
        "cache_delay_iter": "cacheDelay",
        "refresh_interval": "refreshInterval",
        "skip_threshold": "skipThreshold",
        "sampling_strategy": "strategy",
        "alg": "rule",
        "eps": "lastTime",
        "dual_cache": "dualCache",
        "max_new_tokens": "generationLength",
        "block_size": "blockLength",
        "small_block_size": "subBlockLength",
        "num_small_blocks": "subBlockLength",
        "use_block_cache": "blockCache",
        "temperature": "temperature",
        "top_p": "topP",
        "top_k": "topK",
        "denoising_steps": "steps",
        "remasking_strategy": "rule",
        "confidence_threshold": "threshold",
        "eb_threshold": "unused",
        "buffer_size": "bufferSize",
        "add_block_threshold": "blockAddThreshold",
        "semi_complete_threshold": "decodedTokenThreshold",
        "accept_threshold": "threshold",
        "max_nfe": "evaluationLimit",
        "max_model_len": "modelLength",
        "enable_editing": "edits",
        "kv_window": "recomputed",
        "max_lookahead": "lookahead",
        "apd_mixture_weight": "mixture",
        "tokens_per_step": "tokensPerForward",
        "n_token_seq_len": "blockLength",
        "K": "blocksAtOnce",
        "r": "blockAddThreshold",
        "n_gram_pool_size": "poolSize",
        "lookahead_start_ratio": "candidateThreshold",
        "max_iteration_count": "iterationLimit",
        "confidence": "threshold",
        "remasking": "remasking",
    ]

    /// Upstream chooses the rule by which of its arguments isn't `None`; the factor comes first.
    private static func choose(_ thresholdRule: String, _ values: inout [String: JSONValue]) {
        func take(_ name: String) -> Bool {
            guard let value = values[name], value != .null else {
                values[name] = nil
                return false
            }
            return true
        }
        let hasThreshold = take("threshold")
        let hasFactor = take("factor")
        values["rule"] = .string(hasFactor ? "factor" : hasThreshold ? thresholdRule : "scheduled")
    }

    /// Without a threshold TAD takes a planned number of the lowest entropies.
    @Sendable private static func adaptTAD(_ values: inout [String: JSONValue]) -> String? {
        guard values["threshold"] == .null else { return nil }
        values["threshold"] = nil
        values["rule"] = .string("scheduled")
        values["remasking"] = .string("highEntropy")
        return nil
    }

    /// NBDiff counts the parts of a block and names its rules otherwise.
    @Sendable private static func adaptNextBlock(_ values: inout [String: JSONValue]) -> String? {
        let rules = ["origin": "best", "confidence_threshold": "threshold"]
        if case .string(let rule) = values["rule"] { values["rule"] = .string(rules[rule] ?? rule) }
        if case .integer(let parts) = values["subBlockLength"],
            case .integer(let block) = values["blockLength"],
            parts > 0
        {
            values["subBlockLength"] = .integer(block / parts)
        }
        return nil
    }

    /// SDAR's evaluation chooses the rule by the threshold, and 0 stands for no number of tokens.
    @Sendable private static func adaptSDAR(_ values: inout [String: JSONValue]) -> String? {
        let rules = ["low_confidence_dynamic": "threshold", "low_confidence_static": "planned"]
        if case .string(let rule) = values["rule"] {
            values["rule"] = .string(rules[rule] ?? rule)
        } else {
            let threshold = values["threshold"]?.double ?? 1
            values["rule"] = .string(threshold < 1 ? "threshold" : "planned")
        }
        if values["topK"] == .integer(0) { values["topK"] = .null }
        values["unused"] = nil
        return nil
    }

    /// What isn't given has no weight.
    @Sendable private static func adaptDraft(_ values: inout [String: JSONValue]) -> String? {
        values["rule"] = nil
        if values["mixture"] == .null { values["mixture"] = nil }
        return nil
    }

    /// Stitching names the threshold after what it is of; without one the number of tokens is planned.
    @Sendable private static func adaptRollout(_ values: inout [String: JSONValue]) -> String? {
        values["remasking"] = nil
        guard values["threshold"] == .null else { return nil }
        values["threshold"] = nil
        values["rule"] = .string("scheduled")
        return nil
    }

    /// A single block has none before it.
    @Sendable private static func adaptJacobi(_ values: inout [String: JSONValue]) -> String? {
        if values["blocksAtOnce"] == .integer(1) { values["blockAddThreshold"] = nil }
        return nil
    }

    /// Dream's sampler names its rule itself.
    @Sendable private static func adaptSampler(_ values: inout [String: JSONValue]) -> String? {
        let rules = [
            "maskgit_plus": "probability", "topk_margin": "margin", "confidence_threshold": "threshold",
        ]
        if case .string(let rule) = values["rule"] { values["rule"] = .string(rules[rule] ?? rule) }
        if values["threshold"] == .null { values["threshold"] = nil }
        return nil
    }

    /// Fast-dLLM for Dream has one function for both caches, and counts steps per block.
    @Sendable private static func adaptBlocks(_ values: inout [String: JSONValue]) -> String? {
        let rules = ["confidence_threshold": "confidence", "entropy_threshold": "entropyBelow"]
        if case .string(let rule) = values["rule"] { values["rule"] = .string(rules[rule] ?? "scheduled") }
        if values["threshold"] == .null { values["threshold"] = nil }
        if case .integer(let steps) = values["steps"], case .integer(let length) = values["generationLength"],
            case .integer(let block) = values["blockLength"], block > 0
        {
            let (total, overflow) = steps.multipliedReportingOverflow(by: length / block)
            values["steps"] = .integer(overflow ? .max : total)
        }
        return values.removeValue(forKey: "dualCache") == .bool(true) ? "fast-dllm-dream-dual-cache" : nil
    }

    private static func value(of member: JSONMember, _ parameters: CaseNode) throws -> JSONValue {
        guard member.value.array == nil, member.value.members == nil else {
            throw parameters.problem("parameter \"\(member.key)\" is \(member.value.kindName)")
        }
        return JSONValue(member.value)
    }
}
