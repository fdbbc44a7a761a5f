internal import Base
package import Documents
internal import Files
internal import JSON
internal import Numerics
package import SystemPackage

/// The options of a config.json.
typealias FamilyOptions = DocumentValue<FamilyError>

extension FamilyError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let message = flaw.message(about: flaw.path.isEmpty ? flaw.label : flaw.path)
        self.init(
            message.byteText.dropping(suffix: ".")?.text ?? message, offset: flaw.origin.range.lowerBound)
    }
}

extension DocumentValue<FamilyError> {
    init(root: JSONNode) { self.init(root, subject: "the configuration") }

    /// The token id under `key`; nil where it is absent or null.
    func token(_ key: String) throws(FamilyError) -> Int32? { try self[key]?.token() }

    /// The tokens under `eos_token_id`: one, a list, or none.
    func endTokens() throws(FamilyError) -> [Int32] {
        guard let value = self["eos_token_id"] else { return [] }
        guard value.node.array != nil else { return [try value.token()] }
        return try value.tokens()
    }

    /// The token ids of a list.
    func tokens() throws(FamilyError) -> [Int32] {
        var tokens: [Int32] = []
        for element in try elements() { tokens.append(try element.token()) }
        return tokens
    }

    /// Refuses a value other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: String) throws(FamilyError) {
        guard let value = self[key], value.node.string != supported else { return }
        throw value.error("\(key) is \(value.node.shown); only \"\(supported)\" is implemented")
    }

    /// Refuses a flag other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: Bool) throws(FamilyError) {
        guard let value = self[key], value.node.bool != supported else { return }
        throw value.error("\(key) other than \(supported) is not implemented")
    }

    /// Refuses a number other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: Int) throws(FamilyError) {
        guard let value = self[key], value.node.double != Double(supported) else { return }
        throw value.error("\(key) other than \(supported) is not implemented")
    }
}

extension Float {
    /// The shortest decimal that names this number, as a double: 1e-5, not 9.999999747378752e-06.
    var shortestDecimal: Double { Double("\(self)") ?? Double(self) }
}

extension DocumentValue<FamilyError> {
    /// Base of the rotary frequencies: `rope_theta`, or the one in the `rope_parameters` of transformers 5.
    func rotaryBase(default fallback: Double) throws(FamilyError) -> Double {
        if let parameters = self["rope_parameters"], parameters.node["rope_theta"] != nil {
            return try parameters.number("rope_theta", default: fallback)
        }
        return try number("rope_theta", default: fallback)
    }

    /// How the rotary frequencies are scaled: `rope_scaling`, or the `rope_parameters` of transformers 5, or both if they
    /// agree.
    func rotaryScaling() throws(FamilyError) -> RotaryScaling {
        var found = RotaryScaling.unscaled
        if let parameters = self["rope_parameters"] { found = try RotaryScaling(parameters) }
        guard let scaling = self["rope_scaling"] else { return found }
        let read = try RotaryScaling(scaling)
        guard self["rope_parameters"] == nil || read == found else {
            throw scaling.error("rope_scaling and rope_parameters differ; transformers takes one of them")
        }
        return read
    }

    /// Refuses rotary positions that are scaled, where that isn't implemented for the family.
    func refuseScaling() throws(FamilyError) {
        for key in ["rope_scaling", "rope_parameters"] { try refuseScaling(key) }
    }

    /// Kinds of scaling that scale nothing where their factor is 1.
    private static var inertKinds: [String] { ["default", "linear"] }

    private func refuseScaling(_ key: String) throws(FamilyError) {
        guard let scaling = self[key] else { return }
        guard scaling.node.members != nil else { throw scaling.mismatch("an object or null") }
        let kind = (scaling["rope_type"] ?? scaling["type"])?.node.string ?? "default"
        for (name, value) in try scaling.members() {
            switch name {
            case "rope_type", "type":
                guard Self.inertKinds.contains(value.node.string ?? "") else {
                    throw value.error(
                        "\(key) of type \(value.node.shown) is not implemented; only \"default\", which scales nothing, and \"linear\" with a factor of 1 are"
                    )
                }
            case "rope_theta", "original_max_position_embeddings": continue
            case "factor":
                // The kind "default" never looks at it.
                guard kind == "default" || value.node.double == 1 else {
                    throw value.error(
                        "\(value.path) \(value.node.shown) is not implemented; only 1, which scales nothing, is"
                    )
                }
            default:
                throw value.error(
                    "\(value.path) is not implemented; only unscaled rotary positions are")
            }
        }
    }

    /// Refuses layers that attend to a window of the sequence only.
    ///
    /// A window as long as the longest sequence never slides, nor does one for the layers from a number on that the model
    /// doesn't have.
    func refuseSlidingWindow() throws(FamilyError) {
        let layers = try integer("num_hidden_layers")
        let positions = try integer("max_position_embeddings", default: 32_768)
        let window = self["sliding_window"]?.node.int
        let slides = window.map { $0 < positions } ?? false
        if let flag = self["use_sliding_window"], flag.node.bool != false {
            guard flag.node.bool == true else { throw flag.mismatch("true or false") }
            let first = try integer("max_window_layers", default: 0)
            guard !slides || first >= layers || self["layer_types"] != nil else {
                throw flag.error(
                    "use_sliding_window is true and layers from \(first) on attend to \(window ?? 0) of \(positions) positions; only layers that attend to all are implemented"
                )
            }
        }
        guard let types = self["layer_types"] else { return }
        let isOn = self["use_sliding_window"]?.node.bool ?? true
        for type in try types.elements() where type.node.string != "full_attention" {
            if type.node.string == "sliding_attention", isOn, !slides { continue }
            throw type.error(
                "layer_types has \(type.node.shown); only \"full_attention\" is implemented")
        }
    }
}

/// The `rope_scaling` of config.json, and the `rope_parameters` of transformers 5, which have the same keys.
extension RotaryScaling {
    private enum Kind: String, CaseIterable {
        case unscaled = "default"
        case linear
        case llama3

        /// The keys that say how it scales.
        var keys: [String] {
            switch self {
            // The kind never looks at the factor.
            case .unscaled, .linear: ["factor"]
            case .llama3: ["factor", "low_freq_factor", "high_freq_factor"]
            }
        }
    }

    /// Reads an object, or null for unscaled positions.
    ///
    /// - Throws: ``FamilyError`` for another kind, for a key that none of the implemented ones has, and for a number that
    ///   can't be.
    init(_ options: FamilyOptions) throws(FamilyError) {
        guard !options.node.isNull else {
            self = .unscaled
            return
        }
        guard options.node.members != nil else { throw options.mismatch("an object or null") }
        let kind = try Self.kind(options)
        // Files of all kinds may repeat these; the base is the family's to read.
        let known = kind.keys + ["rope_type", "type", "rope_theta", "original_max_position_embeddings"]
        for (key, value) in try options.members() where !known.contains(key) && !value.node.isNull {
            throw value.error(
                "\(value.path) is not implemented for rotary positions of type \"\(kind.rawValue)\"")
        }
        switch kind {
        case .unscaled: self = .unscaled
        case .linear:
            let factor = try options.number("factor", in: 1...Self.limit)
            // One that scales nothing is no other model.
            self = factor == 1 ? .unscaled : .linear(factor: factor)
        case .llama3:
            let low = try options.number("low_freq_factor", in: .above(0))
            let high = try options.number("high_freq_factor", in: .above(0))
            self = .llama3(
                factor: try options.number("factor", in: 1...Self.limit), low: low, high: high,
                originalPositions: try options.integer("original_max_position_embeddings", in: 1...1 << 30))
            if let problem { throw try options.required("high_freq_factor").error(problem) }
        }
    }

    /// The kind: `rope_type`, or `type`, as older files have it.
    private static func kind(_ options: FamilyOptions) throws(FamilyError) -> Kind {
        let names = [options["rope_type"], options["type"]].compactMap { $0 }
        for name in names where name.node.string.flatMap(Kind.init) == nil {
            let all = Kind.allCases.map { "\"\($0.rawValue)\"" }
            throw name.error(
                "\(options.path) of type \(name.node.shown) is not implemented; only \(all.dropLast().joined(separator: ", ")) and \(all[all.count - 1]) are"
            )
        }
        guard let first = names.first else { return .unscaled }
        guard let second = names.last, second.node.string == first.node.string else {
            throw first.error("\(options.path) has a rope_type and another type")
        }
        return first.node.string.flatMap(Kind.init) ?? .unscaled
    }

    /// What ``init(_:)`` reads: an object, or null for unscaled positions.
    var document: JSONValue {
        switch self {
        case .unscaled: .null
        case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
        case .llama3(let factor, let low, let high, let originalPositions):
            [
                "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
                "high_freq_factor": .number(high),
                "original_max_position_embeddings": .integer(originalPositions),
            ]
        }
    }
}

/// What generation_config.json says of a checkpoint: where its texts end, and what changes greedy decoding.
///
/// transformers takes the end tokens from there where the file is, and from config.json where it isn't.
package struct GenerationDefaults: Sendable {
    /// The tokens under `eos_token_id`, none for null or an absent key; nil where the file isn't there.
    private(set) var endTokens: [Int32]?
    /// `repetition_penalty`; 1 where it isn't given.
    package private(set) var repetitionPenalty = 1.0
    /// Keys of the file that would change greedy decoding and that nothing here carries out.
    package private(set) var unsupported: [String] = []

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
    package var endsNothing: Bool { endTokens?.isEmpty ?? false }

    /// Reads a folder.
    ///
    /// - Throws: ``CheckpointError`` for a value that is no token; `JSONSyntaxError`, `FileError`.
    package init(_ folder: FilePath) throws {
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
