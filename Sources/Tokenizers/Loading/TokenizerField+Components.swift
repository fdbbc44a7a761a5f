internal import Documents
internal import JSON

private let mostComponents = 256

extension DocumentValue<TokenizerError> {
    /// The `type` of a component, such as `ByteLevel`.
    func componentType() throws(TokenizerError) -> String { try required("type").string() }

    /// An error that refuses this component by its name.
    ///
    /// - Parameters:
    ///   - kind: what it is, such as `pre-tokenizer`.
    ///   - supported: the names that can stand here.
    func unsupported(_ kind: String, supported: [String]) throws(TokenizerError) -> TokenizerError {
        let name = try componentType()
        return try required("type").error(
            "The \(kind) `\(name)` isn't supported; supported here: \(supported.joined(separator: ", ")).")
    }

    /// A component, or the components of a `Sequence`, or none.
    ///
    /// - Parameter key: the member of a `Sequence` that lists its components.
    func components(_ key: String) throws(TokenizerError) -> [TokenizerField] {
        guard try componentType() == "Sequence" else { return [self] }
        var result: [TokenizerField] = []
        for element in try required(key).elements() {
            result += try element.components(key)
            // Each goes over the whole text; those of published tokenizers have a handful.
            guard result.count <= mostComponents else {
                throw error("A `Sequence` may have up to \(mostComponents) components.")
            }
        }
        return result
    }
}
