extension ConfigNode {
    /// Why a dotted path can't be set: a part of it is there and is no object.
    struct PathBlocked: Error {
        let part: String
        let found: String
    }

    /// Sets the value at `path`, creating the objects on the way; what was there is replaced.
    ///
    /// `keyOrigin` is the place to which messages about the keys of the path point.
    mutating func set(_ path: ArraySlice<String>, to new: ConfigNode, keyOrigin: Origin) throws(PathBlocked) {
        guard let key = path.first else {
            self = new
            return
        }
        guard case .object(var members) = value else { throw PathBlocked(part: key, found: shown) }
        if let index = members.firstIndex(where: { $0.key == key }) {
            if path.count == 1 {
                members[index] = ConfigMember(key: key, keyOrigin: keyOrigin, value: new)
            } else {
                try members[index].value.set(path.dropFirst(), to: new, keyOrigin: keyOrigin)
            }
        } else {
            var child = path.count == 1 ? new : ConfigNode(value: .object([]), origin: keyOrigin)
            if path.count > 1 { try child.set(path.dropFirst(), to: new, keyOrigin: keyOrigin) }
            members.append(ConfigMember(key: key, keyOrigin: keyOrigin, value: child))
        }
        value = .object(members)
    }
}
