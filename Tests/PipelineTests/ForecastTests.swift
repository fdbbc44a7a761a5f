import Files
import JSON
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

extension FactName {
    static let count = FactName("count")
}

extension ToySource {
    func facts(_ context: ForecastContext) -> Facts {
        // The artifact says the same, and so that it shows which of the two was asked, a hundred more.
        let made = context.record?.metrics["count"]?.double
        return [.count: made.map { $0 + 100 } ?? Double(count)]
    }

    func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(
            seconds: context.seconds(of: Work("number", [:]), times: Double(count)), disk: 10 * count)
    }
}

extension ToyCurve {
    func forecast(_ context: ForecastContext) -> StageForecast? {
        guard let count = context.facts(of: data).count(.count) else { return nil }
        return StageForecast(
            seconds: context.seconds(of: Work("square", [:]), times: Double(count - context.recordsDone)),
            memory: 1000 * count, disk: 100, scratch: 1_000_000)
    }
}

/// A second for a number, a minute for a square; says how often it was asked.
final class ToyMeter: SpeedMeter {
    let asked = Mutex(0)

    func seconds(of work: Work) -> Double? {
        asked.withLock { $0 += 1 }
        return ["number": 1, "square": 60][work.name]
    }
}

@Suite struct ForecastTests {
    let folder: TemporaryFolder
    let store: Store
    let meter = ToyMeter()

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    func plan(_ set: [String] = [], threads: Int = 2, machine: Machine = .current) throws -> Plan {
        try Plan(
            try parse(chain, set: set), store: store,
            forecaster: Forecaster(meter, threads: threads, machine: machine))
    }

    func seconds(_ stage: String, _ plan: Plan) -> Double? {
        plan.entries.first { $0.stage == stage }?.forecast?.seconds
    }

    @Test func stagesAreForecastFromWhatOthersDeclareBeforeTheyHaveRun() throws {
        let plan = try plan()
        #expect(seconds("numbers", plan) == 5)
        #expect(seconds("single", plan) == 300)
        #expect(seconds("table", plan) == nil)
        let forecast = try #require(plan.forecast)
        #expect(forecast.seconds == 1205)
        #expect(forecast.unknown == ["table"])
        #expect(forecast.memory?.bytes == 5000)
        #expect(forecast.disk == 50 + 400)
        #expect(forecast.scratch == 1_000_000)
        #expect(forecast.warnings.isEmpty)
        #expect(!FileSystem.exists(store.root))
    }

    @Test func whatHasBeenMadeIsKnownFromItsRecordAndCostsNothing() throws {
        _ = try Runner(try parse(chain), store: store, options: .init(threads: 2)).run()
        let changed = try plan(["stages.single.decoder.threshold=0.75"], machine: .other)
        #expect(changed.entries.first?.forecast == nil)
        #expect(seconds("single", changed) == 6300)
        #expect(changed.forecast?.seconds == 6300)
    }

    @Test func nothingIsMeasuredWhenEverythingIsCached() throws {
        let experiment = try parse(chain)
        _ = try Runner(experiment, store: store).run()
        let plan = try plan()
        #expect(plan.forecast == nil && meter.asked.withLock { $0 } == 0)
        #expect(try Runner(experiment, store: store).forecast(by: Forecaster(meter, threads: 2)) == nil)
        #expect(meter.asked.withLock { $0 } == 0)
        let forced = Runner(experiment, store: store, options: .init(force: ["single"]))
        let again = try #require(try forced.forecast(by: Forecaster(meter, threads: 2, machine: .other)))
        #expect(Set(again.stages.keys) == ["single"])
    }

    @Test func aStageThatResumesCostsWhatIsLeft() throws {
        _ = try? Runner(
            try parse(chain, set: ["stages.single.failAfter=4"]), store: store
        ).run()
        let plan = try plan(machine: .other)
        #expect(plan.entries.first { $0.stage == "single" }?.status == .resume)
        // 105 squares, as the artifact has it, less the 4 that are in the journal.
        #expect(seconds("single", plan) == 6060)
    }

    @Test func earlierArtifactsOfTheMachineScaleTheForecast() throws {
        let experiment = try parse(chain)
        let outcome = try Runner(experiment, store: store, options: .init(threads: 2)).run()
        for made in outcome.stages { try pretend(made.artifact.folder, seconds: 12_600) }
        let set = ["seed=4"]
        let here = try plan(set)
        // The 105 squares of the artifact that it read take 105 minutes by the meter, and took 210.
        let single = try #require(here.entries.first { $0.stage == "single" }?.calibrated)
        #expect(single.measured.seconds == 300)
        #expect(single.calibration?.ratio == 2 && single.forecast.seconds == 600)
        #expect(single.calibration?.artifacts.contains { $0.hasPrefix("toy/chain/single-") } == true)
        // 5 numbers took hours instead of 5 s: something else was the matter.
        #expect(here.entries[0].calibrated?.calibration == nil)
        #expect(here.text.contains("curve 2.00 times what was measured now"), "\(here.text)")
        // Another machine tells nothing, nor do more threads than there will be.
        #expect(try plan(set, machine: .other).entries.allSatisfy { $0.calibrated?.calibration == nil })
        #expect(try plan(set, threads: 0).entries.allSatisfy { $0.calibrated?.calibration == nil })
    }

    /// Changes what an artifact's record says that it took.
    private func pretend(_ folder: FilePath, seconds: Int) throws {
        let path = folder.appending("artifact.json")
        let document = try JSONDocument(parsing: try FileSystem.read(path), name: path.string)
        var record = try #require(JSONValue(document.root).object)
        record["seconds"] = .integer(seconds)
        try FileSystem.writeAtomically(try JSONValue.object(record).prettyBytes(), to: path)
    }

    @Test func tooLittleMemoryIsWarnedOf() throws {
        let huge = try plan(["stages.numbers.count=1000"])
        #expect(huge.forecast?.warnings == [])
        let big = PlanForecast.ofToys(memory: 1 << 50, disk: 1 << 55, store: store)
        #expect(big.warnings.count == 2)
        #expect(big.warnings.first?.hasPrefix("Stage toy would need about 1,126 TB of memory, and ") == true)
        #expect(big.warnings.last?.contains("Use another place (--store).") == true)
    }

    @Test func theTextAndTheJSONAreAsRecorded() throws {
        let plan = try plan()
        let text = plan.text.replacing(store.root.string, with: "STORE")
        #expect(try text == Snapshots.recorded("pipeline/plan-forecast.txt", now: text))
        var value = try #require(plan.value.object)
        var sums = try #require(value["forecast"]?.object)
        for key in ["availableMemoryBytes", "freeDiskBytes"] {
            #expect((sums[key]?.int ?? 0) > 0)
            sums[key] = 1
        }
        value["forecast"] = .object(sums)
        let json = String(decoding: try JSONValue.object(value).prettyBytes(), as: UTF8.self)
            .replacing(store.root.string, with: "STORE")
        #expect(try json == Snapshots.recorded("pipeline/plan-forecast.json", now: json))
    }

    @Test func aRunRecordsTheForecastAndSaysHowGoodItWas() throws {
        let experiment = try parse(stages(#""a": {"kind": "source", "count": 3}"#))
        let lines = Mutex("")
        let reporter = ProgressReporter(style: .plain) { text in lines.withLock { $0 += text } }
        var options = Runner.Options()
        options.forecasts = ["a": StageForecast(seconds: 3, memory: 4, disk: 30)]
        let outcome = try Runner(experiment, store: store, options: options, reporter: reporter).run()
        #expect(lines.withLock { $0 }.contains("Forecast 3.0 s, took 0."))
        let record = try RunRecord.read(try #require(outcome.record))
        #expect(record.stages.first?.forecast?.disk == 30)
    }

    @Test func largeModelsAreSaidToFitOrNot() throws {
        func need(_ model: String, _ form: String, _ gigabytes: Double, chosen: Bool = false)
            -> StageForecast.ModelMemory
        {
            .init(model: model, form: form, bytes: Int(gigabytes * 1e9), isChosen: chosen)
        }
        var first = StageForecast(seconds: 1, memory: 1, disk: 1)
        first.models = [
            need("llada", "decoding, float32", 33), need("llada", "decoding, bfloat16", 16.4, chosen: true),
            need("llada", "decoding, int8", 9), need("mini", "decoding, float32", 0.1),
        ]
        var second = first
        second.models = [
            need("llada", "decoding, float32", 33.5), need("llada", "decoding, bfloat16", 17.1),
            need("llada", "training, adapter over the stored base", 21),
        ]
        func plan(_ available: Int?) -> PlanForecast {
            PlanForecast(
                [("a", first), ("b", second), ("c", nil)], threads: 1, store: store,
                availableMemory: available)
        }
        let fits = plan(24_000_000_000)
        #expect(fits.models.map(\.verdict) == [.doesNotFit, .fits, .fits, .tight])
        #expect(
            fits.text.contains(
                """
                Models in 24.0 GB of available memory:
                  llada, decoding, float32                       doesn't fit  33.5 GB
                  llada, decoding, bfloat16                      fits         17.1 GB  as configured
                  llada, decoding, int8                          fits         9.0 GB
                  llada, training, adapter over the stored base  tight        21.0 GB

                """), "\(fits.text)")
        #expect(!fits.text.contains("mini,"), "small models aren't spoken of")
        #expect(fits.value["models"]?.array?.first?["verdict"]?.string == "doesn't fit")
        #expect(plan(nil).models.allSatisfy { $0.verdict == .unknown })
        #expect(plan(nil).text.contains("Models in memory:\n  llada, decoding, float32"))
    }

    @Test(arguments: [
        "3.2 s": 3.2, "2 h 00 min": 7200, "3 days 4 h": 273_600, "113 days": 9_763_200,
        "40 years": 1_261_440_000,
    ])
    func longTimesAreReadable(text: String, seconds: Double) {
        #expect(Readable.span(seconds) == text)
    }
}

extension Machine {
    /// A machine that has made nothing here.
    fileprivate static let other = Machine(
        processor: "another", cores: 64, memory: 1 << 40, system: "another")
}

extension PlanForecast {
    fileprivate static func ofToys(memory: Int, disk: Int, store: Store) -> PlanForecast {
        PlanForecast(
            [("toy", StageForecast(seconds: 1, memory: memory, disk: disk))], threads: 1, store: store)
    }
}
