extension TemplateRenderer {
    /// The longest `range`, which is Jinja's limit for templates that aren't trusted.
    private static let longestRange = 100_000

    /// The result of a function or a macro.
    func call(
        _ name: String, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch value(of: name) {
        case .macro(let macro): return try call(macro, arguments, expression)
        case .function(let name): return try callFunction(name, arguments, expression)
        case .undefined where name == "strftime_now":
            throw error(
                expression,
                "The function `strftime_now` has no date here: what is recorded would be another tomorrow. Write a date"
                    + " in its place into a chat_template.jinja.")
        case .undefined:
            throw error(
                expression, TemplateLanguage.refusal("function", name, TemplateLanguage.functions))
        case let value: throw error(expression, "`\(name)` is \(value.kindName), which can't be called.")
        }
    }

    private func callFunction(
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
        case "dict":
            _ = try bind(TemplateArguments(positional: arguments.positional), [], name, expression)
            var members: [(key: String, value: TemplateValue)] = []
            for (name, value) in arguments.named { members.append((name, try part(evaluate(value), value))) }
            return .object(members)
        case "strftime_now":
            let format = try bind(arguments, ["format"], required: 1, name, expression)[0]
            return try time(try string(format, name, expression), expression)
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
            case "cycle":
                // A loop is an object here; only a loop is asked for what to take in turn.
                guard let index = value.member("index0")?.integer, value.member("revindex0") != nil,
                    arguments.named.isEmpty, !arguments.positional.isEmpty
                else { break }
                return try evaluate(arguments.positional[index % arguments.positional.count])
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
        case "split", "rsplit":
            let values = try bind(arguments, ["sep", "maxsplit"], name, expression)
            let limit = try integer(values[1], default: -1, name, expression)
            try charge(text.utf8.count / 8, expression)
            let parts: [String]
            if let separator = values[0], !separator.isNull {
                let separator = try string(separator, name, expression)
                guard !separator.isEmpty else {
                    throw error(expression, "`\(name)` needs a separator with text.")
                }
                parts = ScalarSearch.split(text, at: separator, limit: limit, fromEnd: name == "rsplit")
            } else {
                parts = PythonText.words(of: text, limit: limit, fromEnd: name == "rsplit")
            }
            try charge(parts.count, expression)
            return .list(parts.map { .string($0) })
        case "splitlines":
            let keeps = try bind(arguments, ["keepends"], name, expression)[0]?.isTrue ?? false
            let lines = PythonText.lines(of: text, keepsEnds: keeps)
            try charge(text.utf8.count / 8 + lines.count, expression)
            return .list(lines.map { .string($0) })
        case "capitalize", "title":
            _ = try bind(arguments, [], name, expression)
            return try made(
                name == "title" ? PythonText.title(text) : PythonText.capitalized(text), expression)
        case "count", "find":
            let part = try string(
                try bind(arguments, ["part"], required: 1, name, expression)[0], name, expression)
            try charge((text.utf8.count + part.utf8.count) / 8, expression)
            if name == "count", part.isEmpty { return .integer(text.unicodeScalars.count + 1) }
            let places = ScalarSearch.places(of: part, in: text, limit: name == "find" ? 1 : -1)
            if name == "count" { return .integer(places.count) }
            return .integer(
                places.first.map { text.utf8.prefix($0).count { $0 & 0xC0 != 0x80 } } ?? -1)
        case "removeprefix", "removesuffix":
            let affix = try string(
                try bind(arguments, ["affix"], required: 1, name, expression)[0], name, expression)
            let bytes = Array(text.utf8)
            guard
                name == "removeprefix"
                    ? bytes.starts(with: affix.utf8) : text.utf8.ends(with: Array(affix.utf8))
            else { return .string(text) }
            let rest =
                name == "removeprefix" ? bytes.dropFirst(affix.utf8.count) : bytes.dropLast(affix.utf8.count)
            return try made(String(decoding: rest, as: UTF8.self), expression)
        case "join":
            let list = try bind(arguments, ["iterable"], required: 1, name, expression)[0] ?? .null
            var parts: [String] = []
            for element in try elements(of: list, expression) {
                parts.append(try string(element, name, expression))
            }
            return try joined(parts, with: text, expression)
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
