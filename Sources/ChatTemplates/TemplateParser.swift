/// Reads the statements of a template.
struct TemplateParser {
    private let tokens: [TemplateToken]
    let text: TemplateText
    private var index = 0
    /// How many loops stand around the current place.
    var loops = 0
    /// How deep expressions and statements are nested, which a stack has to bear.
    var depth = 0

    static let maximumDepth = 200
    /// How many expressions may stand in each other, also those that no bracket shows.
    static let maximumHeight = 500

    init(_ tokens: [TemplateToken], _ text: TemplateText) {
        self.tokens = tokens
        self.text = text
    }

    // MARK: - Tokens

    /// The token at the cursor; the last one is the end.
    var current: TemplateToken { tokens[min(index, tokens.count - 1)] }

    /// The token after the one at the cursor.
    var following: TemplateToken { tokens[min(index + 1, tokens.count - 1)] }

    mutating func advance() { index += 1 }

    /// The place of the cursor, to look back at.
    var position: Int { index }

    /// Whether a name stands in the tokens from a place on up to the cursor.
    func hasName(_ name: String, from start: Int) -> Bool {
        tokens[min(start, tokens.count)..<min(index, tokens.count)].contains { $0.kind == .name(name) }
    }

    /// Steps over a token of this kind; false if another one stands here.
    mutating func skip(_ kind: TemplateToken.Kind) -> Bool {
        guard current.kind == kind else { return false }
        advance()
        return true
    }

    mutating func expect(_ kind: TemplateToken.Kind, _ what: String) throws(ChatTemplateError) {
        guard skip(kind) else { throw unexpected("\(what) should stand here") }
    }

    /// An error about the token at the cursor.
    func unexpected(_ message: String) -> ChatTemplateError {
        text.error(at: current.place, "\(message), not \(Self.name(of: current.kind)).")
    }

    private static func name(of kind: TemplateToken.Kind) -> String {
        switch kind {
        case .text: "text"
        case .outputBegin: "`{{`"
        case .outputEnd: "`}}`"
        case .statementBegin: "`{%`"
        case .statementEnd: "`%}`"
        case .name(let name): "`\(name)`"
        case .string(let string): "the string \"\(string)\""
        case .integer(let integer): "the number \(integer)"
        case .double(let double): "the number \(double)"
        case .symbol(let symbol): "`\(symbol)`"
        case .end: "the end of the template"
        }
    }

    /// Counts one level of nesting more, for as long as `body` runs.
    mutating func nested<T>(
        _ body: (inout TemplateParser) throws(ChatTemplateError) -> T
    ) throws(ChatTemplateError) -> T {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else {
            throw text.error(
                at: current.place, "The template is nested more than \(Self.maximumDepth) deep here.")
        }
        return try body(&self)
    }

    // MARK: - Statements

    /// The whole template.
    mutating func parseTemplate() throws(ChatTemplateError) -> [TemplateNode] {
        try parseBody(until: []).nodes
    }

    /// Statements up to one of the words in `ends`, which is stepped over; without ends, up to the end of the template.
    mutating func parseBody(
        until ends: [String]
    ) throws(ChatTemplateError) -> (nodes: [TemplateNode], end: String) {
        let start = current.place
        var nodes: [TemplateNode] = []
        while true {
            switch current.kind {
            case .text(let text):
                nodes.append(.text(text))
                advance()
            case .outputBegin:
                advance()
                nodes.append(.output(try parseExpression()))
                try expect(.outputEnd, "`}}`")
            case .statementBegin:
                advance()
                guard case .name(let word) = current.kind else {
                    throw unexpected("A statement should stand here")
                }
                if ends.contains(word) {
                    advance()
                    return (nodes, word)
                }
                if let node = try nested({ (parser) throws(ChatTemplateError) in
                    try parser.parseStatement(word)
                }) {
                    nodes.append(contentsOf: node)
                }
            default:
                guard ends.isEmpty, current.kind == .end else {
                    throw text.error(
                        at: start, "`\(ends.last ?? "")` is missing for the statement before this place.")
                }
                return (nodes, "")
            }
        }
    }

    /// The statement `word`, at which the cursor stands; nil for one that writes nothing.
    private mutating func parseStatement(_ word: String) throws(ChatTemplateError) -> [TemplateNode]? {
        let place = current.place
        switch word {
        case "if":
            advance()
            return [.branches(try parseBranches())]
        case "for":
            advance()
            return [try parseLoop()]
        case "set":
            advance()
            return [try parseSet()]
        case "macro":
            advance()
            return [.macro(try parseMacro())]
        case "filter":
            advance()
            return [try parseFilterBlock(place)]
        case "with":
            advance()
            return [try parseWith()]
        case "break", "continue":
            advance()
            guard loops > 0 else { throw text.error(at: place, "`\(word)` stands outside of a loop.") }
            try expect(.statementEnd, "`%}`")
            return [word == "break" ? .breakLoop : .continueLoop]
        case "generation":
            // Marks what the model wrote, for training; the text stays as it is.
            advance()
            try expect(.statementEnd, "`%}`")
            return [.scope([], try parseInside(until: "endgeneration"))]
        default:
            guard let end = TemplateLanguage.otherStatements[word] else {
                throw text.error(at: place, Self.refusal(word))
            }
            return [try parseOther(word, until: end, place)]
        }
    }

    private mutating func parseBranches() throws(ChatTemplateError) -> [(
        condition: TemplateExpression?, body: [TemplateNode]
    )] {
        var branches: [(condition: TemplateExpression?, body: [TemplateNode])] = []
        var condition: TemplateExpression? = try parseExpression()
        while true {
            try expect(.statementEnd, "`%}`")
            let ends = condition == nil ? ["endif"] : ["elif", "else", "endif"]
            let (body, end) = try parseBody(until: ends)
            branches.append((condition, body))
            if end == "endif" {
                try expect(.statementEnd, "`%}`")
                return branches
            }
            condition = end == "elif" ? try parseExpression() : nil
        }
    }

    private mutating func parseLoop() throws(ChatTemplateError) -> TemplateNode {
        let isBracketed = skip(.symbol("("))
        var names = [try parseName()]
        while skip(.symbol(",")) { names.append(try parseName()) }
        if isBracketed { try expect(.symbol(")"), "`)`") }
        try expect(.name("in"), "`in`")
        let sequence = try parseOr()
        let condition = skip(.name("if")) ? try parseExpression() : nil
        let place = current.place
        let isRecursive = skip(.name("recursive"))
        try expect(.statementEnd, "`%}`")
        loops += 1
        let (body, end) = try parseBody(until: ["else", "endfor"])
        loops -= 1
        var otherwise: [TemplateNode] = []
        if end == "else" {
            try expect(.statementEnd, "`%}`")
            otherwise = try parseBody(until: ["endfor"]).nodes
        }
        try expect(.statementEnd, "`%}`")
        if isRecursive {
            return .refused("Recursive loops aren't supported in chat templates.", place: place)
        }
        return .loop(
            TemplateLoop(
                names: names, sequence: sequence, condition: condition, body: body, otherwise: otherwise))
    }

    mutating func parseName() throws(ChatTemplateError) -> String {
        guard case .name(let name) = current.kind, !TemplateLanguage.keywords.contains(name) else {
            throw unexpected("A name should stand here")
        }
        advance()
        return name
    }
}

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
