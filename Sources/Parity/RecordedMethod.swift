internal import Decoding
internal import JSON

/// Translates a recorded case's method and parameters into this project's.
enum RecordedMethod {
    /// What makes the decoder of a case.
    ///
    /// - Parameters:
    ///   - method: upstream's name.
    ///   - parameters: upstream's arguments.
    static func factory(_ method: String, _ parameters: CaseNode) throws -> DecoderFactory {
        guard let (name, rule) = methods[method] else {
            let known = methods.keys.sorted().joined(separator: ", ")
            throw parameters.problem("\"\(method)\" isn't a known method; known are \(known)")
        }
        var values: [String: ParameterValue] = [:]
        for member in try parameters.get("an object", { $0.members }) where member.key != "eos_id" {
            guard let option = options[member.key] else {
                throw parameters.problem("there is no parameter \"\(member.key)\" in method \"\(method)\"")
            }
            values[option] = try value(of: member, parameters)
        }
        if let rule { choose(rule, &values) }
        return try DecodingMethod.named(name).factory(values)
    }

    /// Upstream's name: this project's name, and the rule that a threshold stands for in block-wise methods.
    private static let methods: [String: (name: String, rule: String?)] = [
        "d3llm_generate": ("entropy", "entropy"),
        "fast_generate": ("fast-dllm", "confidence"),
        "fast_prefix_cache": ("fast-dllm-prefix-cache", "confidence"),
        "fast_dual_cache": ("fast-dllm-dual-cache", "confidence"),
        "dinfer_generate": ("dinfer", "confidence"),
        "dinfer_prefix_cache": ("dinfer-prefix-cache", "confidence"),
        "dinfer_dual_cache": ("dinfer-dual-cache", "confidence"),
        "d3llm_multi_block": ("multi-block", nil),
        "d3llm_multi_block_kv_cache": ("multi-block-cache", nil),
        "d2f": ("d2f", nil),
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
    ]

    /// Upstream chooses the rule by which of its arguments isn't `None`; the factor comes first.
    private static func choose(_ thresholdRule: String, _ values: inout [String: ParameterValue]) {
        func take(_ name: String) -> Bool {
            guard let value = values[name], value != .none else {
                values[name] = nil
                return false
            }
            return true
        }
        let hasThreshold = take("threshold")
        let hasFactor = take("factor")
        values["rule"] = .text(hasFactor ? "factor" : hasThreshold ? thresholdRule : "scheduled")
    }

    private static func value(of member: JSONMember, _ parameters: CaseNode) throws -> ParameterValue {
        switch member.value.value {
        case .null: return .none
        case .bool(let flag): return .flag(flag)
        case .string(let text): return .text(text)
        case .number(let number):
            if let whole = number.int { return .integer(whole) }
            if let double = number.double { return .number(double) }
        case .array, .object: break
        }
        throw parameters.problem("parameter \"\(member.key)\" is \(member.value.kindName)")
    }
}
