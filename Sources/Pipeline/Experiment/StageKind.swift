public import JSON
public import SystemPackage

/// An implementation of stages: what `"kind"` in a configuration picks.
///
/// A value of the type is one configured stage: its properties are the keys of the stage's object.
public protocol StageKind: Sendable {
    /// What configurations write: "distill".
    static var name: String { get }
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

    /// What is known of the artifact before it is made, or from its record when it has been: numbers that stages
    /// which read it forecast from.
    func facts(_ context: ForecastContext) -> Facts

    /// What ``run(_:)`` is expected to take on this machine, less what an earlier process has done; nil where the kind
    /// can't tell.
    ///
    /// It reads nothing but what the context gives, so that it works for artifacts that nobody has made.
    func forecast(_ context: ForecastContext) -> StageForecast?

    /// Makes the artifact: writes files to `context.output`.
    ///
    /// The same recipe must give the same content: random numbers come from `context.seed`, and what
    /// `context` says besides (threads, folders) must not show in the result.
    func run(_ context: StageContext) throws -> StageResult
}

extension StageKind {
    public static var parts: [String] { [] }
    public func facts(_ context: ForecastContext) -> Facts { [:] }
    public func forecast(_ context: ForecastContext) -> StageForecast? { nil }
}

/// What a stage says about its artifact when it is done.
public struct StageResult: Sendable {
    /// One line for people: "2,121 kept of 2,176".
    public var summary: String
    /// Numbers for other stages and for comparisons; finite ones only.
    public var metrics: JSONValue
    /// A text file of the artifact (relative to it) that is printed when the run ends.
    public var report: FilePath?

    /// Sums up what was made.
    public init(summary: String, metrics: JSONValue = .object([:]), report: FilePath? = nil) {
        self.summary = summary
        self.metrics = metrics
        self.report = report
    }
}

/// The kinds that configurations can name.
public struct StageRegistry: Sendable {
    /// The kinds in the order in which they are listed.
    public let kinds: [any StageKind.Type]
    /// Where the hashes of inputs come from; nil where no kind takes any.
    let pins: PinSource?

    /// Kinds with distinct names.
    public init(_ kinds: [any StageKind.Type], pins: PinSource? = nil) {
        precondition(Set(kinds.map { $0.name }).count == kinds.count, "two kinds have the same name")
        self.kinds = kinds
        self.pins = pins
    }

    /// The kind of that name.
    public subscript(name: String) -> (any StageKind.Type)? { kinds.first { $0.name == name } }

    /// All keys of a kind, found by reading it without an object.
    public static func description(of kind: any StageKind.Type) -> ObjectDescription {
        let fields = Fields.describing()
        _ = kind.init(fields)
        return fields.description
    }
}
