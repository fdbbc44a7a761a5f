/// The names that templates may use; each other one is an error where it is reached.
enum TemplateLanguage {
    static let functions: Set<String> = ["dict", "namespace", "raise_exception", "range", "strftime_now"]
    static let filters: Set<String> = [
        "capitalize", "count", "d", "default", "dictsort", "first", "indent", "int", "items", "join", "last",
        "length", "list", "lower", "map", "reject", "rejectattr", "replace", "reverse", "safe", "select",
        "selectattr", "sort", "string", "title", "tojson", "trim", "unique", "upper",
    ]
    static let tests: Set<String> = [
        "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "ge", "greaterthan",
        "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt", "mapping", "ne", "none", "number",
        "odd", "sequence", "string", "true", "undefined", "upper",
    ]
    static let objectMethods: Set<String> = ["get", "items", "keys", "values"]
    static let stringMethods: Set<String> = [
        "capitalize", "count", "endswith", "find", "join", "lower", "lstrip", "removeprefix", "removesuffix",
        "replace", "rsplit", "rstrip", "split", "splitlines", "startswith", "strip", "title", "upper",
    ]
    static let methods = objectMethods.union(stringMethods)
    static let loopMembers: Set<String> = [
        "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
        "revindex", "revindex0",
    ]
    static let statements = "break, continue, filter, for, generation, if, macro, set, with"
    /// Statements of Jinja that aren't supported, with the words that end their bodies; empty for those without one.
    static let otherStatements: [String: String] = [
        "autoescape": "endautoescape", "block": "endblock", "call": "endcall", "extends": "",
        "from": "", "import": "", "include": "", "raw": "endraw",
    ]
    /// Words that can't be names.
    static let keywords: Set<String> = ["and", "else", "for", "if", "in", "is", "not", "or"]

    /// What is said of a name that isn't known.
    static func refusal(_ what: String, _ name: String, _ known: Set<String>) -> String {
        "The \(what) `\(name)` isn't supported in chat templates; supported are \(known.sorted().joined(separator: ", "))."
    }
}

/// A part of a template that writes something or decides what is written.
enum TemplateNode: Sendable {
    case text(String)
    case output(TemplateExpression)
    /// The first branch whose condition holds; one without condition is the `else`.
    case branches([(condition: TemplateExpression?, body: [TemplateNode])])
    case loop(TemplateLoop)
    case set(TemplateTarget, TemplateExpression)
    /// What a body writes becomes the value of ``TemplateTarget/written`` in an expression, and that is set or written.
    case capture([TemplateNode], TemplateExpression, TemplateTarget?)
    case macro(TemplateMacro)
    /// A body with names of its own.
    case scope([(name: String, value: TemplateExpression)], [TemplateNode])
    case breakLoop
    case continueLoop
    /// Something that isn't supported: an error, if it is reached.
    case refused(String, place: Int)
}

/// What `set` gives a value to.
enum TemplateTarget: Sendable {
    /// One name, or several that take a list apart.
    case names([String])
    /// A member of a namespace.
    case member(object: String, String, place: Int)

    /// What is written by a body; no template can write such a name.
    static let written = ""
}

/// A function that a template defines.
struct TemplateMacro: Sendable {
    let name: String
    let parameters: [(name: String, value: TemplateExpression?)]
    let body: [TemplateNode]
    /// Whether it takes more arguments than it names, without and with a name.
    let takesMore: Bool
    let takesMoreNamed: Bool
    /// The names that it sees beside those of the whole template, where it stands inside of something.
    var scopes: [[String: TemplateValue]] = []
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
        /// Something that isn't supported: an error, if it is reached.
        case refused(String)
    }

    let kind: Kind
    let place: Int
    /// How many expressions stand in each other at most, this one included: what a stack has to bear.
    let height: Int
    /// Whether it is text that the filter `safe` marked as markup: what is added to that by `+` is escaped.
    let isMarkup: Bool

    fileprivate init(kind: Kind, place: Int) {
        self.kind = kind
        self.place = place
        isMarkup =
            switch kind {
            case .filter(_, "safe", _): true
            case .filter(let value, "capitalize", _), .filter(let value, "lower", _),
                .filter(let value, "trim", _), .filter(let value, "upper", _):
                value.isMarkup
            case .binary("+", let a, let b): a.isMarkup || b.isMarkup
            default: false
            }
        height = 1 + kind.inner.reduce(0) { max($0, $1.height) }
    }
}

extension TemplateExpression.Kind {
    /// The expressions that it is made of.
    fileprivate var inner: [TemplateExpression] {
        switch self {
        case .literal, .name, .refused: []
        case .list(let elements): elements
        case .object(let members): members.flatMap { [$0.key, $0.value] }
        case .member(let value, _), .not(let value): [value]
        case .item(let a, let b), .and(let a, let b), .or(let a, let b), .binary(_, let a, let b): [a, b]
        case .slice(let value, let bounds): [value] + bounds.compactMap(\.self)
        case .function(_, let arguments): arguments.all
        case .method(let value, _, let arguments), .filter(let value, _, let arguments),
            .test(let value, _, let arguments):
            [value] + arguments.all
        case .comparison(let first, let others): [first] + others.map(\.right)
        case .conditional(let value, let condition, let otherwise):
            [value, condition] + (otherwise.map { [$0] } ?? [])
        }
    }
}

extension TemplateText {
    /// An expression at a place.
    ///
    /// - Throws: `ChatTemplateError` for one that holds too many in each other; also `a + b + c` is (a + b) + c.
    func expression(
        _ kind: TemplateExpression.Kind, at place: Int
    ) throws(ChatTemplateError) -> TemplateExpression {
        let made = TemplateExpression(kind: kind, place: place)
        guard made.height <= TemplateParser.maximumHeight else {
            throw error(
                at: place,
                "This expression has more than \(TemplateParser.maximumHeight) others in each other. Set parts of it"
                    + " apart with `set`.")
        }
        return made
    }
}

/// What stands in the brackets of a call.
struct TemplateArguments: Sendable {
    var positional: [TemplateExpression] = []
    var named: [(name: String, value: TemplateExpression)] = []

    fileprivate var all: [TemplateExpression] { positional + named.map(\.value) }
}
