/// Writes the text of a template for given values.
struct TemplateRenderer {
    let text: TemplateText
    /// Values by name, the innermost scope last; each turn of a loop has its own.
    private(set) var scopes: [[String: TemplateValue]]
    private var output = ""
    /// What may still be done.
    let budget: TemplateBudget
    /// What `strftime_now` writes; nil where the text mustn't depend on it.
    let date: ChatDate?

    init(
        scopes: [[String: TemplateValue]], _ text: TemplateText, _ budget: TemplateBudget, date: ChatDate?
    ) {
        self.scopes = scopes
        self.text = text
        self.budget = budget
        self.date = date
    }

    /// How a body ended.
    private enum Flow { case finished, breakLoop, continueLoop }

    /// The text of a whole template.
    mutating func render(_ nodes: [TemplateNode]) throws(ChatTemplateError) -> String {
        _ = try run(nodes)
        return output
    }

    /// The value of a name.
    func value(of name: String) -> TemplateValue {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        let isKnown = TemplateLanguage.functions.contains(name) && (name != "strftime_now" || date != nil)
        return isKnown ? .function(name) : .undefined(name)
    }

    private mutating func run(_ nodes: [TemplateNode]) throws(ChatTemplateError) -> Flow {
        for node in nodes {
            switch node {
            case .text(let text):
                try charge(text: text)
                output += text
                guard output.utf8.count <= budget.limits.outputBytes else {
                    throw ChatTemplateError(
                        location: self.text.name,
                        message:
                            "The template writes more than \(budget.limits.outputBytes) bytes, which is the limit."
                    )
                }
            case .output(let expression): try write(try evaluate(expression), expression)
            case .branches(let branches):
                for (condition, body) in branches {
                    guard
                        try condition.map({ (it) throws(ChatTemplateError) in try evaluate(it).isTrue })
                            ?? true
                    else { continue }
                    let flow = try runInside(body)
                    if flow != .finished { return flow }
                    break
                }
            case .loop(let loop):
                let flow = try run(loop)
                if flow != .finished { return flow }
            case .set(let target, let expression):
                try assign(try evaluate(expression), to: target, expression)
            case .capture(let body, let expression, let target):
                let before = output
                output = ""
                scopes.append([:])
                let flow = try runInside(body)
                scopes.removeLast()
                let written = try made(output, expression)
                output = before
                if flow != .finished { return flow }
                scopes.append([TemplateTarget.written: written])
                let value = try evaluate(expression)
                scopes.removeLast()
                if let target {
                    try assign(value, to: target, expression)
                } else {
                    guard case .string = value else {
                        throw error(expression, "This filter gives \(value.kindName), and a block is text.")
                    }
                    try write(value, expression)
                }
            case .macro(var macro):
                macro.scopes = Array(scopes.dropFirst())
                scopes[scopes.count - 1][macro.name] = .macro(macro)
            case .scope(let names, let body):
                var scope: [String: TemplateValue] = [:]
                for (name, value) in names { scope[name] = try evaluate(value) }
                scopes.append(scope)
                let flow = try runInside(body)
                scopes.removeLast()
                if flow != .finished { return flow }
            case .breakLoop: return .breakLoop
            case .continueLoop: return .continueLoop
            case .refused(let message, let place): throw text.error(at: place, message)
            }
        }
        return .finished
    }

    /// Runs a body of a statement.
    private mutating func runInside(_ nodes: [TemplateNode]) throws(ChatTemplateError) -> Flow {
        try enter(.body, nil)
        defer { budget.leave(.body) }
        return try run(nodes)
    }

    /// Writes the text of a value.
    private mutating func write(
        _ value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) {
        guard let text = value.text else {
            throw error(expression, "\(value.kindName) has no plain text; write it with the filter tojson.")
        }
        try charge(1 + text.utf8.count / 64, expression)
        output += text
        guard output.utf8.count <= budget.limits.outputBytes else {
            throw error(
                expression,
                "The template writes more than \(budget.limits.outputBytes) bytes, which is the limit.")
        }
    }

    private mutating func assign(
        _ value: TemplateValue, to target: TemplateTarget, _ expression: TemplateExpression
    ) throws(ChatTemplateError) {
        switch target {
        case .names(let names):
            for (name, value) in try parts(of: value, for: names, expression) {
                scopes[scopes.count - 1][name] = value
            }
        case .member(let object, let member, let place):
            guard case .namespace(let namespace) = self.value(of: object) else {
                throw text.error(
                    at: place, "Only members of a namespace can be set, and `\(object)` isn't one.")
            }
            namespace[member] = try part(value, expression)
        }
    }

    /// Runs a loop; what its `else` ends with belongs to a loop around it.
    private mutating func run(_ loop: TemplateLoop) throws(ChatTemplateError) -> Flow {
        var values: [TemplateValue] = []
        for element in try self.elements(of: try evaluate(loop.sequence), loop.sequence) {
            if let condition = loop.condition {
                scopes.append(try assigned(element, to: loop))
                defer { scopes.removeLast() }
                guard try evaluate(condition).isTrue else { continue }
            }
            values.append(element)
        }
        if values.isEmpty {
            scopes.append([:])
            defer { scopes.removeLast() }
            return try runInside(loop.otherwise)
        }
        for index in values.indices {
            // A turn that evaluates nothing takes time too, and so does text that is written again and again.
            try charge(8, loop.sequence)
            var scope = try assigned(values[index], to: loop)
            scope["loop"] = Self.loopValue(index, values)
            scopes.append(scope)
            defer { scopes.removeLast() }
            if try runInside(loop.body) == .breakLoop { break }
        }
        return .finished
    }

    /// The names of a loop with their values for one element.
    private func assigned(
        _ element: TemplateValue, to loop: TemplateLoop
    ) throws(ChatTemplateError) -> [String: TemplateValue] {
        Dictionary(try parts(of: element, for: loop.names, loop.sequence)) { _, last in last }
    }

    /// A value for each name: the value itself for one, the elements of a list for several.
    private func parts(
        of value: TemplateValue, for names: [String], _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> [(String, TemplateValue)] {
        guard names.count > 1 else { return [(names[0], value)] }
        guard case .list(let parts) = value, parts.count == names.count else {
            throw error(
                expression,
                "A list of \(names.count) is taken apart into as many names here, but this is \(value.kindName)."
            )
        }
        return Array(zip(names, parts))
    }

    private static func loopValue(_ index: Int, _ values: [TemplateValue]) -> TemplateValue {
        let count = values.count
        return .object([
            ("index", .integer(index + 1)), ("index0", .integer(index)),
            ("revindex", .integer(count - index)), ("revindex0", .integer(count - index - 1)),
            ("first", .bool(index == 0)), ("last", .bool(index == count - 1)), ("length", .integer(count)),
            ("depth", .integer(1)), ("depth0", .integer(0)),
            ("previtem", index > 0 ? values[index - 1] : .undefined("loop.previtem")),
            ("nextitem", index + 1 < count ? values[index + 1] : .undefined("loop.nextitem")),
        ])
    }

    /// What a loop goes through: elements, keys, or characters.
    func elements(
        of value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> [TemplateValue] {
        switch value {
        case .list(let list):
            try charge(list.count, expression)
            return list
        case .object(let members):
            try charge(members.count, expression)
            return members.map { .string($0.key) }
        case .string(let string):
            try charge(string.unicodeScalars.count, expression)
            return string.unicodeScalars.map { .string(String($0)) }
        case .stream(let stream):
            let list = stream.take()
            try charge(list.count, expression)
            return list
        case .undefined: return []
        default: throw error(expression, "\(value.kindName) has no elements to go through.")
        }
    }

    /// An error at an expression.
    func error(_ expression: TemplateExpression, _ message: String) -> ChatTemplateError {
        text.error(at: expression.place, message.prefix(1).uppercased() + message.dropFirst())
    }
}

extension TemplateRenderer {
    /// What a macro writes for some arguments.
    ///
    /// It sees the names of the whole template as they are now, and those around its own place.
    /// - Throws: `ChatTemplateError` for arguments that it doesn't take.
    func call(
        _ macro: TemplateMacro, _ arguments: TemplateArguments, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try enter(.macro, expression)
        defer { budget.leave(.macro) }
        let names = macro.parameters.map(\.name)
        var values: [String: TemplateValue] = [:]
        var more: [TemplateValue] = []
        var moreNamed: [(key: String, value: TemplateValue)] = []
        for (index, argument) in arguments.positional.enumerated() {
            let value = try evaluate(argument)
            if index < names.count {
                values[names[index]] = value
            } else {
                more.append(try part(value, argument))
            }
        }
        for (name, argument) in arguments.named {
            let value = try evaluate(argument)
            if names.contains(name) {
                guard values.updateValue(value, forKey: name) == nil else {
                    throw error(expression, "The argument `\(name)` of `\(macro.name)` is given twice.")
                }
            } else {
                guard macro.takesMoreNamed else {
                    throw error(
                        expression,
                        "The macro `\(macro.name)` has no parameter `\(name)`; it has \(names.isEmpty ? "none" : names.joined(separator: ", "))."
                    )
                }
                moreNamed.append((name, try part(value, argument)))
            }
        }
        guard more.isEmpty || macro.takesMore else {
            throw error(
                expression,
                "The macro `\(macro.name)` takes at most \(names.count) arguments, not \(arguments.positional.count)."
            )
        }
        if macro.takesMore { values["varargs"] = .list(more) }
        if macro.takesMoreNamed { values["kwargs"] = .object(moreNamed) }
        try charge(8 + names.count + macro.scopes.count, expression)
        var around = scopes.prefix(1) + macro.scopes
        // One that stands inside of something can call itself too.
        if !macro.scopes.isEmpty { around.append([macro.name: .macro(macro)]) }
        // Values for what isn't given are those of the call, and may name the parameters before.
        for (name, missing) in macro.parameters where values[name] == nil {
            let inside = TemplateRenderer(scopes: around + [values], text, budget, date: date)
            values[name] =
                try missing.map { (it) throws(ChatTemplateError) in try inside.evaluate(it) }
                ?? .undefined(name)
        }
        var inside = TemplateRenderer(scopes: around + [values], text, budget, date: date)
        return try made(inside.render(macro.body), expression)
    }

    /// Today's date in a format of Python's `strftime`.
    func time(_ format: String, _ expression: TemplateExpression) throws(ChatTemplateError) -> TemplateValue {
        guard let date else { throw error(expression, "`strftime_now` has no date here.") }
        // No conversion writes more than twelve bytes for one of its own.
        try checkText(format.utf8.count.multipliedReportingOverflow(by: 12).partialValue, expression)
        let text: String
        do throws(ChatDate.UnknownConversion) { text = try date.text(format) } catch {
            throw self.error(
                expression,
                "`strftime_now` doesn't know `\(error.conversion)`; known are \(ChatDate.known).")
        }
        return try made(text, expression)
    }

    /// The arguments of a call in the order of their names; nil where one isn't given.
    ///
    /// - Parameters:
    ///   - names: what can be given, in order.
    ///   - required: how many of them must be.
    ///   - callee: what messages call the function, filter, test or method.
    func bind(
        _ arguments: TemplateArguments, _ names: [String], required: Int = 0, _ callee: String,
        _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> [TemplateValue?] {
        guard arguments.positional.count <= names.count else {
            throw error(
                expression,
                "`\(callee)` takes \(names.isEmpty ? "no" : "at most \(names.count)") arguments, not "
                    + "\(arguments.positional.count).")
        }
        // Calls in calls take more of a stack than other expressions.
        try enter(.expression, expression)
        defer { budget.leave(.expression) }
        var values = [TemplateValue?](repeating: nil, count: names.count)
        for (index, argument) in arguments.positional.enumerated() { values[index] = try evaluate(argument) }
        for (name, argument) in arguments.named {
            guard let index = names.firstIndex(of: name) else {
                throw error(
                    expression,
                    "`\(callee)` has no argument `\(name)` here"
                        + (names.isEmpty ? "." : "; known are \(names.joined(separator: ", "))."))
            }
            guard values[index] == nil else {
                throw error(expression, "The argument `\(name)` is given twice.")
            }
            values[index] = try evaluate(argument)
        }
        for (name, value) in zip(names, values).prefix(required) where value == nil {
            throw error(expression, "`\(callee)` needs the argument `\(name)`.")
        }
        return values
    }

    /// A text argument.
    func string(
        _ value: TemplateValue?, _ callee: String, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> String {
        guard case .string(let string) = value else {
            throw error(expression, "`\(callee)` needs a string, not \(value?.kindName ?? "nothing").")
        }
        return string
    }

    /// A whole number; `missing` if it isn't given.
    func integer(
        _ value: TemplateValue?, default missing: Int, _ callee: String, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Int {
        guard let value else { return missing }
        guard let integer = value.integer else {
            throw error(expression, "`\(callee)` needs a whole number, not \(value.kindName).")
        }
        return integer
    }
}
