internal import Decoding
internal import Documents

/// One recorded decoding: what was asked, and what upstream's code made of it.
struct DecodeCase {
    let id: String
    let model: String
    /// Upstream's name of the method, for example `d3llm_multi_block`.
    let method: String
    let task: DecodingTask
    /// Makes this project's decoder for the case.
    let factory: DecoderFactory
    /// The whole final sequence.
    let tokens: [Int32]
    /// NFE as upstream returns it.
    let evaluations: Int
    /// Forwards that were really made.
    let forwards: Int
    /// Sum of their input lengths.
    let tokensForwarded: Int

    /// - Parameter family: whose version of upstream's code recorded the case.
    init(id: String, _ node: CaseNode, family: String) throws {
        self.id = id
        model = try node.string("model")
        method = try node.string("method")
        task = DecodingTask(
            prompt: try node.tokens("prompt"), maskToken: try node.token("mask_id"),
            endToken: try node.optionalToken("eos_id"))
        factory = try RecordedMethod.factory(method, try node.member("params"), family: family)
        tokens = try node.tokens("tokens")
        evaluations = try node.integer("nfe")
        forwards = try node.integer("forwards")
        tokensForwarded = try node.integer("tokens_forwarded")
    }

    /// All cases of `decode_<family>.json`.
    static func all(in folder: ParityFolder, family: String) throws -> [DecodeCase] {
        try folder.cases(of: "decode_\(family).json").identified("cases").map { id, node in
            try DecodeCase(id: id, node, family: family)
        }
    }
}
