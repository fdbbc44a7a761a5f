/// Writes the text of a template for given values.
struct TemplateRenderer {
    let text: TemplateText
    /// Values by name, the innermost scope last; each turn of a loop has its own.
    private var scopes: [[String: TemplateValue]]
    private var output = ""
    /// What may still be done.
    let budget: TemplateBudget

    init(_ values: [String: TemplateValue], _ text: TemplateText, _ budget: TemplateBudget) {
        scopes = [values]
        self.text = text
        self.budget = budget
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
        return .undefined(name)
    }

    private mutating func run(_ nodes: [TemplateNode]) throws(ChatTemplateError) -> Flow {
        for node in nodes {
            switch node {
            case .text(let text):
                output += text
                guard output.utf8.count <= budget.limits.outputBytes else {
                    throw ChatTemplateError(
                        location: self.text.name,
                        message:
                            "The template writes more than \(budget.limits.outputBytes) bytes, which is the limit."
                    )
                }
            case .output(let expression):
                let value = try evaluate(expression)
                guard let text = value.text else {
                    throw error(
                        expression, "\(value.kindName) has no plain text; write it with the filter tojson.")
                }
                try charge(1 + text.utf8.count / 64, expression)
                output += text
                guard output.utf8.count <= budget.limits.outputBytes else {
                    throw error(
                        expression,
                        "The template writes more than \(budget.limits.outputBytes) bytes, which is the limit."
                    )
                }
            case .branches(let branches):
                for (condition, body) in branches {
                    guard
                        try condition.map({ (it) throws(ChatTemplateError) in try evaluate(it).isTrue })
                            ?? true
                    else { continue }
                    let flow = try run(body)
                    if flow != .finished { return flow }
                    break
                }
            case .loop(let loop):
                let flow = try run(loop)
                if flow != .finished { return flow }
            case .set(let name, let expression): scopes[scopes.count - 1][name] = try evaluate(expression)
            case .setMember(let object, let member, let expression, let place):
                guard case .namespace(let namespace) = value(of: object) else {
                    throw text.error(
                        at: place, "Only members of a namespace can be set, and `\(object)` isn't one.")
                }
                namespace[member] = try part(evaluate(expression), expression)
            case .breakLoop: return .breakLoop
            case .continueLoop: return .continueLoop
            }
        }
        return .finished
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
            return try run(loop.otherwise)
        }
        for index in values.indices {
            // A turn that evaluates nothing takes time too, and so does text that is written again and again.
            try charge(8, loop.sequence)
            var scope = try assigned(values[index], to: loop)
            scope["loop"] = Self.loopValue(index, values)
            scopes.append(scope)
            defer { scopes.removeLast() }
            if try run(loop.body) == .breakLoop { break }
        }
        return .finished
    }

    /// The names of a loop with their values for one element.
    private func assigned(
        _ element: TemplateValue, to loop: TemplateLoop
    ) throws(ChatTemplateError) -> [String: TemplateValue] {
        guard loop.names.count > 1 else { return [loop.names[0]: element] }
        guard case .list(let parts) = element, parts.count == loop.names.count else {
            throw error(
                loop.sequence,
                "The loop takes each element apart into \(loop.names.count) names, but one is \(element.kindName)."
            )
        }
        return Dictionary(zip(loop.names, parts)) { _, last in last }
    }

    private static func loopValue(_ index: Int, _ values: [TemplateValue]) -> TemplateValue {
        let count = values.count
        return .object([
            ("index", .integer(index + 1)), ("index0", .integer(index)),
            ("revindex", .integer(count - index)), ("revindex0", .integer(count - index - 1)),
            ("first", .bool(index == 0)), ("last", .bool(index == count - 1)), ("length", .integer(count)),
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
        case .undefined: return []
        default: throw error(expression, "\(value.kindName) has no elements to go through.")
        }
    }

    /// An error at an expression.
    func error(_ expression: TemplateExpression, _ message: String) -> ChatTemplateError {
        text.error(at: expression.place, message.prefix(1).uppercased() + message.dropFirst())
    }
}
