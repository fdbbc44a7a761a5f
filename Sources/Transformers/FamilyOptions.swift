internal import JSON

/// Typed access to the options of a config.json.
struct FamilyOptions {
    let root: JSONNode

    private func value(_ key: String) -> JSONNode? {
        guard let node = root[key], !node.isNull else { return nil }
        return node
    }

    func integer(_ key: String, default fallback: Int? = nil) throws(FamilyError) -> Int {
        guard let node = value(key) else {
            if let fallback { return fallback }
            throw FamilyError("the option \(key) is missing; it should be a whole number")
        }
        guard let number = node.int else {
            throw FamilyError("\(key) should be a whole number", offset: node.range.lowerBound)
        }
        return number
    }

    func number(_ key: String, default fallback: Double) throws(FamilyError) -> Double {
        guard let node = value(key) else { return fallback }
        guard let number = node.double else {
            throw FamilyError("\(key) should be a number", offset: node.range.lowerBound)
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws(FamilyError) -> Bool {
        guard let node = value(key) else { return fallback }
        guard let flag = node.bool else {
            throw FamilyError("\(key) should be true or false", offset: node.range.lowerBound)
        }
        return flag
    }

    func token(_ key: String) throws(FamilyError) -> Int32? {
        guard let node = value(key) else { return nil }
        guard let id = node.int, let token = Int32(exactly: id) else {
            throw FamilyError("\(key) should be a token id", offset: node.range.lowerBound)
        }
        return token
    }

    /// Refuses a value other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: String) throws(FamilyError) {
        guard let node = value(key), node.string != supported else { return }
        throw FamilyError(
            "\(key) is \(node.string.map { "\"\($0)\"" } ?? node.kindName); only \"\(supported)\" is implemented",
            offset: node.range.lowerBound)
    }

    /// Refuses a flag other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: Bool) throws(FamilyError) {
        guard let node = value(key), node.bool != supported else { return }
        throw FamilyError("\(key) other than \(supported) is not implemented", offset: node.range.lowerBound)
    }
}

extension Float {
    /// The shortest decimal that names this number, as a double: 1e-5, not 9.999999747378752e-06.
    var shortestDecimal: Double { Double("\(self)") ?? Double(self) }
}
