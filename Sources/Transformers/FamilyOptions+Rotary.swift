internal import Documents
internal import JSON

extension DocumentValue<FamilyError> {
    /// Base of the rotary frequencies: `rope_theta`, or the one in the `rope_parameters` of transformers 5.
    ///
    /// Both that object and the older `rope_scaling` name a kind of scaling; only no scaling is implemented.
    func rotaryBase(default fallback: Double) throws(FamilyError) -> Double {
        for key in ["rope_scaling", "rope_parameters"] { try refuseScaling(key) }
        if let parameters = self["rope_parameters"], parameters.node["rope_theta"] != nil {
            return try parameters.number("rope_theta", default: fallback)
        }
        return try number("rope_theta", default: fallback)
    }

    private func refuseScaling(_ key: String) throws(FamilyError) {
        guard let scaling = self[key] else { return }
        guard scaling.node.members != nil else { throw scaling.mismatch("an object or null") }
        for (name, value) in try scaling.members() {
            switch name {
            case "rope_type", "type":
                guard value.node.string != "default" else { continue }
                throw value.error(
                    "\(key) of type \(value.node.shown) is not implemented; only \"default\", which scales nothing, is"
                )
            case "rope_theta": continue
            default:
                throw value.error(
                    "\(value.path) is not implemented; only unscaled rotary positions are")
            }
        }
    }

    /// Refuses layers that attend to a window of the sequence only.
    func refuseSlidingWindow() throws(FamilyError) {
        try require("use_sliding_window", false)
        guard let types = self["layer_types"] else { return }
        for type in try types.elements() where type.node.string != "full_attention" {
            throw type.error(
                "layer_types has \(type.node.shown); only \"full_attention\" is implemented")
        }
    }
}
