internal import Files
internal import Numerics
public import SystemPackage
internal import TestSupport
internal import Transformers

/// A model folder with the real names and layout of a family, random weights, and a small byte-level tokenizer.
public enum TinyCheckpoint {
    /// Writes a folder.
    ///
    /// - Parameters:
    ///   - recorded: the model whose configuration is taken: `llada_a` or `dream_a`, or of the autoregressive ones, which
    ///     have no mask token, `qwen2_a`, `qwen3_a` or `llama_b`.
    ///   - vocabulary: rows of the embedding; the tokenizer has 405 tokens.
    public static func write(_ recorded: String, vocabulary: Int = 512, to folder: FilePath) throws {
        let isAutoregressive = !["llada_a", "dream_a"].contains(recorded)
        let source = Fixtures.path("\(isAutoregressive ? "transformers" : "golden/models")/\(recorded)")
        var configuration = try Checkpoint.configuration(source)
        configuration.vocabulary = vocabulary
        configuration.endToken = 400
        configuration.furtherEndTokens = []
        configuration.maskToken = isAutoregressive ? nil : 403
        let flat = FlatParameters(zeros: configuration)
        var state: UInt32 = 7
        for i in 0..<flat.buffer.count {
            state = state &* 1_664_525 &+ 1_013_904_223
            flat.buffer.pointer[i] = (Float(state >> 8) / Float(1 << 24) - 0.5) * 0.4
        }
        try FileSystem.createDirectory(folder)
        try Checkpoint.save(Transformer(over: flat), family: try Checkpoint.family(source), to: folder)
        try FileSystem.writeAtomically(
            try FileSystem.read(Fixtures.path("golden/tokenizers/qwen2/tokenizer.json")),
            to: folder.appending("tokenizer.json"))
        let template =
            "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
        let escaped = template.map { $0 == "\\" ? "\\\\" : String($0) }.joined()
        let mask = isAutoregressive ? "" : "\"mask_token\": \"<|mask|>\", "
        try FileSystem.writeAtomically(
            "{\"eos_token\": \"<|endoftext|>\", \(mask)\"chat_template\": \"\(escaped)\"}\n",
            to: folder.appending("tokenizer_config.json"))
    }
}
