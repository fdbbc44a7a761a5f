internal import Documents
internal import JSON
internal import Numerics

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
