import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import Synchronization
import SystemPackage

extension ToySource: QuickStage {}
extension ToyTable: QuickStage {}

extension ToyCurve: SampledStage {
    static let journalName = "samples"

    private func numbers(_ context: StageContext) throws -> [Int] {
        try FileSystem.readText(context.folder(of: data).appending("data").appending("numbers.txt"))
            .split(separator: "\n").compactMap { Int($0) }
    }

    func sampleKeys(_ context: StageContext) throws -> [JournalKey] {
        try numbers(context).indices.map { .integer($0) }
    }

    func groups(_ context: StageContext) throws -> SampleGroups {
        let (numbers, size) = (try numbers(context), groupSize)
        return SampleGroups(of: numbers.count, size: size) { group in
            (group * size..<min(numbers.count, (group + 1) * size)).map {
                JournalRecord(.integer($0), ["square": .integer(numbers[$0] * numbers[$0])])
            }
        }
    }

    func result(of records: [JournalRecord], in journal: FilePath) throws -> StageResult {
        let sum = records.reduce(0) { $0 + ($1.value["square"]?.int ?? 0) }
        return StageResult(summary: "sum \(sum)", metrics: ["sum": .number(Double(sum) * decoder.threshold)])
    }
}

/// A stage that gives something else when it is asked to.
struct ToyDice: StageKind {
    static let name = "dice"
    static let version = 1
    static let summary = "Writes numbers that may change."
    static let output = ArtifactType.numbers

    enum Luck: String, CaseIterable { case none, threads, chance }

    let luck: Luck
    private static let throwCount = Mutex(0)

    init(_ fields: Fields) { luck = fields.choice("luck", default: .none, "What the numbers depend on.") }

    func run(_ context: StageContext) throws -> StageResult {
        let extra =
            switch luck {
            case .none: 0.0
            case .threads: Double(context.threads) / 4
            case .chance:
                Double(
                    Self.throwCount.withLock {
                        $0 += 1
                        return $0
                    })
            }
        try FileSystem.writeAtomically(
            "{\"a\":1,\"b\":\(2 + extra)}\n{\"c\":[\(extra)]}\n", to: context.output.appending("n.jsonl"))
        try FileSystem.writeAtomically("same\n", to: context.output.appending("same.txt"))
        return StageResult(summary: "two lines", metrics: ["b": .number(2 + extra)])
    }
}

/// The toy source as a later version of the program would have it.
struct NewerToySource: StageKind {
    static let name = "source"
    static let version = 2
    static let summary = "Writes numbers."
    static let output = ArtifactType.numbers
    static let parts = ["train", "test"]
    let toy: ToySource

    init(_ fields: Fields) { toy = ToySource(fields) }
    func run(_ context: StageContext) throws -> StageResult { try toy.run(context) }
}
