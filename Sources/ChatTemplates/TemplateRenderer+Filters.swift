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

    /// What is found under an attribute such as `function.name` or `turns.0`; without one, the value itself.
    func attribute(
        _ attribute: TemplateValue?, of value: TemplateValue, _ expression: TemplateExpression,
        default missing: TemplateValue? = nil
    ) throws(ChatTemplateError) -> TemplateValue {
        var value = value
        switch attribute {
        case nil, .null?: return value
        case .string(let path)?:
            for part in ScalarSearch.split(path, at: ".", limit: -1) {
                if case .undefined(let name) = value { throw error(expression, "`\(name)` isn't defined.") }
                let digits = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                let index = (digits ? Int(part) : nil).map { TemplateValue.integer($0) } ?? .string(part)
                value = try item(index, of: value, expression)
                if let missing, !missing.isNull, case .undefined = value { value = missing }
            }
            return value
        case let index?:
            guard index.integer != nil else {
                throw error(expression, "An attribute is a name or a number, not \(index.kindName).")
            }
            return try item(index, of: value, expression)
        }
    }

    /// `map`: an attribute of each element, or what a filter makes of it.
    func map(
        _ value: TemplateValue, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        guard value.isTrue else { return .stream(of: []) }
        var results: [TemplateValue] = []
        if arguments.positional.isEmpty {
            let values = try bind(arguments, ["attribute", "default"], "map", expression)
            guard let path = values[0] else {
                throw error(expression, "`map` needs the name of a filter, or `attribute`.")
            }
            for element in try elements(of: value, expression) {
                results.append(try attribute(path, of: element, expression, default: values[1]))
            }
            return .stream(of: results)
        }
        let (name, rest) = try callee(arguments, at: 0, "filter", TemplateLanguage.filters, expression)
        for element in try elements(of: value, expression) {
            results.append(try part(filter(name, element, rest, expression), expression))
        }
        return .stream(of: results)
    }

    /// `select`, `reject`, `selectattr` and `rejectattr`: the elements that pass a test, or don't.
    func select(
        _ filter: String, _ value: TemplateValue, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        guard value.isTrue else { return .stream(of: []) }
        let looksUp = filter == "selectattr" || filter == "rejectattr"
        let path: TemplateValue?
        if looksUp {
            guard let first = arguments.positional.first else {
                throw error(expression, "`\(filter)` needs the name of an attribute.")
            }
            path = try evaluate(first)
        } else {
            path = nil
        }
        let isTested = arguments.positional.count > (looksUp ? 1 : 0)
        let (name, rest) =
            isTested
            ? try callee(arguments, at: looksUp ? 1 : 0, "test", TemplateLanguage.tests, expression)
            : ("", TemplateArguments())
        let wanted = filter == "select" || filter == "selectattr"
        var results: [TemplateValue] = []
        for element in try elements(of: value, expression) {
            let found = try attribute(path, of: element, expression)
            let passes = isTested ? try test(name, found, rest, expression) : found.isTrue
            if passes == wanted { results.append(element) }
        }
        return .stream(of: results)
    }

    /// The filter or test that an argument names, and the arguments behind that.
    private func callee(
        _ arguments: TemplateArguments, at index: Int, _ what: String, _ known: Set<String>,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> (String, TemplateArguments) {
        var name = try string(try evaluate(arguments.positional[index]), what, expression)
        if what == "test" {
            name = ["==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"][name] ?? name
        }
        guard known.contains(name) else {
            throw error(expression, TemplateLanguage.refusal(what, name, known))
        }
        var rest = arguments
        rest.positional.removeFirst(index + 1)
        return (name, rest)
    }

    /// `sort`, `unique` and `dictsort`.
    func order(
        _ filter: String, _ value: TemplateValue, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        var elements: [TemplateValue]
        var path: TemplateValue?
        let isReversed: Bool
        let isCased: Bool
        switch filter {
        case "dictsort":
            guard case .object = value else {
                throw error(expression, "`dictsort` needs an object, not \(value.kindName).")
            }
            let values = try bind(arguments, ["case_sensitive", "by", "reverse"], filter, expression)
            elements = try self.elements(
                of: call("items", of: value, TemplateArguments(), expression), expression)
            switch try string(values[1] ?? .string("key"), filter, expression) {
            case "key": path = .integer(0)
            case "value": path = .integer(1)
            default: throw error(expression, "`dictsort` goes by \"key\" or by \"value\".")
            }
            (isCased, isReversed) = (values[0]?.isTrue ?? false, values[2]?.isTrue ?? false)
        case "sort":
            let values = try bind(arguments, ["reverse", "case_sensitive", "attribute"], filter, expression)
            (isReversed, isCased, path) = (values[0]?.isTrue ?? false, values[1]?.isTrue ?? false, values[2])
            elements = try self.elements(of: value, expression)
        default:
            let values = try bind(arguments, ["case_sensitive", "attribute"], filter, expression)
            (isReversed, isCased, path) = (false, values[0]?.isTrue ?? false, values[1])
            elements = try self.elements(of: value, expression)
        }
        if case .string(let names)? = path, names.utf8.contains(UInt8(ascii: ",")) {
            throw error(expression, "`\(filter)` by several attributes isn't supported.")
        }
        var keys: [TemplateValue] = []
        for element in elements {
            let key = try attribute(path, of: element, expression)
            if !isCased, case .string(let text) = key {
                keys.append(try made(text.lowercased(), expression))
            } else {
                keys.append(key)
            }
        }
        if filter == "unique" { return .stream(of: try firstOnes(elements, keys, expression)) }
        let order = try sorted(keys, isReversed: isReversed, expression)
        return .list(order.map { elements[$0] })
    }

    private func firstOnes(
        _ elements: [TemplateValue], _ keys: [TemplateValue], _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> [TemplateValue] {
        var chosen: [Int] = []
        next: for index in keys.indices {
            for other in chosen where try isEqual(keys[other], keys[index], expression) { continue next }
            chosen.append(index)
        }
        return chosen.map { elements[$0] }
    }

    /// The indices of keys in their order; equal ones stay as they are, also the other way round.
    private func sorted(
        _ keys: [TemplateValue], isReversed: Bool, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> [Int] {
        var order = Array(keys.indices)
        var width = 1
        // Merged from below, so that a comparison that fails ends it.
        while width < order.count {
            var merged: [Int] = []
            for start in stride(from: 0, to: order.count, by: 2 * width) {
                var left = order[start..<min(start + width, order.count)]
                var right = order[left.endIndex..<min(start + 2 * width, order.count)]
                while let a = left.first, let b = right.first {
                    try charge(1 + (keys[a].text ?? "").utf8.count / 64, expression)
                    let isLater = try compare(isReversed ? ">" : "<", keys[b], keys[a], expression)
                    merged.append(isLater ? right.removeFirst() : left.removeFirst())
                }
                merged += left + right
            }
            order = merged
            width *= 2
        }
        return order
    }
}
