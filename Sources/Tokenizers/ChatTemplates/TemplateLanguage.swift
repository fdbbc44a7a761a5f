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
