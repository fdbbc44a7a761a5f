/// A part of a template that writes something or decides what is written.
enum TemplateNode: Sendable {
    case text(String)
    case output(TemplateExpression)
    /// The first branch whose condition holds; one without condition is the `else`.
    case branches([(condition: TemplateExpression?, body: [TemplateNode])])
    case loop(TemplateLoop)
    case set(String, TemplateExpression)
    /// Sets a member of a namespace.
    case setMember(object: String, member: String, TemplateExpression, place: Int)
    case breakLoop
    case continueLoop
}

/// A `for`.
struct TemplateLoop: Sendable {
    /// One name, or several that take a list apart.
    let names: [String]
    let sequence: TemplateExpression
    /// Elements for which this doesn't hold are left out.
    let condition: TemplateExpression?
    let body: [TemplateNode]
    /// What is written when there is no element.
    let otherwise: [TemplateNode]
}

/// An expression and where it stands.
struct TemplateExpression: Sendable {
    indirect enum Kind: Sendable {
        case literal(TemplateValue)
        case name(String)
        case list([TemplateExpression])
        case object([(key: TemplateExpression, value: TemplateExpression)])
        case member(TemplateExpression, String)
        case item(TemplateExpression, TemplateExpression)
        case slice(TemplateExpression, [TemplateExpression?])
        case function(String, TemplateArguments)
        case method(TemplateExpression, String, TemplateArguments)
        case filter(TemplateExpression, String, TemplateArguments)
        case test(TemplateExpression, String, TemplateArguments)
        case not(TemplateExpression)
        case and(TemplateExpression, TemplateExpression)
        case or(TemplateExpression, TemplateExpression)
        case binary(String, TemplateExpression, TemplateExpression)
        /// `a < b < c`: each comparison must hold.
        case comparison(TemplateExpression, [(symbol: String, right: TemplateExpression)])
        case conditional(TemplateExpression, condition: TemplateExpression, otherwise: TemplateExpression?)
    }

    let kind: Kind
    let place: Int
}

/// What stands in the brackets of a call.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []
}
