internal import Base
package import Documents
internal import JSON

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
