internal import Files
internal import Numerics
public import SystemPackage
internal import TestSupport
internal import Transformers

/// A model folder with the real names and layout of a family, random weights, and a small byte-level tokenizer.
public enum TinyCheckpoint {
    /// Writes a folder.
    ///
    /// - Parameter golden: the recorded model whose configuration is taken: `llada_a` or `dream_a`.
    public static func write(_ golden: String, to folder: FilePath) throws {
        let source = Fixtures.path("golden/models/\(golden)")
        var configuration = try Checkpoint.configuration(source)
        configuration.vocabulary = 512
        configuration.endToken = 400
        configuration.maskToken = 403
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
        try FileSystem.writeAtomically(
            "{\"eos_token\": \"<|endoftext|>\", \"mask_token\": \"<|mask|>\", \"chat_template\": \"\(escaped)\"}\n",
            to: folder.appending("tokenizer_config.json"))
    }
}
