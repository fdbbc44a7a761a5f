import Files
import JSON
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Recipes
@testable import Runs

@Suite struct DeterminismTests {
    let folder: TemporaryFolder
    let store: Store
    private let registry = StageRegistry([ToyDice.self, ToySource.self, ToyCurve.self])

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    private func experiment(_ body: String) throws -> Experiment {
        try Experiment.parse(Array(stages(body).utf8), name: "dice.json", registry: registry)
    }

    @Test(arguments: [
        ("none", Determinism.bitwise, []), ("threads", .bitwiseForThreads, [0.75]),
        ("chance", .statistical, [1]),
    ])
    func whatChangesIsMeasured(luck: String, expected: Determinism, largest: [Double]) throws {
        let experiment = try experiment(#""d": {"kind": "dice", "luck": "\#(luck)"}"#)
        let report = try #require(
            try DeterminismTest(experiment, store: store, options: .init(threads: 4)).measure().first)
        #expect(report.measured == expected && report.files == 2 && report.runs.map(\.threads) == [1, 1, 4])
        #expect(report.sameAsStored == nil)
        #expect(report.differences.map(\.file) == (largest.isEmpty ? [] : ["metrics", "n.jsonl"]))
        #expect(Set(report.differences.compactMap(\.largest)) == Set(largest))
        let record = try JSONDocument(parsing: FileSystem.read(report.record), name: "record").root
        #expect(record["measured"]?.string == expected.rawValue)
        #expect(record["machine"]?["cores"]?.int != nil && record["code"]?["version"]?.string != nil)
        #expect(
            report.record
                == store.root.pushing(FilePath("toy/determinism/d-\(report.fingerprint.prefix(12)).json")))
    }

    @Test func theFirstStageOfEachKindIsMeasuredFromTheStore() throws {
        let experiment = try experiment(
            #"""
            "numbers": {"kind": "source", "count": 3}, "more": {"kind": "source", "count": 4},
            "curve": {"kind": "curve", "data": "@numbers", "matrix": {"decoder.threshold": [0.25, 0.5]}}
            """#)
        let test = DeterminismTest(experiment, store: store)
        let error = #expect(throws: MissingInputError.self) { try test.measure() }
        #expect(error?.description.contains("d3llm run CONFIG --only numbers") == true)
        _ = try Runner(experiment, store: store).run()
        let reports = try test.measure()
        #expect(reports.map(\.stage) == ["numbers", "curve[threshold=0.25]"])
        #expect(reports.allSatisfy { $0.measured == .bitwise && $0.sameAsStored == true })
        let one = try DeterminismTest(experiment, store: store, options: .init(stage: "curve[threshold=0.5]"))
            .measure()
        #expect(one.map(\.stage) == ["curve[threshold=0.5]"])
        #expect(throws: UnknownStageError.self) {
            try DeterminismTest(experiment, store: store, options: .init(stage: "curv")).measure()
        }
        // What was measured is no artifact and in nobody's way.
        #expect(try Runner(experiment, store: store).run().stages.allSatisfy { $0.wasCached })
    }

    @Test func noExperimentTakesTheFolder() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try parse(#"{"name": "toy/determinism", "stages": {"n": {"kind": "source", "count": 1}}}"#)
        }
        #expect("\(String(describing: error))".contains("are taken"))
    }
}
