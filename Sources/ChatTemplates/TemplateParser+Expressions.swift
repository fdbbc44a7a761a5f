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

    /// A literal, a name, a call of a function, or anything in brackets.
    mutating func parsePrimary() throws(ChatTemplateError) -> TemplateExpression {
        let place = current.place
        let text = text
        func made(_ kind: TemplateExpression.Kind) throws(ChatTemplateError) -> TemplateExpression {
            try text.expression(kind, at: place)
        }
        switch current.kind {
        case .name(let name) where !TemplateLanguage.keywords.contains(name):
            advance()
            switch name {
            case "true", "True": return try made(.literal(.bool(true)))
            case "false", "False": return try made(.literal(.bool(false)))
            case "none", "None": return try made(.literal(.null))
            default: break
            }
            guard current.kind == .symbol("(") else { return try made(.name(name)) }
            return try made(.function(name, try parseArguments()))
        case .string(var string):
            advance()
            // Strings that stand side by side are one.
            while case .string(let more) = current.kind {
                string += more
                advance()
            }
            return try made(.literal(.string(string)))
        case .integer(let integer):
            advance()
            return try made(.literal(.integer(integer)))
        case .double(let double):
            advance()
            return try made(.literal(.double(double)))
        case .symbol("["):
            advance()
            return try made(.list(try parseElements(until: "]")))
        case .symbol("("):
            advance()
            if skip(.symbol(")")) { return try made(.list([])) }
            let first = try parseExpression()
            if skip(.symbol(")")) { return first }
            try expect(.symbol(","), "`)` or a comma")
            return try made(.list([first] + (try parseElements(until: ")"))))
        case .symbol("{"):
            advance()
            return try made(.object(try parseMembers()))
        default: throw unexpected("A value should stand here")
        }
    }

    /// Members, items, slices and calls behind a value.
    mutating func parsePostfix(
        _ value: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        var value = value
        while true {
            let place = current.place
            if skip(.symbol(".")) {
                value = try text.expression(try parseMember(of: value, place), at: place)
            } else if skip(.symbol("[")) {
                value = try text.expression(try parseItem(of: value), at: place)
            } else if current.kind == .symbol("(") {
                _ = try parseArguments()
                value = try text.expression(
                    .refused("Only functions, macros and methods can be called."), at: place)
            } else {
                return value
            }
        }
    }

    private mutating func parseMember(
        of value: TemplateExpression, _ place: Int
    ) throws(ChatTemplateError) -> TemplateExpression.Kind {
        if case .integer(let index) = current.kind {
            advance()
            return .item(value, try text.expression(.literal(.integer(index)), at: place))
        }
        guard case .name(let name) = current.kind else { throw unexpected("A name should stand here") }
        advance()
        if case .name("loop") = value.kind, !TemplateLanguage.loopMembers.contains(name) {
            if current.kind == .symbol("(") { _ = try parseArguments() }
            return .refused(
                TemplateLanguage.refusal("loop variable", name, TemplateLanguage.loopMembers))
        }
        guard current.kind == .symbol("(") else { return .member(value, name) }
        let arguments = try parseArguments()
        guard TemplateLanguage.methods.contains(name) || name == "cycle" else {
            return .refused(TemplateLanguage.refusal("method", name, TemplateLanguage.methods))
        }
        return .method(value, name, arguments)
    }

    private mutating func parseItem(
        of value: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression.Kind {
        var bounds: [TemplateExpression?] = []
        while bounds.count < 3 {
            let isOpen = current.kind == .symbol(":") || current.kind == .symbol("]")
            bounds.append(isOpen ? nil : try parseExpression())
            if skip(.symbol("]")) {
                if bounds.count == 1, let index = bounds[0] { return .item(value, index) }
                guard bounds.count > 1 else { throw unexpected("An index should stand before this") }
                return .slice(value, bounds)
            }
            try expect(.symbol(":"), "`]` or `:`")
        }
        throw unexpected("A slice has at most three parts; `]` should stand here")
    }

    /// Expressions with commas between, up to and including `end`.
    private mutating func parseElements(until end: String) throws(ChatTemplateError) -> [TemplateExpression] {
        var elements: [TemplateExpression] = []
        while !skip(.symbol(end)) {
            elements.append(try parseExpression())
            if skip(.symbol(end)) { break }
            try expect(.symbol(","), "`\(end)` or a comma")
        }
        return elements
    }

    private mutating func parseMembers() throws(ChatTemplateError) -> [(
        key: TemplateExpression, value: TemplateExpression
    )] {
        var members: [(key: TemplateExpression, value: TemplateExpression)] = []
        while !skip(.symbol("}")) {
            let key = try parseExpression()
            try expect(.symbol(":"), "`:`")
            members.append((key, try parseExpression()))
            if skip(.symbol("}")) { break }
            try expect(.symbol(","), "`}` or a comma")
        }
        return members
    }

    /// The arguments of a call, brackets included.
    mutating func parseArguments() throws(ChatTemplateError) -> TemplateArguments {
        try expect(.symbol("("), "`(`")
        var arguments = TemplateArguments()
        while !skip(.symbol(")")) {
            if case .name(let name) = current.kind, following.kind == .symbol("=") {
                advance()
                advance()
                arguments.named.append((name, try parseExpression()))
            } else {
                guard arguments.named.isEmpty else {
                    throw unexpected("Arguments without a name come before those with one")
                }
                arguments.positional.append(try parseExpression())
            }
            if skip(.symbol(")")) { break }
            try expect(.symbol(","), "`)` or a comma")
        }
        return arguments
    }
}
