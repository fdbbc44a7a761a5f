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
}
