import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension ArtifactType {
    static let numbers = ArtifactType("dataset")
    static let curve = ArtifactType("curve")
    static let table = ArtifactType("table")
}

/// Writes a list of numbers.
struct ToySource: StageKind {
    static let name = "source"
    static let version = 1
    static let summary = "Writes numbers."
    static let output = ArtifactType.numbers
    static let parts = ["train", "test"]

    enum Order: String, CaseIterable { case rising, falling }

    let count: Int
    let order: Order
    let verbose: Bool

    init(_ fields: Fields) {
        count = fields.integer("count", in: 1...1000, "How many numbers.")
        order = fields.choice("order", default: .rising, "Which way they go.")
        verbose = fields.flag("verbose", default: false, "Says more.", role: .execution)
    }

    func run(_ context: StageContext) throws -> StageResult {
        let numbers = (0..<count).map { Int(context.seed) + (order == .rising ? $0 : -$0) }
        try FileSystem.createDirectory(context.output.appending("data"))
        try FileSystem.writeAtomically(
            numbers.map(String.init).joined(separator: "\n"),
            to: context.output.appending("data").appending("numbers.txt"))
        if verbose { context.log("wrote \(count) numbers") }
        return StageResult(summary: "\(count) numbers", metrics: ["count": .integer(count)])
    }
}

/// Works on samples one after the other, with a journal and a checkpoint, and can be made to stop half-way.
struct ToyCurve: StageKind {
    static let name = "curve"
    static let version = 2
    static let summary = "Squares numbers."
    static let output = ArtifactType.curve

    struct Decoder {
        let threshold: Double
        let delay: Int?
        let window: [Int]

        init(_ fields: Fields) {
            threshold = fields.number("threshold", default: 0.5, in: .above(0, upTo: 1), "The bound.")
            delay = fields.optionalInteger("delay", in: 0..., "Steps to wait.")
            window = fields.integers("window", default: [1, 2], in: 1...9, "Widths.")
        }
    }

    let data: ArtifactReference
    let decoder: Decoder
    let groupSize: Int
    let failAfter: Int?
    let killAfter: Int?

    init(_ fields: Fields) {
        data = fields.artifact("data", types: [.numbers], "What is squared.")
        decoder = fields.object("decoder", "How.", Decoder.init)
        groupSize = fields.integer("groupSize", default: 1, in: 1...100, "Samples at a time.")
        failAfter = fields.optionalInteger("failAfter", in: 0..., "Fails there.", role: .execution)
        killAfter = fields.optionalInteger("killAfter", in: 0..., "Is killed there.", role: .execution)
    }

    struct Broken: Error, CustomStringConvertible { let description = "The toy broke." }

    func run(_ context: StageContext) throws -> StageResult {
        let text = try FileSystem.readText(
            context.folder(of: data).appending("data").appending("numbers.txt"))
        let numbers = text.split(separator: "\n").compactMap { Int($0) }
        let journal = try context.journal("samples")
        let progress = context.progress(total: numbers.count, unit: "samples", done: journal.count)
        for start in stride(from: journal.count, to: numbers.count, by: groupSize) {
            try context.checkCancellation()
            if let failAfter, journal.count >= failAfter { throw Broken() }
            if let killAfter, journal.count >= killAfter { kill(getpid(), SIGKILL) }
            let group = (start..<min(start + groupSize, numbers.count)).map { index in
                JournalRecord(.integer(index), ["square": .integer(numbers[index] * numbers[index])])
            }
            try journal.append(group: group)
            progress.advance(by: group.count)
        }
        let sum = journal.records.reduce(0) { $0 + ($1.value["square"]?.int ?? 0) }
        return StageResult(summary: "sum \(sum)", metrics: ["sum": .number(Double(sum) * decoder.threshold)])
    }
}

/// Sums up curves in a text that is printed.
struct ToyTable: StageKind {
    static let name = "table"
    static let version = 1
    static let summary = "Prints sums."
    static let output = ArtifactType.table

    let curves: [LabelledArtifacts]

    init(_ fields: Fields) {
        curves = fields.artifacts("curves", types: [.curve], "What is summed up.")
    }

    func run(_ context: StageContext) throws -> StageResult {
        let lines = curves.map { group in
            let points = group.artifacts.map { reference in
                let sum = context.metrics(of: reference)["sum"]?.double ?? .nan
                let recipe = context.record(of: reference).recipe
                let threshold = recipe["config"]?["decoder"]?["threshold"]?.double ?? .nan
                return group.artifacts.count > 1 ? "\(threshold): \(sum)" : "\(sum)"
            }
            return "\(group.label) \(points.joined(separator: ", "))\n"
        }
        try FileSystem.writeAtomically(lines.joined(), to: context.output.appending("table.txt"))
        return StageResult(summary: "\(lines.count) rows", report: "table.txt")
    }
}

/// Reads every form of key there is.
struct ToyForms: StageKind {
    static let name = "forms"
    static let version = 1
    static let summary = "Shows every form of key."
    static let output = ArtifactType("nothing")

    enum Colour: String, CaseIterable { case red, green, blue }

    struct Item {
        let name: String
        let weight: Double
        init(_ fields: Fields) {
            name = fields.string("name", "Its name.")
            weight = fields.number("weight", default: 1, in: 0..., "Its weight.")
        }
    }

    let title: String
    let note: String?
    let rate: Double
    let limit: Double?
    let colour: Colour
    let second: Colour?
    let names: [String]
    let rates: [Double]
    let palette: [Colour]
    let items: [Item]
    let extra: Item?
    let others: [ArtifactReference]

    init(_ fields: Fields) {
        title = fields.string("title", default: "none", "A title.")
        note = fields.optionalString("note", "A note.")
        rate = fields.number("rate", in: 0..<1, "A rate.")
        limit = fields.optionalNumber("limit", in: .above(0), "A limit.")
        colour = fields.choice("colour", "A colour.")
        second = fields.optionalChoice("second", "Another colour.")
        names = fields.strings("names", default: [], "Names.")
        rates = fields.numbers("rates", default: [0.5], in: 0...1, atLeast: 1, "Rates.")
        palette = fields.choices("palette", default: [.red], "Colours.")
        items = fields.objects("items", "Items.", Item.init)
        extra = fields.optionalObject("extra", "One more.", Item.init)
        others = fields.artifactList("others", types: [.numbers, .curve], "Others.")
        if rate > 0.9, colour == .red {
            fields.reject("rate", "A red rate may not be above 0.9.", hint: "Use blue.")
        }
    }

    func run(_ context: StageContext) throws -> StageResult {
        // A title of "diverge" stands for a training that went wrong.
        StageResult(
            summary: "\(items.count) items", metrics: ["loss": .number(title == "diverge" ? .nan : rate)])
    }
}

let toys = StageRegistry([ToySource.self, ToyCurve.self, ToyTable.self, ToyForms.self])

/// Source, a curve over three thresholds, and a table.
let chain = #"""
    {
      "name": "toy/chain",  // comments are fine
      "seed": 3,
      "stages": {
        "numbers": {"kind": "source", "count": 5},
        "curve": {
          "kind": "curve", "data": "@numbers",
          "decoder": {"delay": 2},
          "matrix": {"decoder.threshold": [0.25, 0.5, 1]}
        },
        "single": {"kind": "curve", "data": "@numbers.test"},
        "table": {"kind": "table", "curves": {"swept": "@curve", "alone": "@single"}}
      }
    }
    """#

func parse(_ text: String, set overrides: [String] = []) throws(ConfigurationError) -> Experiment {
    try Experiment.parse(Array(text.utf8), name: "toy.json", overrides: overrides, registry: toys)
}

/// A configuration with these stages.
func stages(_ body: String) -> String { "{\"name\": \"toy\", \"stages\": {\n\(body)\n}}" }

/// A folder that is removed with the value.
final class TemporaryFolder: Sendable {
    let path: FilePath

    init() throws {
        path = FilePath("/tmp/d3llm-pipeline-\(UInt64.random(in: 0 ... .max))")
        try FileSystem.createDirectory(path)
    }

    deinit { try? FileSystem.remove(path) }
}

/// What was written to a log.
final class Log: Sendable {
    private let lines = Mutex("")
    var text: String { lines.withLock { $0 } }
    var reporter: ProgressReporter {
        ProgressReporter(style: .plain) { [self] text in lines.withLock { $0 += text } }
    }
}
