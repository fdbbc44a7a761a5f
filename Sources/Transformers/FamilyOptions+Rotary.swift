internal import Documents
internal import JSON
internal import Numerics

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
