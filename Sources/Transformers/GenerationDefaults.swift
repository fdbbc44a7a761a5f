internal import Documents
internal import Files
internal import JSON
public import SystemPackage

/// What generation_config.json says of a checkpoint: where its texts end, and what changes greedy decoding.
///
/// transformers takes the end tokens from there where the file is, and from config.json where it isn't.
public struct GenerationDefaults: Sendable {
    /// The tokens under `eos_token_id`, none for null or an absent key; nil where the file isn't there.
    private(set) var endTokens: [Int32]?
    /// `repetition_penalty`; 1 where it isn't given.
    public private(set) var repetitionPenalty = 1.0
    /// Keys of the file that would change greedy decoding and that nothing here carries out.
    public private(set) var unsupported: [String] = []

    /// Keys that change greedy decoding, with the value that changes nothing, as Python writes it.
    private static let inert: [(key: String, values: Set<String>)] = [
        ("no_repeat_ngram_size", ["0"]), ("encoder_repetition_penalty", ["1", "1.0"]), ("bad_words_ids", []),
        ("suppress_tokens", ["[]"]), ("begin_suppress_tokens", ["[]"]), ("forced_bos_token_id", []),
        ("forced_eos_token_id", []), ("min_length", ["0"]), ("min_new_tokens", ["0"]), ("num_beams", ["1"]),
        ("penalty_alpha", ["0", "0.0"]), ("guidance_scale", ["1", "1.0"]),
        ("exponential_decay_length_penalty", []), ("sequence_bias", []), ("stop_strings", ["[]"]),
    ]

    /// Whether the file is there and names no end token: transformers goes on to the length that is asked for then, whatever
    /// config.json and the tokenizer say.
    public var endsNothing: Bool { endTokens?.isEmpty ?? false }

    /// Reads a folder.
    ///
    /// - Throws: ``CheckpointError`` for a value that is no token; `JSONSyntaxError`, `FileError`.
    public init(_ folder: FilePath) throws {
        let path = folder.appending("generation_config.json")
        guard FileSystem.exists(path) else { return }
        let document = try JSONDocument(
            parsing: FileSystem.read(path, limit: FileLimit.settings), name: path.string, allowNonFinite: true
        )
        do throws(FamilyError) {
            let options = FamilyOptions(root: document.root)
            endTokens = try options.endTokens()
            if let value = options["repetition_penalty"] {
                repetitionPenalty = try value.number(in: 1e-3...1000)
            }
            unsupported = Self.inert.compactMap { key, values in
                guard let value = options[key] else { return nil }
                let text = (try? JSONValue(value.node).compactBytes()).map {
                    String(decoding: $0, as: UTF8.self)
                }
                return values.contains(text ?? "") ? nil : key
            }
        } catch {
            let place = error.offset.map { "line \(document.position(of: $0).line): " } ?? ""
            throw CheckpointError(path, place + error.description)
        }
    }

    /// Makes a configuration's end tokens those of the file.
    ///
    /// The one that config.json names stays the first, which is written behind texts, where the file has it too. Tokens that
    /// the model hasn't got never end a text. Where the file names none, those of config.json are kept, which training and
    /// masked decoding need.
    func apply(to configuration: inout TransformerConfiguration) {
        guard let endTokens, !endTokens.isEmpty else { return }
        let known = endTokens.filter { $0 >= 0 && Int($0) < configuration.vocabulary }
        let first = configuration.endToken.map { [$0] } ?? []
        configuration.setEndTokens(first.filter(known.contains) + known)
    }
}
