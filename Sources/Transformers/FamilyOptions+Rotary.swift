internal import JSON

extension FamilyOptions {
    /// Base of the rotary frequencies: `rope_theta`, or the one in the `rope_parameters` of transformers 5.
    ///
    /// Both that object and the older `rope_scaling` name a kind of scaling; only no scaling is implemented.
    func rotaryBase(default fallback: Double) throws(FamilyError) -> Double {
        for key in ["rope_scaling", "rope_parameters"] { try refuseScaling(key) }
        if let node = root["rope_parameters"], !node.isNull, node["rope_theta"] != nil {
            return try FamilyOptions(root: node).number("rope_theta", default: fallback)
        }
        return try number("rope_theta", default: fallback)
    }

    private func refuseScaling(_ key: String) throws(FamilyError) {
        guard let node = root[key], !node.isNull else { return }
        guard let members = node.members else {
            throw FamilyError("\(key) should be an object or null", offset: node.range.lowerBound)
        }
        for member in members {
            switch member.key {
            case "rope_type", "type":
                guard member.value.string != "default" else { continue }
                let kind = member.value.string.map { "\"\($0)\"" } ?? member.value.kindName
                throw FamilyError(
                    "\(key) of type \(kind) is not implemented; only \"default\", which scales nothing, is",
                    offset: member.value.range.lowerBound)
            case "rope_theta": continue
            default:
                throw FamilyError(
                    "\(key).\(member.key) is not implemented; only unscaled rotary positions are",
                    offset: member.value.range.lowerBound)
            }
        }
    }

    /// Refuses layers that attend to a window of the sequence only.
    func refuseSlidingWindow() throws(FamilyError) {
        try require("use_sliding_window", false)
        guard let types = root["layer_types"], !types.isNull else { return }
        for type in types.array ?? [] where type.string != "full_attention" {
            throw FamilyError(
                "layer_types has \(type.string.map { "\"\($0)\"" } ?? type.kindName); only \"full_attention\" is implemented",
                offset: type.range.lowerBound)
        }
    }
}
