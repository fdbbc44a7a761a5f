/// A piece of a template.
struct TemplateToken: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        /// Text that is written as it is.
        case text(String)
        /// `{{` and `}}`.
        case outputBegin, outputEnd
        /// `{%` and `%}`.
        case statementBegin, statementEnd
        case name(String)
        case string(String)
        case integer(Int)
        case double(Double)
        /// Brackets, operators, commas.
        case symbol(String)
        case end
    }

    let kind: Kind
    /// Where it begins: an index of scalars.
    let place: Int
}
