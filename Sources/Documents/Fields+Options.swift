internal import JSON

/// Options: keys that leave no trace in the recipe where they have their default, so that a type can take on options
/// without changing the identity of what was made before.
///
/// An option that is always recorded, as those of recorded experiments are, is in the recipe wherever it has an effect.
/// Where the default may be nil, null is a value of the option ("accept all"), not its absence.
extension Fields {
    /// A whole number.
    package func option(
        _ key: String, default value: Int, in bounds: some FieldBounds<Int>, _ summary: String,
        meaning: FieldMeaning? = nil, isAlwaysRecorded: Bool = false
    ) -> Int {
        option(key, .integer(bounds.bounds), value, summary, meaning, isAlwaysRecorded, { .integer($0) }) {
            self.integer($0, key, bounds.bounds)
        }
    }

    /// A whole number or nothing.
    package func option(
        _ key: String, default value: Int?, in bounds: some FieldBounds<Int>, _ summary: String,
        meaning: FieldMeaning? = nil, isAlwaysRecorded: Bool = false
    ) -> Int? {
        optionOrNull(
            key, .integer(bounds.bounds), value, summary, meaning, isAlwaysRecorded, { .integer($0) }
        ) {
            self.integer($0, key, bounds.bounds)
        }
    }

    /// A number.
    package func option(
        _ key: String, default value: Double, in bounds: some FieldBounds<Double>, _ summary: String,
        meaning: FieldMeaning? = nil, isAlwaysRecorded: Bool = false
    ) -> Double {
        option(key, .number(bounds.bounds), value, summary, meaning, isAlwaysRecorded, Self.unsigned) {
            self.number($0, key, bounds.bounds)
        }
    }

    /// A number or nothing.
    package func option(
        _ key: String, default value: Double?, in bounds: some FieldBounds<Double>, _ summary: String,
        meaning: FieldMeaning? = nil, isAlwaysRecorded: Bool = false
    ) -> Double? {
        optionOrNull(key, .number(bounds.bounds), value, summary, meaning, isAlwaysRecorded, Self.unsigned) {
            self.number($0, key, bounds.bounds)
        }
    }

    /// A truth value.
    package func option(
        _ key: String, default value: Bool, _ summary: String, meaning: FieldMeaning? = nil
    ) -> Bool {
        option(key, .flag, value, summary, meaning, false, { .bool($0) }) { self.flag($0, key) }
    }

    /// One of an enumeration's raw values.
    package func option<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default value: Choice, _ summary: String
    ) -> Choice {
        option(key, Self.type(of: Choice.self), value, summary, nil, false, { .string($0.rawValue) }) {
            self.choice($0, key)
        }
    }

    /// Says that options have an effect only under a condition; whoever gives them otherwise is told.
    ///
    /// - Parameters:
    ///   - keys: The options; those that weren't asked for are passed over.
    ///   - isUsed: Whether the condition holds with the values that were read.
    ///   - reason: What keeps them from having an effect: `the rule "scheduled"`.
    ///   - user: What they have an effect with: `the rule "factor"`.
    package func condition(_ keys: String..., isUsed: Bool, with reason: String, user: String) {
        guard !isUsed else { return }
        for key in keys where descriptions.contains(where: { $0.key == key }) {
            unused.insert(key)
            config[key] = nil
            guard node?[key] != nil else { continue }
            reject(key, "\"\(key)\" has no effect with \(reason); it is for \(user).")
        }
    }

    private func option<Value>(
        _ key: String, _ type: FieldType, _ value: Value, _ summary: String, _ meaning: FieldMeaning?,
        _ isAlwaysRecorded: Bool, _ encode: (Value) -> JSONValue, decode: (JSONNode) -> Value?
    ) -> Value {
        read(
            key, type, presence: isAlwaysRecorded ? .defaulted(encode(value)) : .implied(encode(value)),
            summary, role: .recipe, meaning: meaning, fallback: value, placeholder: value, decode: decode,
            encode: encode)
    }

    private func optionOrNull<Value>(
        _ key: String, _ type: FieldType, _ value: Value?, _ summary: String, _ meaning: FieldMeaning?,
        _ isAlwaysRecorded: Bool, _ encode: (Value) -> JSONValue, decode: (JSONNode) -> Value?
    ) -> Value? {
        let standard = value.map(encode) ?? .null
        return read(
            key, type, presence: isAlwaysRecorded ? .defaulted(standard) : .implied(standard), summary,
            role: .recipe, acceptsNull: true, meaning: meaning, fallback: .some(value), placeholder: value,
            decode: { node -> Value?? in node.isNull ? .some(nil) : decode(node).map(Optional.some) },
            encode: { $0.map(encode) ?? .null })
    }

    /// Zero has no sign, so that its spellings are one setting.
    private static func unsigned(_ number: Double) -> JSONValue { .number(number == 0 ? 0 : number) }
}
