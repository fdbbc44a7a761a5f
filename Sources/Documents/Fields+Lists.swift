package import JSON

/// Lists of scalars. Without a default the key must be there.
extension Fields {
    /// Whole numbers.
    package func integers(
        _ key: String, default values: [Int]? = nil, in bounds: some FieldBounds<Int> = .any,
        atLeast count: Int = 0,
        _ summary: String, role: FieldRole = .recipe
    ) -> [Int] {
        list(key, of: .integer(bounds.bounds), atLeast: count, values, summary, role: role, { .integer($0) })
        {
            self.integer($0, key, bounds.bounds)
        }
    }

    /// Finite numbers.
    package func numbers(
        _ key: String, default values: [Double]? = nil, in bounds: some FieldBounds<Double> = .any,
        atLeast count: Int = 0, _ summary: String, role: FieldRole = .recipe
    ) -> [Double] {
        list(key, of: .number(bounds.bounds), atLeast: count, values, summary, role: role, { .number($0) }) {
            self.number($0, key, bounds.bounds)
        }
    }

    /// Texts.
    package func strings(
        _ key: String, default values: [String]? = nil, atLeast count: Int = 0, _ summary: String,
        role: FieldRole = .recipe
    ) -> [String] {
        list(key, of: .string, atLeast: count, values, summary, role: role, { .string($0) }) {
            self.string($0, key)
        }
    }

    /// Texts, at least one, or nothing.
    package func optionalStrings(
        _ key: String, _ summary: String, role: FieldRole = .recipe
    ) -> [String]? {
        let type = FieldType.list(of: .string, atLeast: 1)
        return read(
            key, type, presence: .optional, summary, role: role, fallback: .some(nil), placeholder: nil,
            decode: { node -> [String]?? in
                node.isNull
                    ? .some(nil)
                    : self.elements(of: node, key, type, atLeast: 1) { self.string($0, key) }.map(
                        Optional.some)
            },
            encode: { $0.map { .array($0.map { .string($0) }) } ?? .null })
    }

    /// Raw values of an enumeration.
    package func choices<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default values: [Choice]? = nil, atLeast count: Int = 0, _ summary: String,
        role: FieldRole = .recipe
    ) -> [Choice] {
        list(
            key, of: Self.type(of: Choice.self), atLeast: count, values, summary, role: role,
            { .string($0.rawValue) }
        ) { self.choice($0, key) }
    }

    private func list<Element>(
        _ key: String, of element: FieldType, atLeast count: Int, _ values: [Element]?, _ summary: String,
        role: FieldRole, _ encode: (Element) -> JSONValue, decode: (JSONNode) -> Element?
    ) -> [Element] {
        let type = FieldType.list(of: element, atLeast: count)
        return read(
            key, type, presence: values.map { .defaulted(.array($0.map(encode))) } ?? .required, summary,
            role: role, fallback: values, placeholder: [],
            decode: { node in self.elements(of: node, key, type, atLeast: count, decode) },
            encode: { .array($0.map(encode)) })
    }

    /// All elements, or nil after each bad one was reported.
    package func elements<Element>(
        of node: JSONNode, _ key: String, _ type: FieldType, atLeast count: Int,
        _ decode: (JSONNode) -> Element?
    ) -> [Element]? {
        guard let nodes = node.array, nodes.count >= count else {
            mismatch(key, type, node)
            return nil
        }
        let decoded = nodes.map(decode)
        let values = decoded.compactMap { $0 }
        return values.count == decoded.count ? values : nil
    }
}
