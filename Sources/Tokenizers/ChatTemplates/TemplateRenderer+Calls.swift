extension TemplateRenderer {
    /// The longest `range`, which is Jinja's limit for templates that aren't trusted.
    private static let longestRange = 100_000

    /// The result of a function.
    func call(
        _ name: String, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch name {
        case "raise_exception":
            let message = try bind(arguments, ["message"], required: 1, name, expression)[0]
            throw error(
                expression, "The template refuses the conversation: \(message?.text ?? "no reason given.")")
        case "namespace":
            _ = try bind(TemplateArguments(positional: arguments.positional), [], name, expression)
            var members: [String: TemplateValue] = [:]
            for (name, value) in arguments.named { members[name] = try part(evaluate(value), value) }
            return .namespace(TemplateNamespace(members))
        default:
            let values = try bind(arguments, ["start", "stop", "step"], required: 1, name, expression)
            let first = try integer(values[0], default: 0, name, expression)
            let start = values[1] == nil ? 0 : first
            let stop = try integer(values[1], default: first, name, expression)
            let step = try integer(values[2], default: 1, name, expression)
            guard step != 0 else { throw error(expression, "The step of a range can't be 0.") }
            let list = TemplateRange.numbers(
                from: start, to: stop, by: step, limit: Self.longestRange + 1)
            guard list.count <= Self.longestRange else {
                throw error(expression, "A range can't have more than \(Self.longestRange) numbers.")
            }
            try charge(list.count, expression)
            return .list(list.map { .integer($0) })
        }
    }

    /// The result of a method.
    func call(
        _ name: String, of value: TemplateValue, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch value {
        case .string(let string):
            if let result = try call(name, ofString: string, arguments, expression) { return result }
        case .object(let members):
            switch name {
            case "items", "keys", "values":
                _ = try bind(arguments, [], name, expression)
                try charge(2 * members.count, expression)
                return .list(
                    members.map { key, value in
                        name == "keys"
                            ? .string(key) : name == "values" ? value : .list([.string(key), value])
                    })
            case "get":
                let values = try bind(arguments, ["key", "default"], required: 1, name, expression)
                try charge(members.count / 8, expression)
                return value.member(try string(values[0], name, expression)) ?? values[1] ?? .null
            default: break
            }
        default: break
        }
        throw error(expression, "\(value.kindName) has no method `\(name)`.")
    }

    private func call(
        _ name: String, ofString text: String, _ arguments: TemplateArguments,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue? {
        switch name {
        case "upper", "lower":
            _ = try bind(arguments, [], name, expression)
            return try made(name == "upper" ? text.uppercased() : text.lowercased(), expression)
        case "strip", "lstrip", "rstrip":
            let characters = try bind(arguments, ["chars"], name, expression)[0]
            return try made(
                strip(text, characters, left: name != "rstrip", right: name != "lstrip", expression),
                expression)
        case "startswith", "endswith":
            let affix = try bind(arguments, ["affix"], required: 1, name, expression)[0]
            var affixes = [affix]
            if case .list(let list) = affix { affixes = list }
            for affix in affixes {
                try charge(1, expression)
                let bytes = Array(try string(affix, name, expression).utf8)
                let holds = name == "startswith" ? text.utf8.starts(with: bytes) : text.utf8.ends(with: bytes)
                if holds { return .bool(true) }
            }
            return .bool(false)
        case "replace":
            let values = try bind(arguments, ["old", "new", "count"], required: 2, name, expression)
            return try replace(
                try string(values[0], name, expression), try string(values[1], name, expression),
                in: text, count: try integer(values[2], default: -1, name, expression), expression)
        case "split":
            let values = try bind(arguments, ["sep", "maxsplit"], name, expression)
            let limit = try integer(values[1], default: -1, name, expression)
            if let separator = values[0], case .string(let separator) = separator {
                guard !separator.isEmpty else {
                    throw error(expression, "`split` needs a separator with text.")
                }
                let parts = ScalarSearch.split(text, at: separator, limit: limit)
                try charge(text.utf8.count / 8 + parts.count, expression)
                return .list(parts.map { .string($0) })
            }
            guard limit < 0 else {
                throw error(expression, "`split` at white space with a limit isn't supported.")
            }
            try charge(text.utf8.count, expression)
            return .list(
                text.unicodeScalars.split(whereSeparator: \.isPythonSpace).map { .string(String($0)) })
        default: return nil
        }
    }

    /// `text` with `old` replaced, at most `count` times from the left; no limit below zero.
    func replace(
        _ old: String, _ new: String, in text: String, count: Int, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try charge((text.utf8.count + old.utf8.count) / 8, expression)
        guard !old.isEmpty else {
            // Python puts the new text between all characters.
            let scalars = Array(text.unicodeScalars)
            let places = count < 0 ? scalars.count + 1 : min(count, scalars.count + 1)
            try checkText(text.utf8.count + places * new.utf8.count, expression)
            var result = ""
            for (index, scalar) in scalars.enumerated() {
                if index < places { result += new }
                result.unicodeScalars.append(scalar)
            }
            return .string(places > scalars.count ? result + new : result)
        }
        let parts = ScalarSearch.split(text, at: old, limit: count)
        // Neither text has more bytes than memory has, so that this is far from an overflow.
        try checkText(text.utf8.count + (parts.count - 1) * (new.utf8.count - old.utf8.count), expression)
        return .string(parts.joined(separator: new))
    }

    /// `text` without the characters of `characters`, or white space, at its ends.
    func strip(
        _ text: String, _ characters: TemplateValue?, left: Bool, right: Bool,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> String {
        var unwanted: Set<Unicode.Scalar>?
        switch characters {
        case nil, .some(.null): break
        case let given: unwanted = Set(try string(given, "strip", expression).unicodeScalars)
        }
        func isUnwanted(_ scalar: Unicode.Scalar) -> Bool {
            unwanted.map { $0.contains(scalar) } ?? scalar.isPythonSpace
        }
        var scalars = text.unicodeScalars[...]
        if left { scalars = scalars.drop(while: isUnwanted) }
        if right {
            while let last = scalars.last, isUnwanted(last) { scalars.removeLast() }
        }
        return String(scalars)
    }
}

extension String.UTF8View {
    fileprivate func ends(with suffix: [UInt8]) -> Bool {
        count >= suffix.count && self.suffix(suffix.count).elementsEqual(suffix)
    }
}
