extension TemplateRenderer {
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
}
