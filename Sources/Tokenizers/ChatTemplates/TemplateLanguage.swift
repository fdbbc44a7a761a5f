/// The names that templates may use; all others are refused when a template is read.
enum TemplateLanguage {
    static let functions: Set<String> = ["namespace", "raise_exception", "range"]
    static let filters: Set<String> = [
        "capitalize", "count", "d", "default", "first", "int", "items", "join", "last", "length", "list",
        "lower",
        "replace", "reverse", "safe", "string", "tojson", "trim", "upper",
    ]
    static let tests: Set<String> = [
        "boolean", "defined", "divisibleby", "eq", "equalto", "even", "false", "float", "in", "integer",
        "iterable",
        "mapping", "ne", "none", "number", "odd", "sequence", "string", "true", "undefined",
    ]
    static let methods: Set<String> = [
        "endswith", "get", "items", "keys", "lower", "lstrip", "replace", "rstrip", "split", "startswith",
        "strip",
        "upper", "values",
    ]
    static let loopMembers: Set<String> = [
        "first", "index", "index0", "last", "length", "nextitem", "previtem", "revindex", "revindex0",
    ]
    /// Words that can't be names.
    static let keywords: Set<String> = ["and", "else", "for", "if", "in", "is", "not", "or"]

    /// What is said of a name that isn't known.
    static func refusal(_ what: String, _ name: String, _ known: Set<String>) -> String {
        "The \(what) `\(name)` isn't supported in chat templates; supported are \(known.sorted().joined(separator: ", "))."
    }
}
