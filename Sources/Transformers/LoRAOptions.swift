internal import Base
internal import Documents
internal import Files
internal import JSON
public import SystemPackage

/// What an adapter_config.json of PEFT says.
public struct LoRAOptions: Sendable {
    public let rank: Int
    public let alpha: Double
    /// `use_rslora`.
    public let usesRankRoot: Bool
    /// Names of the modules that it was trained on; nil where a pattern is given instead.
    public let targets: [String]?
    /// The model that it was trained on, as PEFT was told.
    public let base: String?

    /// Whether a folder has such a file.
    public static func isThere(_ folder: FilePath) -> Bool {
        FileSystem.exists(folder.appending(LoRAAdapter.configurationFile))
    }

    /// Reads the file of a folder.
    ///
    /// - Throws: ``CheckpointError`` for an option that isn't implemented, `JSONSyntaxError`, `FileError`.
    public init(_ folder: FilePath) throws {
        let path = folder.appending(LoRAAdapter.configurationFile)
        let document = try JSONDocument(
            parsing: FileSystem.read(path, limit: FileLimit.settings), name: path.string, allowNonFinite: true
        )
        let root = document.root
        let options = FamilyOptions(root: root)
        do throws(FamilyError) {
            try options.require("peft_type", "LORA")
            try options.require("bias", "none")
            for key in ["use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora"] {
                try options.require(key, false)
            }
            // What these change is more than a product of two matrices per weight, or another product for each.
            for key in [
                "rank_pattern", "alpha_pattern", "layer_replication", "modules_to_save",
                "trainable_token_indices", "target_parameters", "alora_invocation_tokens",
            ] {
                guard let value = options[key], value.node.members?.isEmpty != true,
                    value.node.array?.isEmpty != true
                else { continue }
                throw value.error("\(key) is not implemented")
            }
            // These begin by changing the model's own weights, which its files don't have.
            if let value = options["init_lora_weights"], let kind = value.node.string,
                ["pissa", "olora", "corda", "loftq"].contains(where: {
                    kind.byteText.asciiLowercased.hasPrefix($0)
                })
            {
                throw value.error("init_lora_weights \"\(kind)\" is not implemented")
            }
            // PEFT's own defaults.
            rank = try options["r"] == nil ? 8 : options.integer("r", in: 1...)
            alpha = try options.number("lora_alpha", default: 8)
            usesRankRoot = try options.flag("use_rslora", default: false)
        } catch {
            let place = error.offset.map { "line \(document.position(of: $0).line): " } ?? ""
            throw CheckpointError(path, place + error.description)
        }
        targets = root["target_modules"]?.array?.compactMap(\.string)
        base = root["base_model_name_or_path"]?.string
    }

    /// Names of ``targets`` that no linear layer of a model has, sorted.
    public func unmatched(
        in configuration: TransformerConfiguration, _ family: any ModelFamily.Type
    ) -> [String] {
        let modules = configuration.parameterSpecifications.filter { !$0.isVector }
            .map { "." + LoRAAdapter.module(of: $0.role, family) }
        return (targets ?? []).filter { target in !modules.contains { $0.byteText.hasSuffix("." + target) } }
            .sorted()
    }
}
