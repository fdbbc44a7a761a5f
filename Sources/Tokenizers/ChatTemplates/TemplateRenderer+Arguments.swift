extension TemplateRenderer {
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
