extension TemplateRenderer {
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
