internal import Base
package import JSON

/// How one family of models writes its configuration and names its weights.
///
/// Adding a family is one conforming type and one line in ``ModelFamilies``.
package protocol ModelFamily: Sendable {
    /// Values of `model_type` in config.json that belong to the family; the first is written.
    static var modelTypes: [String] { get }

    /// Reads config.json's root object.
    /// - Throws: ``FamilyError`` for a missing or unsupported option.
    static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration

    /// The content of config.json for a configuration.
    ///
    /// What the family has no key for is left out; ``Checkpoint/save(_:family:to:type:maximumShard:)`` reads the
    /// document again and refuses to write a model that would come back as another.
    static func document(for configuration: TransformerConfiguration, type: SafetensorsWriter.FloatType)
        -> JSONValue

    /// Name of a weight in the family's checkpoints.
    static func name(of role: ParameterRole) -> String

    /// The family of the masked-diffusion models that are made of this one's; by default this one.
    static var maskedForm: any ModelFamily.Type { get }
}

extension ModelFamily {
    package static var maskedForm: any ModelFamily.Type { Self.self }
}

/// An option of config.json that is missing or that this program does not implement.
package struct FamilyError: Error, Sendable, CustomStringConvertible {
    /// Byte offset in the file, where one is known.
    package let offset: Int?
    package let description: String

    package init(_ description: String, offset: Int? = nil) {
        self.description = description
        self.offset = offset
    }
}

/// The families that checkpoints may belong to.
package enum ModelFamilies {
    package static let all: [any ModelFamily.Type] = [
        LLaDAFamily.self, DreamFamily.self, Qwen2Family.self, Qwen3Family.self, LlamaFamily.self,
        A2DQwen2Family.self, A2DQwen3Family.self, A2DLlamaFamily.self,
        FastDLLMFamily.self, SDARFamily.self,
    ]

    /// What models of other types have that isn't implemented, by their `model_type`: types that people ask for.
    static let missing = [
        "olmo2":
            "it norms what attention and feed-forward layers give instead of what they take, and queries and keys over all heads at once"
    ]

    /// The family with the given `model_type`.
    package static func named(_ type: String) -> (any ModelFamily.Type)? {
        all.first { $0.modelTypes.contains(type) }
    }
}

/// Names that a family's checkpoints give to parts of a model: a tensor of such a name belongs to another model than
/// config.json describes, where that doesn't have it.
struct PartNames {
    /// The name of a block's parameter before and behind the block's number: of the first block, cut at it.
    private let before: String
    private let behind: Set<String>
    private let others: Set<String>

    init(_ family: any ModelFamily.Type) {
        func name(_ block: Int, _ role: ParameterRole.BlockRole) -> String {
            family.name(of: .block(block, role))
        }
        // Two blocks' names differ in their number alone.
        let (first, second) = (Array(name(0, .query).utf8), Array(name(1, .query).utf8))
        let place = zip(first, second).prefix { $0 == $1 }.count
        before = String(decoding: first.prefix(place), as: UTF8.self)
        var behind: Set<String> = []
        for role in ParameterRole.BlockRole.allCases {
            let suffix = String(decoding: Array(name(0, role).utf8).dropFirst(place + 1), as: UTF8.self)
            behind.insert(suffix)
            // A linear layer may have a bias, and a norm too.
            if let stem = suffix.byteText.dropping(suffix: ".weight") { behind.insert(stem.text + ".bias") }
        }
        self.behind = behind
        others = Set(
            [ParameterRole.embedding, .head, .finalNorm].map { family.name(of: $0) }.flatMap { name in
                [name] + (name.byteText.dropping(suffix: ".weight").map { [$0.text + ".bias"] } ?? [])
            })
    }

    func contains(_ name: String) -> Bool {
        if others.contains(name) { return true }
        guard let rest = name.byteText.dropping(prefix: before.byteText) else { return false }
        let digits = rest.text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return !digits.isEmpty
            && behind.contains(String(decoding: rest.text.utf8.dropFirst(digits.count), as: UTF8.self))
    }
}
