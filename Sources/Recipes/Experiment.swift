internal import Base
import Files
package import JSON
package import SystemPackage

/// A configuration that was read and found right: stages in an order in which they can run.
package struct Experiment: Sendable {
    /// Its address in the store: `mini/table1`.
    package let name: String
    /// The seed of all stages that don't set their own.
    package let seed: Int
    /// What the experiment is about.
    package let description: String?
    /// Every stage and every variant of a matrix, each after those that it refers to.
    package let stages: [Stage]
    /// How far its repeats go; nil where all its stages are made.
    package internal(set) var until: Until?
    /// The look that it is cut off at; nil for the whole of it.
    package internal(set) var look: Look?
    /// The configuration that it was read from; nil for one that was put together otherwise.
    public internal(set) var source: Source?

    /// The configuration of an experiment.
    package struct Source: Sendable {
        /// The path of the main file, as given.
        package let file: String
        /// The arguments of `--set`.
        package let overrides: [String]
        /// By the names of groups, the chosen options; a list of them where they are swept.
        package let groups: JSONObject
        /// All in one piece: a file of this content gives the same stages with the same fingerprints.
        package let resolved: JSONValue
    }

    /// The stage or variant with this full name.
    package subscript(id: String) -> Stage? { stages.first { $0.id == id } }

    /// The stages called `name` and those that they need, in running order: all variants of a matrix, or one.
    package func closure(of name: String) -> [Stage] {
        let wanted = closure(of: stages.filter { $0.name == name || $0.id == name }.map(\.id))
        return stages.filter { wanted.contains($0.id) }
    }

    /// The full names of some stages and of those that they need.
    func closure(of ids: [String]) -> Set<String> {
        var wanted = Set(ids)
        for stage in stages.reversed() where wanted.contains(stage.id) {
            wanted.formUnion(stage.inputs.flatMap(\.references).map(\.stage))
        }
        return wanted
    }
}

/// One configured stage, or one variant of a stage with a matrix.
package struct Stage: Sendable {
    /// `curve`, or `curve[threshold=0.1]`.
    package let id: String
    /// `curve`.
    package let name: String
    /// What the matrix set, by dotted path; empty without a matrix.
    package let variant: JSONObject
    /// The configured implementation.
    package let implementation: any StageDescription
    /// All that decides the artifact's content.
    package let recipe: Recipe
    /// SHA-256 of the recipe's canonical bytes, in hexadecimal.
    package let fingerprint: String
    package let inputs: [StageInput]

    /// The folder of the artifact in the experiment's folder: safe on every file system, readable, and distinct
    /// for distinct recipes.
    package var folderName: String { folderPrefix + fingerprint.prefix(12) }

    /// What the folders of all recipes of this stage begin with.
    package var folderPrefix: String {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=+")
        // Runs of other characters become one dash, so that "curve[threshold=0.1]" reads "curve-threshold=0.1".
        // by Character: as the names of folders that are there already; only ASCII is kept.
        let words = id.split { !allowed.contains($0) && $0 != "-" }
        return String(words.joined(separator: "-").prefix(120)) + "-"
    }
}

extension Experiment {
    /// A line that says which options of groups were chosen; empty without groups.
    package var groupsNote: String {
        guard let groups = source?.groups, !groups.members.isEmpty else { return "" }
        let choices = groups.members.map { member in
            let options = member.value.array ?? [member.value]
            return "\(member.key)=\(options.compactMap(\.string).joined(separator: ","))"
        }
        return "Groups: \(choices.joined(separator: " ")).\n"
    }

    /// For programs: the stages and variants in running order with kind, fingerprint and what they refer to.
    package var value: JSONValue {
        [
            "experiment": .string(name), "seed": .integer(seed),
            "description": description.map(JSONValue.string) ?? .null,
            "stages": .array(
                stages.map { stage in
                    var inputs: [String] = []
                    for reference in stage.inputs.flatMap(\.references)
                    where !inputs.contains(reference.stage) {
                        inputs.append(reference.stage)
                    }
                    return [
                        "stage": .string(stage.id), "kind": .string(stage.recipe.kind),
                        "fingerprint": .string(stage.fingerprint),
                        "needs": .array(inputs.map(JSONValue.string)),
                    ]
                }),
        ]
    }
}

extension Experiment {
    /// Reads and checks a configuration without running anything.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func load(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws
        -> Experiment
    {
        try Configuration(path, overrides: overrides, registry: registry).experiment()
    }

    /// Reads and checks the bytes of a configuration; files that it extends are looked for beside `name`.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package static func parse(
        _ bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry
    ) throws(ConfigurationError) -> Experiment {
        try Configuration(parsing: bytes, name: name, overrides: overrides, registry: registry).experiment()
    }
}

/// All that decides an artifact's content, and nothing else.
package struct Recipe: Sendable, Hashable {
    /// The version of the recipe's own form; raised when the meaning of its fields changes.
    package static let format = 1

    /// The kind of the stage.
    package let kind: String
    /// The version of the kind.
    package let version: Int
    /// The stage's keys with all defaults filled in, without references and without `.execution` keys.
    package let config: JSONObject
    /// What the references stand for: by key, the fingerprints of the artifacts.
    package let inputs: JSONObject
    /// What random numbers are drawn from.
    package let seed: Int

    /// The recipe as it is hashed and as `artifact.json` holds it.
    package var value: JSONValue {
        [
            "format": .integer(Self.format), "kind": .string(kind), "version": .integer(version),
            "config": .object(config), "inputs": .object(inputs), "seed": .integer(seed),
        ]
    }

    /// SHA-256 of the canonical bytes.
    ///
    /// - Throws: `JSONWritingError` for a number without a canonical form.
    package func fingerprint() throws(JSONWritingError) -> String {
        SHA256.hex(of: try value.canonicalBytes())
    }

    /// Whether a text has the form of a fingerprint, or of any other SHA-256: 64 lower-case hexadecimal digits.
    package static func isFingerprint(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    package init(
        kind: any StageDescription.Type, config: JSONObject, inputs: [StageInput], seed: Int,
        fingerprints: [String: String]
    ) {
        func text(_ reference: ArtifactReference) -> JSONValue {
            let fingerprint = fingerprints[reference.stage] ?? ""
            return .string(fingerprint + (reference.part.map { ".\($0)" } ?? ""))
        }
        self.kind = kind.name
        self.version = kind.version
        self.config = config
        self.seed = seed
        self.inputs = JSONObject(
            inputs.map { input -> (String, JSONValue) in
                switch input.value {
                case .none: (input.path, .null)
                case .one(let reference): (input.path, text(reference))
                case .list(let references): (input.path, .array(references.map(text)))
                case .labelled(let groups):
                    // A list, because the order of the labels is the order of rows in a table.
                    (
                        input.path,
                        .array(
                            groups.map {
                                ["label": .string($0.label), "artifacts": .array($0.artifacts.map(text))]
                            })
                    )
                }
            })
    }
}

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
