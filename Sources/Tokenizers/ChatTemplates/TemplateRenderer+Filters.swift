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
            let values = try bind(arguments, ["d", "attribute"], name, expression)
            let between = try text(values[0] ?? .string(""), expression)
            var parts: [String] = []
            for element in try elements(of: value, expression) {
                parts.append(try text(attribute(values[1], of: element, expression), expression))
            }
            return try joined(parts, with: between, expression)
        case "map": return try map(value, arguments, expression)
        case "select", "reject", "selectattr", "rejectattr":
            return try select(name, value, arguments, expression)
        case "sort", "unique", "dictsort": return try order(name, value, arguments, expression)
        case "indent": return try indent(string(value, name, expression), arguments, expression)
        case "int":
            if case .undefined(let missing) = value { throw error(expression, "`\(missing)` isn't defined.") }
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
        case "safe", "string": return .string(try text(value, expression))
        case "upper": return try made(text(value, expression).uppercased(), expression)
        case "lower": return try made(text(value, expression).lowercased(), expression)
        case "capitalize": return try made(PythonText.capitalized(text(value, expression)), expression)
        case "title": return try made(Self.title(text(value, expression)), expression)
        case "items":
            switch value {
            case .undefined: return .stream(of: [])
            case .object:
                let list = try call("items", of: value, TemplateArguments(), expression)
                return .stream(of: try elements(of: list, expression))
            default: throw error(expression, "`items` needs an object, not \(value.kindName).")
            }
        case "reverse":
            if case .string(let text) = value {
                try charge(text.utf8.count, expression)
                return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
            }
            return .stream(of: try elements(of: value, expression).reversed())
        case "first":
            if case .stream(let stream) = value {
                return stream.next() ?? .undefined("the first element of nothing")
            }
        case "list": break
        default:
            guard !value.isStream else {
                throw error(
                    expression,
                    "`\(name)` doesn't know how many elements there are; make a list of them first.")
            }
        }
        let elements = try elements(of: value, expression)
        switch name {
        case "first": return elements.first ?? .undefined("the first element of an empty list")
        case "last": return elements.last ?? .undefined("the last element of an empty list")
        case "list": return .list(elements)
        default: return .integer(elements.count)
        }
    }

    /// Each word's first character large and the others small, as Jinja's filter cuts words.
    private static func title(_ text: String) -> String {
        var result = ""
        var isInside = false
        for scalar in text.unicodeScalars {
            result += isInside ? scalar.properties.lowercaseMapping : scalar.properties.uppercaseMapping
            isInside = !scalar.isPythonSpace && !"-({[<".unicodeScalars.contains(scalar)
        }
        return result
    }

    /// Texts with another one between them.
    func joined(
        _ parts: [String], with between: String, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        let bytes = parts.reduce(parts.count * between.utf8.count) { $0 + $1.utf8.count }
        try checkText(bytes, expression)
        return .string(parts.joined(separator: between))
    }

    /// What moves a level or a line: a text, or so many spaces.
    private func indentation(
        _ value: TemplateValue, _ name: String, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> String {
        let limit = budget.limits.indent
        let count: Int
        if case .string(let text) = value {
            count = text.utf8.count
        } else {
            count = max(0, try integer(value, default: 0, name, expression))
        }
        guard count <= limit else { throw error(expression, "`\(name)` can't indent by more than \(limit).") }
        if case .string(let text) = value { return text }
        return String(repeating: " ", count: count)
    }

    private func indent(
        _ text: String, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        let values = try bind(arguments, ["width", "first", "blank"], "indent", expression)
        let indentation = try indentation(values[0] ?? .integer(4), "indent", expression)
        let movesBlank = values[2]?.isTrue ?? false
        // As Jinja does it, a line break at the end is kept.
        let lines = PythonText.lines(of: text + "\n")
        try checkText(text.utf8.count + lines.count * indentation.utf8.count, expression)
        var result = values[1]?.isTrue ?? false ? indentation : ""
        for (index, line) in lines.enumerated() {
            if index > 0 { result += "\n" + (line.isEmpty && !movesBlank ? "" : indentation) }
            result += line
        }
        return .string(result)
    }

    private func json(
        _ value: TemplateValue, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        let values = try bind(
            arguments, ["ensure_ascii", "indent", "separators", "sort_keys"], "tojson", expression)
        var style = TemplateJSON.Style()
        style.isASCII = values[0]?.isTrue ?? false
        if let indent = values[1], !indent.isNull {
            style.indent = try indentation(indent, "tojson", expression)
        }
        if let separators = values[2], !separators.isNull {
            guard case .list(let pair) = separators, pair.count == 2 else {
                throw error(expression, "`separators` of `tojson` are two texts, not \(separators.kindName).")
            }
            style.separators = (
                try string(pair[0], "tojson", expression), try string(pair[1], "tojson", expression)
            )
            let limit = budget.limits.indent
            guard pair.allSatisfy({ ($0.text ?? "").utf8.count <= limit }) else {
                throw error(expression, "`separators` of `tojson` can't have more than \(limit) bytes.")
            }
        }
        style.sortsKeys = values[3]?.isTrue ?? false
        var writer = TemplateJSON(style, limit: budget.limits.textBytes)
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
