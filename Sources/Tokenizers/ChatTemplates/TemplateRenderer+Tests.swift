extension TemplateRenderer {
    /// Whether a value passes a test.
    func test(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Bool {
        switch name {
        case "eq", "equalto", "ne", "in", "divisibleby":
            let other = try bind(arguments, ["other"], required: 1, name, expression)[0] ?? .null
            switch name {
            case "in": return try contains(other, value, expression)
            case "divisibleby":
                return try isEqual(calculate("%", value, other, expression), .integer(0), expression)
            default: return try isEqual(value, other, expression) == (name != "ne")
            }
        case "gt", "greaterthan", "ge", "lt", "lessthan", "le":
            let other = try bind(arguments, ["other"], required: 1, name, expression)[0] ?? .null
            let symbols = ["gt": ">", "greaterthan": ">", "ge": ">=", "lt": "<", "lessthan": "<", "le": "<="]
            return try compare(symbols[name] ?? "<", value, other, expression)
        case "lower", "upper":
            _ = try bind(arguments, [], name, expression)
            let text = try text(value, expression)
            try charge(text.utf8.count / 8, expression)
            // As `str.islower` and `str.isupper`: some letter with a case, and none of the other.
            let cased = text.unicodeScalars.filter { $0.properties.isCased }
            return !cased.isEmpty
                && cased.allSatisfy {
                    name == "lower" ? $0.properties.isLowercase : $0.properties.isUppercase
                }
        case "odd", "even":
            _ = try bind(arguments, [], name, expression)
            let rest = try calculate("%", value, .integer(2), expression)
            return try isEqual(rest, .integer(name == "odd" ? 1 : 0), expression)
        default:
            _ = try bind(arguments, [], name, expression)
            return Self.isKind(name, value)
        }
    }

    private static func isKind(_ name: String, _ value: TemplateValue) -> Bool {
        switch (name, value) {
        case ("undefined", .undefined), ("none", .null), ("boolean", .bool), ("string", .string),
            ("mapping", .object), ("integer", .integer), ("float", .double):
            true
        case ("defined", .undefined): false
        case ("defined", _): true
        case ("true", .bool(let bool)): bool
        case ("false", .bool(let bool)): !bool
        case ("number", _): value.number != nil
        // Jinja counts as a sequence all that has a length, also text, objects and what isn't defined.
        case ("sequence", .list), ("sequence", .string), ("sequence", .object), ("sequence", .undefined),
            ("iterable", .list), ("iterable", .string), ("iterable", .object), ("iterable", .undefined),
            ("iterable", .stream):
            true
        default: false
        }
    }
}
