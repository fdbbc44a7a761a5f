extension TemplateParser {
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
