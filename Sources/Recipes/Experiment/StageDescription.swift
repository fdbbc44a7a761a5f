internal import Base

/// What a configuration must know of a kind of stages: its name, its keys, and what its artifact is.
///
/// A value of the type is one configured stage: its properties are the keys of the stage's object. What it does when it
/// runs is known to those that run it: `StageKind` in the module `Runs`.
package protocol StageDescription: Sendable {
    /// What configurations write: "distill".
    static var name: String { get }
    /// What configurations called it before; they still may.
    static var formerNames: [String] { get }
    /// Raised whenever the same keys give another result than before; it is part of the recipe.
    static var version: Int { get }
    /// One or two sentences for `d3llm kinds`.
    static var summary: String { get }
    /// What the artifact holds.
    static var output: ArtifactType { get }
    /// The parts that `"@stage.part"` may name; none unless the kind says so.
    static var parts: [String] { get }

    /// Reads the stage's keys. Asks for every key on every path, throws nothing and does nothing else.
    init(_ fields: Fields)
}

extension StageDescription {
    package static var parts: [String] { [] }
    package static var formerNames: [String] { [] }
}

/// The kinds that configurations can name.
package struct StageRegistry: Sendable {
    /// The kinds in the order in which they are listed.
    package let kinds: [any StageDescription.Type]
    /// Where the hashes of inputs come from; nil where no kind takes any.
    let pins: PinSource?

    /// Kinds with distinct names.
    package init(_ kinds: [any StageDescription.Type], pins: PinSource? = nil) {
        precondition(Set(kinds.map { $0.name }).count == kinds.count, "two kinds have the same name")
        self.kinds = kinds
        self.pins = pins
    }

    /// The kind of that name, or that once had it.
    package subscript(name: String) -> (any StageDescription.Type)? {
        kinds.first { $0.name == name } ?? kinds.first { $0.formerNames.contains(name) }
    }

    /// All keys of a kind, found by reading it without an object.
    package static func description(of kind: any StageDescription.Type) -> ObjectDescription {
        let fields = Fields.describing()
        _ = kind.init(fields)
        return fields.description
    }
}

/// The stages of an experiment as other stages see them, known before any of them is read.
package struct StageDirectory {
    package struct Entry {
        package let name: String
        /// Nil when the stage's kind is unknown, which has been reported.
        package let kind: (any StageDescription.Type)?
        /// Full names: `curve`, or `curve[threshold=0.1]` for each point of a matrix.
        package let variants: [String]

        package init(name: String, kind: (any StageDescription.Type)?, variants: [String]) {
            self.name = name
            self.kind = kind
            self.variants = variants
        }
    }

    package let entries: [Entry]

    package init(entries: [Entry]) {
        self.entries = entries
    }

    package subscript(name: String) -> Entry? { entries.first { $0.name == name } }

    /// Splits `@stage.part` or `@stage[variant].part`; nil without the @.
    package static func split(_ text: String) -> (stage: String, variant: String?, part: String?)? {
        guard let body = text.byteText.dropping(prefix: "@") else { return nil }
        let stage = String(body.text.unicodeScalars.prefix { $0 != "." && $0 != "[" })
        var rest = Substring(body.bytes.dropFirst(stage.utf8.count)).byteText
        var variant: String?
        if rest.hasPrefix("["), let (inside, behind) = rest.cut(atLast: "]") {
            variant = stage + inside.text + "]"
            rest = behind
        }
        guard !rest.isEmpty else { return (stage, variant, nil) }
        return rest.dropping(prefix: ".").map { (stage, variant, $0.text) }
    }
}
