extension TemplateParser {
    /// An expression: `a if b else c` and all that binds tighter.
    mutating func parseExpression() throws(ChatTemplateError) -> TemplateExpression {
        try nested { (parser) throws(ChatTemplateError) in try parser.parseConditional() }
    }

    private mutating func parseConditional() throws(ChatTemplateError) -> TemplateExpression {
        var result = try parseOr()
        while current.kind == .name("if") {
            let place = current.place
            advance()
            let condition = try parseOr()
            let otherwise = skip(.name("else")) ? try parseExpression() : nil
            result = try text.expression(
                .conditional(result, condition: condition, otherwise: otherwise), at: place)
        }
        return result
    }

    /// An expression without a condition.
    mutating func parseOr() throws(ChatTemplateError) -> TemplateExpression {
        var left = try parseAnd()
        while current.kind == .name("or") {
            let place = current.place
            advance()
            left = try text.expression(.or(left, try parseAnd()), at: place)
        }
        return left
    }

    private mutating func parseAnd() throws(ChatTemplateError) -> TemplateExpression {
        var left = try parseNot()
        while current.kind == .name("and") {
            let place = current.place
            advance()
            left = try text.expression(.and(left, try parseNot()), at: place)
        }
        return left
    }

    private mutating func parseNot() throws(ChatTemplateError) -> TemplateExpression {
        guard current.kind == .name("not") else { return try parseComparison() }
        let place = current.place
        advance()
        let operand = try nested { (parser) throws(ChatTemplateError) in try parser.parseNot() }
        return try text.expression(.not(operand), at: place)
    }

    private mutating func parseComparison() throws(ChatTemplateError) -> TemplateExpression {
        let first = try parseSum()
        var others: [(symbol: String, right: TemplateExpression)] = []
        while true {
            switch current.kind {
            case .symbol(let symbol) where ["==", "!=", "<", "<=", ">", ">="].contains(symbol):
                advance()
                others.append((symbol, try parseSum()))
            case .name("in"):
                advance()
                others.append(("in", try parseSum()))
            case .name("not") where following.kind == .name("in"):
                advance()
                advance()
                others.append(("not in", try parseSum()))
            default:
                guard !others.isEmpty else { return first }
                return try text.expression(.comparison(first, others), at: first.place)
            }
        }
    }

    private mutating func parseSum() throws(ChatTemplateError) -> TemplateExpression {
        try parseBinary(["+", "-"]) { (parser) throws(ChatTemplateError) in
            try parser.parseBinary(["~"]) { (parser) throws(ChatTemplateError) in
                try parser.parseBinary(["*", "/", "//", "%"]) { (parser) throws(ChatTemplateError) in
                    try parser.parseUnary(withFilters: true)
                }
            }
        }
    }

    /// Operands joined by operators of one rank, from left to right.
    private mutating func parseBinary(
        _ symbols: [String],
        _ operand: (inout TemplateParser) throws(ChatTemplateError) -> TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        var left = try operand(&self)
        while case .symbol(let symbol) = current.kind, symbols.contains(symbol) {
            let place = current.place
            advance()
            left = try text.expression(.binary(symbol, left, try operand(&self)), at: place)
        }
        return left
    }

    private mutating func parseUnary(withFilters: Bool) throws(ChatTemplateError) -> TemplateExpression {
        let place = current.place
        var result: TemplateExpression
        if case .symbol(let sign) = current.kind, sign == "-" || sign == "+" {
            advance()
            let operand = try nested { (parser) throws(ChatTemplateError) in
                try parser.parseUnary(withFilters: false)
            }
            if case .literal(.double(let double)) = operand.kind {
                // 0 - 0.0 has no sign.
                result = try text.expression(.literal(.double(sign == "-" ? -double : double)), at: place)
            } else {
                let zero = try text.expression(.literal(.integer(0)), at: place)
                result = try text.expression(.binary(sign, zero, operand), at: place)
            }
        } else {
            result = try parsePostfix(parsePrimary())
        }
        guard withFilters else { return result }
        while true {
            if skip(.symbol("|")) {
                result = try parseFilter(result)
            } else if skip(.name("is")) {
                result = try parseTest(result)
            } else {
                return result
            }
        }
    }

    mutating func parseFilter(
        _ value: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        let place = current.place
        let name = try parseName()
        let arguments = current.kind == .symbol("(") ? try parseArguments() : TemplateArguments()
        guard TemplateLanguage.filters.contains(name) else {
            return try refused("filter", name, TemplateLanguage.filters, place)
        }
        return try text.expression(.filter(value, name, arguments), at: place)
    }

    /// A name that isn't known here; it counts when it is reached.
    func refused(
        _ what: String, _ name: String, _ known: Set<String>, _ place: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        try text.expression(.refused(TemplateLanguage.refusal(what, name, known)), at: place)
    }

    private mutating func parseTest(
        _ value: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        let isNegated = skip(.name("not"))
        let place = current.place
        guard case .name(let name) = current.kind else {
            throw unexpected("The name of a test should stand here")
        }
        advance()
        var arguments = TemplateArguments()
        switch current.kind {
        case .symbol("("): arguments = try parseArguments()
        case .name(let word) where ["and", "else", "if", "in", "is", "not", "or"].contains(word): break
        case .name, .string, .integer, .double, .symbol("["), .symbol("{"):
            arguments.positional = [try parsePostfix(parsePrimary())]
        default: break
        }
        guard TemplateLanguage.tests.contains(name) else {
            return try refused("test", name, TemplateLanguage.tests, place)
        }
        let test = try text.expression(.test(value, name, arguments), at: place)
        return isNegated ? try text.expression(.not(test), at: place) : test
    }
}
