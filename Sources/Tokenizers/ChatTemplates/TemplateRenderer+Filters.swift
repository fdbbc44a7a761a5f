extension TemplateRenderer {
    /// The result of a filter.
    func filter(
        _ name: String, _ value: TemplateValue, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch name {
        case "default", "d":
            let values = try bind(arguments, ["default_value", "boolean"], name, expression)
            var isMissing = values[1]?.isTrue == true && !value.isTrue
            if case .undefined = value { isMissing = true }
            return isMissing ? values[0] ?? .string("") : value
        case "tojson": return try json(value, arguments, expression)
        case "trim":
            let characters = try bind(arguments, ["chars"], name, expression)[0]
            return try made(
                strip(text(value, expression), characters, left: true, right: true, expression), expression)
        case "replace":
            let values = try bind(arguments, ["old", "new", "count"], required: 2, name, expression)
            return try replace(
                try string(values[0], name, expression), try string(values[1], name, expression),
                in: try text(value, expression), count: try integer(values[2], default: -1, name, expression),
                expression)
        case "join":
            let separator = try bind(arguments, ["d"], name, expression)[0] ?? .string("")
            var parts: [String] = []
            for element in try elements(of: value, expression) { parts.append(try text(element, expression)) }
            let between = try text(separator, expression)
            let bytes = parts.reduce(parts.count * between.utf8.count) { $0 + $1.utf8.count }
            try checkText(bytes, expression)
            return .string(parts.joined(separator: between))
        case "int":
            let missing = try bind(arguments, ["default"], name, expression)[0] ?? .integer(0)
            return Self.integer(value) ?? missing
        default:
            _ = try bind(arguments, [], name, expression)
            return try plainFilter(name, value, expression)
        }
    }

    /// A filter without arguments.
    private func plainFilter(
        _ name: String, _ value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch name {
        case "safe": return value
        case "string": return .string(try text(value, expression))
        case "upper": return try made(text(value, expression).uppercased(), expression)
        case "lower": return try made(text(value, expression).lowercased(), expression)
        case "capitalize":
            let text = try text(value, expression)
            let first = text.unicodeScalars.prefix(1)
            return try made(
                String(first).uppercased() + String(text.unicodeScalars.dropFirst()).lowercased(), expression)
        case "items":
            switch value {
            case .undefined: return .list([])
            case .object: return try call("items", of: value, TemplateArguments(), expression)
            default: throw error(expression, "`items` needs an object, not \(value.kindName).")
            }
        case "reverse":
            if case .string(let text) = value {
                try charge(text.utf8.count, expression)
                return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
            }
            return .list(try elements(of: value, expression).reversed())
        default: break
        }
        let elements = try elements(of: value, expression)
        switch name {
        case "first": return elements.first ?? .undefined("the first element of an empty list")
        case "last": return elements.last ?? .undefined("the last element of an empty list")
        case "list": return .list(elements)
        default: return .integer(elements.count)
        }
    }

    private func json(
        _ value: TemplateValue, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        var indent: Int?
        if let given = try bind(arguments, ["indent"], "tojson", expression)[0] {
            if case .null = given {
                indent = nil
            } else {
                indent = max(0, try integer(given, default: 0, "tojson", expression))
            }
        }
        guard indent ?? 0 <= budget.limits.indent else {
            throw error(expression, "`tojson` can't indent by more than \(budget.limits.indent).")
        }
        var writer = TemplateJSON(indent: indent, limit: budget.limits.textBytes)
        do throws(TemplateJSON.Failure) { try writer.write(value) } catch {
            switch error {
            case .isTooLong: try checkText(.max, expression)
            case .hasNoJSON: break
            }
            throw self.error(
                expression, "\(value.kindName) can't be written as JSON, or holds something that can't.")
        }
        return try made(writer.text, expression)
    }

    /// What Jinja's `int` makes of a value; nil for what isn't a number.
    private static func integer(_ value: TemplateValue) -> TemplateValue? {
        if let integer = value.integer { return .integer(integer) }
        switch value {
        case .double(let double): return Int(exactly: double.rounded(.towardZero)).map { .integer($0) }
        case .string(let text):
            var scalars = text.unicodeScalars.drop(while: \.isPythonSpace)
            while let last = scalars.last, last.isPythonSpace { scalars.removeLast() }
            let written = String(scalars)
            if let integer = Int(written) { return .integer(integer) }
            return Double(written).flatMap { Int(exactly: $0.rounded(.towardZero)) }.map { .integer($0) }
        default: return nil
        }
    }
}
