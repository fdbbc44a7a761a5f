internal import Base

extension TemplateRenderer {
    /// The value of an expression.
    func evaluate(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateValue {
        try charge(1, expression)
        try enter(.expression, expression)
        defer { budget.leave(.expression) }
        switch expression.kind {
        case .literal(let value): return value
        case .name(let name): return value(of: name)
        case .list(let elements):
            var list: [TemplateValue] = []
            for element in elements { list.append(try part(evaluate(element), element)) }
            return .list(list)
        case .object(let members): return try object(members)
        case .member(let target, let name): return try member(name, of: target, expression)
        case .item(let target, let index): return try item(evaluate(index), of: target, expression)
        case .slice(let target, let bounds): return try slice(target, bounds, expression)
        case .function(let name, let arguments): return try call(name, arguments, expression)
        case .method(let target, let name, let arguments):
            return try call(name, of: defined(target), arguments, expression)
        case .filter(let value, let name, let arguments):
            return try filter(name, evaluate(value), arguments, expression)
        case .test(let value, let name, let arguments):
            return .bool(try test(name, evaluate(value), arguments, expression))
        case .not(let operand): return .bool(try !evaluate(operand).isTrue)
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .binary("~", let left, let right):
            let (a, b) = (try text(evaluate(left), expression), try text(evaluate(right), expression))
            return try made(a + b, expression)
        case .binary(let symbol, let left, let right):
            let (a, b) = (try defined(left), try defined(right))
            if symbol == "+", left.isMarkup != right.isMarkup, case .string(let a) = a,
                case .string(let b) = b
            {
                let escaped = Self.escaped(left.isMarkup ? b : a)
                return try made(left.isMarkup ? a + escaped : escaped + b, expression)
            }
            return try calculate(symbol, a, b, expression)
        case .comparison(let first, let others):
            var left = try evaluate(first)
            for (symbol, other) in others {
                let right = try evaluate(other)
                guard try compare(symbol, left, right, expression) else { return .bool(false) }
                left = right
            }
            return .bool(true)
        case .conditional(let value, let condition, let otherwise):
            if try evaluate(condition).isTrue { return try evaluate(value) }
            return try otherwise.map { (it) throws(ChatTemplateError) in try evaluate(it) }
                ?? .undefined("the other case of a condition")
        case .refused(let message): throw error(expression, message)
        }
    }

    /// A text as markup holds it.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&#39;"
            case "\"": result += "&#34;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// The value of an expression, which must stand for something.
    func defined(_ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateValue {
        let value = try evaluate(expression)
        if case .undefined(let name) = value { throw error(expression, "`\(name)` isn't defined.") }
        return value
    }

    /// The text of a value, if it has one.
    func text(
        _ value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> String {
        guard let text = value.text else { throw error(expression, "\(value.kindName) has no plain text.") }
        return text
    }

    private func object(
        _ members: [(key: TemplateExpression, value: TemplateExpression)]
    ) throws(ChatTemplateError) -> TemplateValue {
        var result: [(key: String, value: TemplateValue)] = []
        var places: [ByteText: Int] = [:]
        for (key, value) in members {
            guard case .string(let name) = try evaluate(key) else {
                throw error(key, "Keys of an object must be strings.")
            }
            let member = (key: name, value: try part(evaluate(value), value))
            // As in Python, a key that comes again keeps its place.
            if let place = places[name.byteText] {
                result[place] = member
            } else {
                places[name.byteText] = result.count
                result.append(member)
            }
        }
        return .object(result)
    }

    private func member(
        _ name: String, of target: TemplateExpression, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        let value = try defined(target)
        try chargeLookup(in: value, expression)
        switch value {
        case .object, .string:
            let methods =
                if case .string = value { TemplateLanguage.stringMethods } else {
                    TemplateLanguage.objectMethods
                }
            // Jinja would give the method itself, even if the object has such a key.
            guard !methods.contains(name) else {
                throw error(
                    expression,
                    "`\(name)` is a method here and isn't called; write ['\(name)'] for a member of that name."
                )
            }
            return value.member(name) ?? .undefined(name)
        default: return value.member(name) ?? .undefined(name)
        }
    }

    private func item(
        _ index: TemplateValue, of target: TemplateExpression, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try item(index, of: defined(target), expression)
    }

    /// An element or a member of a value that is defined.
    func item(
        _ index: TemplateValue, of value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try chargeLookup(in: value, expression)
        switch (value, index) {
        case (_, .string(let key)): return value.member(key) ?? .undefined(key)
        case (.list(let list), _):
            guard let place = index.integer else { break }
            let position = place < 0 ? place + list.count : place
            return list.indices.contains(position) ? list[position] : .undefined("[\(place)]")
        case (.string(let string), _):
            guard let place = index.integer else { break }
            let scalars = Array(string.unicodeScalars)
            let position = place < 0 ? place + scalars.count : place
            return scalars.indices.contains(position)
                ? .string(String(scalars[position])) : .undefined("[\(place)]")
        default: return .undefined("[…]")
        }
        throw error(expression, "\(index.kindName) can't be an index of \(value.kindName).")
    }

    /// Counts the search for a member, which looks at one after another.
    private func chargeLookup(
        in value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) {
        switch value {
        case .object(let members): try charge(1 + members.count / 8, expression)
        case .string(let string): try charge(1 + string.utf8.count / 8, expression)
        default: break
        }
    }

    private func slice(
        _ target: TemplateExpression, _ bounds: [TemplateExpression?], _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        var numbers: [Int?] = []
        for bound in bounds {
            let value = try bound.map { (it) throws(ChatTemplateError) in try evaluate(it) } ?? .null
            if case .null = value {
                numbers.append(nil)
            } else if let number = value.integer {
                numbers.append(number)
            } else {
                throw error(expression, "\(value.kindName) can't bound a slice.")
            }
        }
        let step = numbers.count > 2 ? numbers[2] ?? 1 : 1
        guard step != 0 else { throw error(expression, "The step of a slice can't be 0.") }
        func indices(_ count: Int) throws(ChatTemplateError) -> [Int] {
            try charge(1 + count, expression)
            func bounded(_ value: Int?, _ low: Int, _ high: Int, default missing: Int) -> Int {
                guard let value else { return missing }
                // Far beyond either end is at the end, whatever the sign.
                let place = value < 0 ? max(value, -count - 1) + count : value
                return min(max(place, low), high)
            }
            if step > 0 {
                let start = bounded(numbers[0], 0, count, default: 0)
                let end = bounded(numbers[1], 0, count, default: count)
                return TemplateRange.numbers(from: start, to: end, by: step)
            }
            let start = bounded(numbers[0], -1, count - 1, default: count - 1)
            let end = bounded(numbers[1], -1, count - 1, default: -1)
            return TemplateRange.numbers(from: start, to: end, by: step)
        }
        switch try defined(target) {
        case .list(let list): return .list(try indices(list.count).map { list[$0] })
        case .string(let string):
            let scalars = Array(string.unicodeScalars)
            let chosen = try indices(scalars.count).map { scalars[$0] }
            return .string(String(String.UnicodeScalarView(chosen)))
        case let value: throw error(expression, "\(value.kindName) can't be cut into a slice.")
        }
    }

    /// The result of an arithmetic operator.
    func calculate(
        _ symbol: String, _ left: TemplateValue, _ right: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        switch (symbol, left, right) {
        case ("+", .string(let a), .string(let b)): return try made(a + b, expression)
        case ("+", .list(let a), .list(let b)):
            try charge(a.count + b.count, expression)
            return .list(a + b)
        default: break
        }
        if let a = left.integer, let b = right.integer, symbol != "/" {
            if let result = try whole(symbol, a, b, expression) { return .integer(result) }
        } else if let a = left.number, let b = right.number {
            if ["/", "//", "%"].contains(symbol), b == 0 { throw error(expression, "A division by zero.") }
            switch symbol {
            case "+": return .double(a + b)
            case "-": return .double(a - b)
            case "*": return .double(a * b)
            case "/": return .double(a / b)
            case "//": return .double((a / b).rounded(.down))
            case "%": return .double(a - b * (a / b).rounded(.down))
            default: break
            }
        }
        throw error(
            expression, "`\(symbol)` can't be applied to \(left.kindName) and \(right.kindName).")
    }

    private func whole(
        _ symbol: String, _ a: Int, _ b: Int, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Int? {
        if ["//", "%"].contains(symbol), b == 0 { throw error(expression, "A division by zero.") }
        let (result, overflow): (Int, Bool)
        switch symbol {
        case "+": (result, overflow) = a.addingReportingOverflow(b)
        case "-": (result, overflow) = a.subtractingReportingOverflow(b)
        case "*": (result, overflow) = a.multipliedReportingOverflow(by: b)
        case "//", "%":
            let (quotient, isTooLarge) = a.dividedReportingOverflow(by: b)
            if isTooLarge { throw error(expression, "The result is out of range.") }
            // As in Python, quotients are rounded down and remainders have the sign of the divisor.
            let isBelow = a % b != 0 && (a < 0) != (b < 0)
            return symbol == "//" ? quotient - (isBelow ? 1 : 0) : a % b + (isBelow ? b : 0)
        default: return nil
        }
        if overflow { throw error(expression, "The result is out of range.") }
        return result
    }

    /// Whether a comparison holds.
    func compare(
        _ symbol: String, _ left: TemplateValue, _ right: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Bool {
        switch symbol {
        case "==": return try isEqual(left, right, expression)
        case "!=": return try !isEqual(left, right, expression)
        case "in": return try contains(right, left, expression)
        case "not in": return try !contains(right, left, expression)
        default: break
        }
        let order: Int
        if case .string(let a) = left, case .string(let b) = right {
            // Bytes of UTF-8 sort as the characters do.
            order = a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : a.utf8.elementsEqual(b.utf8) ? 0 : 1
        } else if let a = left.integer, let b = right.integer {
            order = a < b ? -1 : a == b ? 0 : 1
        } else if let a = left.number, let b = right.number {
            order = a < b ? -1 : a == b ? 0 : 1
        } else {
            throw error(
                expression, "\(left.kindName) and \(right.kindName) can't be compared by `\(symbol)`.")
        }
        switch symbol {
        case "<": return order < 0
        case "<=": return order <= 0
        case ">": return order > 0
        default: return order >= 0
        }
    }

    /// Whether `container` holds `element`: a part of text, an element, or a key.
    func contains(
        _ container: TemplateValue, _ element: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Bool {
        switch (container, element) {
        case (.string(let text), .string(let part)):
            try charge((text.utf8.count + part.utf8.count) / 8, expression)
            return !ScalarSearch.places(of: part, in: text, limit: 1).isEmpty
        case (.list(let list), _):
            for other in list where try isEqual(other, element, expression) { return true }
            return false
        case (.object(let members), .string(let key)):
            try charge(members.count / 8, expression)
            return container.member(key) != nil
        case (.stream, _):
            for other in try elements(of: container, expression)
            where try isEqual(other, element, expression) { return true }
            return false
        case (.object, .list), (.object, .object):
            throw error(expression, "\(element.kindName) can't be a key of \(container.kindName).")
        case (.object, _), (.undefined, _): return false
        default: throw error(expression, "\(container.kindName) can't hold \(element.kindName).")
        }
    }

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
