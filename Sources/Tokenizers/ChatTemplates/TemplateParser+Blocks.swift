extension TemplateParser {
    /// `set` with a value, or with a body up to `endset`.
    mutating func parseSet() throws(ChatTemplateError) -> TemplateNode {
        let place = current.place
        let target = try parseTarget(place)
        if skip(.symbol("=")) {
            var value = try parseExpression()
            if current.kind == .symbol(",") {
                var elements = [value]
                while skip(.symbol(",")), current.kind != .statementEnd {
                    elements.append(try parseExpression())
                }
                value = try text.expression(.list(elements), at: place)
            }
            try expect(.statementEnd, "`%}`")
            return .set(target, value)
        }
        if case .names(let names) = target, names.count > 1 {
            throw text.error(at: place, "`set` with several names needs values, as in `set a, b = 1, 2`.")
        }
        let value = try parseFilters(of: text.expression(.name(TemplateTarget.written), at: place))
        try expect(.statementEnd, "`%}` or `=`")
        let body = try parseBody(until: ["endset"]).nodes
        try expect(.statementEnd, "`%}`")
        return .capture(body, value, target)
    }

    private mutating func parseTarget(_ place: Int) throws(ChatTemplateError) -> TemplateTarget {
        let name = try parseName()
        if skip(.symbol(".")) { return .member(object: name, try parseName(), place: place) }
        var names = [name]
        while skip(.symbol(",")), current.kind != .symbol("=") { names.append(try parseName()) }
        return .names(names)
    }

    /// `filter NAME` up to `endfilter`.
    mutating func parseFilterBlock(_ place: Int) throws(ChatTemplateError) -> TemplateNode {
        let written = try text.expression(.name(TemplateTarget.written), at: place)
        let value = try parseFilters(of: parseFilter(written))
        try expect(.statementEnd, "`%}`")
        let body = try parseBody(until: ["endfilter"]).nodes
        try expect(.statementEnd, "`%}`")
        return .capture(body, value, nil)
    }

    private mutating func parseFilters(
        of value: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateExpression {
        var value = value
        while skip(.symbol("|")) { value = try parseFilter(value) }
        return value
    }

    /// `with a = 1, b = 2` up to `endwith`.
    mutating func parseWith() throws(ChatTemplateError) -> TemplateNode {
        var names: [(name: String, value: TemplateExpression)] = []
        while current.kind != .statementEnd {
            if !names.isEmpty { try expect(.symbol(","), "`%}` or a comma") }
            let name = try parseName()
            try expect(.symbol("="), "`=`")
            names.append((name, try parseExpression()))
        }
        advance()
        let body = try parseBody(until: ["endwith"]).nodes
        try expect(.statementEnd, "`%}`")
        return .scope(names, body)
    }

    /// `macro NAME(a, b=1)` up to `endmacro`.
    mutating func parseMacro() throws(ChatTemplateError) -> TemplateMacro {
        let name = try parseName()
        try expect(.symbol("("), "`(`")
        var parameters: [(name: String, value: TemplateExpression?)] = []
        while !skip(.symbol(")")) {
            if !parameters.isEmpty { try expect(.symbol(","), "`)` or a comma") }
            let place = current.place
            let parameter = try parseName()
            guard !parameters.contains(where: { $0.name == parameter }) else {
                throw text.error(at: place, "The macro has two parameters `\(parameter)`.")
            }
            let value = skip(.symbol("=")) ? try parseExpression() : nil
            guard value != nil || parameters.last?.value == nil else {
                throw text.error(
                    at: place,
                    "Parameters without a value come before those with one, and `\(parameter)` has none."
                )
            }
            parameters.append((parameter, value))
        }
        try expect(.statementEnd, "`%}`")
        let start = position
        let body = try parseInside(until: "endmacro")
        return TemplateMacro(
            name: name, parameters: parameters, body: body, takesMore: hasName("varargs", from: start),
            takesMoreNamed: hasName("kwargs", from: start))
    }

    /// A body that a loop around it can't be left from.
    mutating func parseInside(until end: String) throws(ChatTemplateError) -> [TemplateNode] {
        let around = loops
        loops = 0
        defer { loops = around }
        let body = try parseBody(until: [end]).nodes
        try expect(.statementEnd, "`%}`")
        return body
    }

    /// A statement that isn't supported, passed over with its body.
    mutating func parseOther(
        _ word: String, until end: String, _ place: Int
    ) throws(ChatTemplateError) -> TemplateNode {
        func passTag(_ parser: inout TemplateParser) throws(ChatTemplateError) {
            while parser.current.kind != .statementEnd {
                guard parser.current.kind != .end else { throw parser.unexpected("`%}` should stand here") }
                parser.advance()
            }
            parser.advance()
        }
        try passTag(&self)
        if !end.isEmpty {
            _ = try parseBody(until: [end])
            try passTag(&self)
        }
        return .refused(Self.refusal(word), place: place)
    }

    static func refusal(_ word: String) -> String {
        "The statement `\(word)` isn't supported in chat templates; supported are \(TemplateLanguage.statements)."
    }
}
