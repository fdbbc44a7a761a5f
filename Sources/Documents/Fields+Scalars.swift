package import JSON

/// Numbers, flags, text and choices. Each comes in three forms: required, with a default, and optional, where
/// a missing key and `null` both give nil.
extension Fields {
    /// A whole number that must be there.
    package func integer(
        _ key: String, in bounds: some FieldBounds<Int> = .any, _ summary: String, role: FieldRole = .recipe
    ) -> Int {
        let type = FieldType.integer(bounds.bounds)
        return read(
            key, type, presence: .required, summary, role: role, fallback: nil,
            placeholder: bounds.bounds.lower?.value ?? 0, decode: { self.integer($0, key, bounds.bounds) },
            encode: { .integer($0) })
    }

    /// A whole number.
    package func integer(
        _ key: String, default value: Int, in bounds: some FieldBounds<Int> = .any, _ summary: String,
        role: FieldRole = .recipe
    ) -> Int {
        precondition(bounds.bounds.contains(value), "the default of \"\(key)\" is out of its range")
        return read(
            key, .integer(bounds.bounds), presence: .defaulted(.integer(value)), summary, role: role,
            fallback: value, placeholder: value, decode: { self.integer($0, key, bounds.bounds) },
            encode: { .integer($0) })
    }

    /// A whole number or nothing.
    package func optionalInteger(
        _ key: String, in bounds: some FieldBounds<Int> = .any, _ summary: String, role: FieldRole = .recipe
    ) -> Int? {
        optional(key, .integer(bounds.bounds), summary, role: role, { .integer($0) }) {
            self.integer($0, key, bounds.bounds)
        }
    }

    /// A finite number that must be there.
    package func number(
        _ key: String, in bounds: some FieldBounds<Double> = .any, _ summary: String,
        role: FieldRole = .recipe
    ) -> Double {
        read(
            key, .number(bounds.bounds), presence: .required, summary, role: role, fallback: nil,
            placeholder: bounds.bounds.lower?.value ?? 0, decode: { self.number($0, key, bounds.bounds) },
            encode: { .number($0) })
    }

    /// A finite number.
    package func number(
        _ key: String, default value: Double, in bounds: some FieldBounds<Double> = .any, _ summary: String,
        role: FieldRole = .recipe
    ) -> Double {
        precondition(
            value.isFinite && bounds.bounds.contains(value), "the default of \"\(key)\" is out of its range")
        return read(
            key, .number(bounds.bounds), presence: .defaulted(.number(value)), summary, role: role,
            fallback: value, placeholder: value, decode: { self.number($0, key, bounds.bounds) },
            encode: { .number($0) })
    }

    /// A finite number or nothing.
    package func optionalNumber(
        _ key: String, in bounds: some FieldBounds<Double> = .any, _ summary: String,
        role: FieldRole = .recipe
    ) -> Double? {
        optional(key, .number(bounds.bounds), summary, role: role, { .number($0) }) {
            self.number($0, key, bounds.bounds)
        }
    }

    /// True or false.
    package func flag(
        _ key: String, default value: Bool, _ summary: String, role: FieldRole = .recipe
    ) -> Bool {
        read(
            key, .flag, presence: .defaulted(.bool(value)), summary, role: role, fallback: value,
            placeholder: value, decode: { self.flag($0, key) }, encode: { .bool($0) })
    }

    /// Text that must be there.
    package func string(_ key: String, _ summary: String, role: FieldRole = .recipe) -> String {
        read(
            key, .string, presence: .required, summary, role: role, fallback: nil, placeholder: "",
            decode: { self.string($0, key) }, encode: { .string($0) })
    }

    /// True, false, or nothing.
    package func optionalFlag(_ key: String, _ summary: String, role: FieldRole = .recipe) -> Bool? {
        optional(key, .flag, summary, role: role, { .bool($0) }) { self.flag($0, key) }
    }

    /// Text.
    package func string(
        _ key: String, default value: String, _ summary: String, role: FieldRole = .recipe
    ) -> String {
        read(
            key, .string, presence: .defaulted(.string(value)), summary, role: role, fallback: value,
            placeholder: value, decode: { self.string($0, key) }, encode: { .string($0) })
    }

    /// Text or nothing.
    package func optionalString(_ key: String, _ summary: String, role: FieldRole = .recipe) -> String? {
        optional(key, .string, summary, role: role, { .string($0) }) { self.string($0, key) }
    }

    /// One of the raw values of an enumeration, told from the type asked for; must be there.
    package func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, _ summary: String, role: FieldRole = .recipe
    ) -> Choice {
        guard let first = Choice.allCases.first else {
            preconditionFailure("an enumeration without cases can't be chosen from")
        }
        return read(
            key, Self.type(of: Choice.self), presence: .required, summary, role: role, fallback: nil,
            placeholder: first, decode: { self.choice($0, key) }, encode: { .string($0.rawValue) })
    }

    /// One of the raw values of an enumeration.
    package func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default value: Choice, _ summary: String, role: FieldRole = .recipe
    ) -> Choice {
        read(
            key, Self.type(of: Choice.self), presence: .defaulted(.string(value.rawValue)), summary,
            role: role,
            fallback: value, placeholder: value, decode: { self.choice($0, key) },
            encode: { .string($0.rawValue) })
    }

    /// One of the raw values of an enumeration, or nothing.
    package func optionalChoice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, _ summary: String, role: FieldRole = .recipe
    ) -> Choice? {
        optional(key, Self.type(of: Choice.self), summary, role: role, { .string($0.rawValue) }) {
            self.choice($0, key)
        }
    }
}

/// From nodes to values; nil after a report.
extension Fields {
    package func optional<Value>(
        _ key: String, _ type: FieldType, _ summary: String, role: FieldRole, _ encode: (Value) -> JSONValue,
        decode: (JSONNode) -> Value?
    ) -> Value? {
        read(
            key, type, presence: .optional, summary, role: role, fallback: .some(nil), placeholder: nil,
            decode: { node -> Value?? in node.isNull ? .some(nil) : decode(node).map(Optional.some) },
            encode: { value in value.map(encode) ?? .null })
    }

    package func integer(_ node: JSONNode, _ key: String, _ bounds: Bounds<Int>) -> Int? {
        if case .number(let number) = node.value, let int = number.int, bounds.contains(int) { return int }
        mismatch(key, .integer(bounds), node)
        return nil
    }

    package func number(_ node: JSONNode, _ key: String, _ bounds: Bounds<Double>) -> Double? {
        if case .number(let number) = node.value, let double = number.double, bounds.contains(double) {
            return double
        }
        mismatch(key, .number(bounds), node)
        return nil
    }

    package func flag(_ node: JSONNode, _ key: String) -> Bool? {
        if case .bool(let bool) = node.value { return bool }
        mismatch(key, .flag, node)
        return nil
    }

    package func string(_ node: JSONNode, _ key: String) -> String? {
        if let string = node.string { return string }
        mismatch(key, .string, node)
        return nil
    }

    package func choice<Choice: CaseIterable & RawRepresentable<String>>(_ node: JSONNode, _ key: String)
        -> Choice?
    {
        if let string = node.string, let choice = Choice(rawValue: string) { return choice }
        mismatch(key, Self.type(of: Choice.self), node)
        return nil
    }

    package static func type<Choice: CaseIterable & RawRepresentable<String>>(of: Choice.Type) -> FieldType {
        .choice(Choice.allCases.map(\.rawValue))
    }
}
