/// What rendering a template may take.
///
/// A template comes with a checkpoint that anybody may have made. Each limit is far beyond what a template of a real
/// model needs for a conversation that fits into the model.
struct TemplateLimits: Sendable, Hashable {
    /// Expressions evaluated, elements gone through, and pieces of 64 bytes that text is made of.
    var steps = 5_000_000
    /// Bytes of one text that the template makes.
    var textBytes = 16 << 20
    /// Bytes of the whole result.
    var outputBytes = 64 << 20
    /// How deep lists and objects that the template makes are nested.
    var depth = 200
    /// How much macros, statements and expressions may stand in each other, which a stack has to bear.
    ///
    /// Counts as ``NestedPart`` has it: about 25 calls of a macro that calls itself from some statements.
    var nesting = 600
    /// Most spaces, or bytes of a text, that `tojson` and `indent` move a level by.
    var indent = 100
}

/// What is left of the limits while a template is rendered.
///
/// A class, because evaluating an expression changes nothing else. Never leaves the call that renders.
final class TemplateBudget {
    let limits: TemplateLimits
    private(set) var isExhausted = false
    private(set) var isStopped = false
    private var left: Int
    private var untilAsked = 0
    private var nesting = 0
    private let shouldStop: () -> Bool

    init(_ limits: TemplateLimits, shouldStop: @escaping () -> Bool) {
        self.limits = limits
        self.shouldStop = shouldStop
        left = limits.steps
    }

    /// Takes so many steps; false when there aren't as many left, or nobody wants the result any more.
    func take(_ steps: Int) -> Bool {
        guard !isExhausted else { return false }
        left -= min(steps, left + 1)
        untilAsked -= 1
        if untilAsked <= 0 {
            untilAsked = 2000
            isStopped = shouldStop()
        }
        isExhausted = left < 0 || isStopped
        return !isExhausted
    }

    /// Goes deeper; false where that is too deep.
    ///
    /// Each call takes one of ``leave(_:)``.
    func enter(_ part: NestedPart) -> Bool {
        nesting += part.rawValue
        return nesting <= limits.nesting
    }

    func leave(_ part: NestedPart) { nesting -= part.rawValue }
}

/// What can stand in each other, with about how much of a stack it takes.
enum NestedPart: Int {
    case expression = 1
    case body = 2
    case macro = 8
}

extension TemplateRenderer {
    /// Counts work.
    ///
    /// - Throws: `ChatTemplateError` when it is too much.
    func charge(_ steps: Int, _ expression: TemplateExpression) throws(ChatTemplateError) {
        guard budget.take(steps) else { throw exhaustion(expression) }
    }

    /// Why the budget is used up.
    private func exhaustion(_ expression: TemplateExpression) -> ChatTemplateError {
        error(expression, exhaustion)
    }

    private var exhaustion: String {
        budget.isStopped
            ? "The template was stopped here."
            : "The template takes more than \(budget.limits.steps) steps, which is the limit. Look for a loop that"
                + " doesn't end, or a value that doubles."
    }

    /// Counts text of the template itself.
    ///
    /// - Throws: `ChatTemplateError` when it is too much.
    func charge(text: String) throws(ChatTemplateError) {
        guard budget.take(text.utf8.count / 64) else {
            throw ChatTemplateError(location: self.text.name, message: exhaustion)
        }
    }

    /// Goes deeper, for which the caller takes back a ``TemplateBudget/leave(_:)``.
    ///
    /// - Throws: `ChatTemplateError` where that is too deep.
    func enter(_ part: NestedPart, _ expression: TemplateExpression?) throws(ChatTemplateError) {
        guard !budget.enter(part) else { return }
        let message =
            "Macros, statements and expressions are nested too deep here. Look for a macro that calls itself without an end."
        throw expression.map { error($0, message) }
            ?? ChatTemplateError(location: text.name, message: message)
    }

    /// Refuses a text that would be too long before it is made.
    func checkText(_ bytes: Int, _ expression: TemplateExpression) throws(ChatTemplateError) {
        guard bytes <= budget.limits.textBytes else {
            throw error(
                expression,
                "This text would have more than \(budget.limits.textBytes) bytes, which is the limit of a template."
            )
        }
        try charge(1 + bytes / 64, expression)
    }

    /// A text that the template makes.
    func made(
        _ text: String, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try checkText(text.utf8.count, expression)
        return .string(text)
    }

    /// A value that another one is made of.
    ///
    /// - Throws: `ChatTemplateError` for one that is nested too deep, and for a namespace: it could hold itself.
    func part(
        _ value: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> TemplateValue {
        try checkDepth(value, 1, expression)
        return value
    }

    private func checkDepth(
        _ value: TemplateValue, _ depth: Int, _ expression: TemplateExpression
    ) throws(ChatTemplateError) {
        guard depth <= budget.limits.depth else {
            throw error(expression, "Values can't be nested more than \(budget.limits.depth) deep.")
        }
        switch value {
        case .list(let list):
            try charge(1 + list.count, expression)
            for element in list { try checkDepth(element, depth + 1, expression) }
        case .object(let members):
            try charge(1 + members.count, expression)
            for member in members { try checkDepth(member.value, depth + 1, expression) }
        case .namespace, .macro, .function, .stream:
            throw error(
                expression,
                "\(value.kindName) can't be a part of another value\(value.isStream ? "; make a list of it first" : "")."
            )
        default: break
        }
    }

    /// Whether two values are the same; text is compared by its bytes.
    func isEqual(
        _ a: TemplateValue, _ b: TemplateValue, _ expression: TemplateExpression
    ) throws(ChatTemplateError) -> Bool {
        try charge(1, expression)
        switch (a, b) {
        case (.undefined, .undefined), (.null, .null): return true
        case (.string(let a), .string(let b)):
            try charge(a.utf8.count / 64, expression)
            return a.utf8.elementsEqual(b.utf8)
        case (.list(let a), .list(let b)):
            guard a.count == b.count else { return false }
            for (a, b) in zip(a, b) where try !isEqual(a, b, expression) { return false }
            return true
        case (.object(let members), .object(let others)):
            guard members.count == others.count else { return false }
            for (key, value) in members {
                try charge(1 + others.count / 8, expression)
                guard let other = b.member(key), try isEqual(value, other, expression) else { return false }
            }
            return true
        case (.namespace(let a), .namespace(let b)): return a === b
        case (.stream(let a), .stream(let b)): return a === b
        default:
            if let a = a.integer, let b = b.integer { return a == b }
            guard let a = a.number, let b = b.number else { return false }
            return a == b
        }
    }
}
