import Files
import JSON
import Stages
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

/// What records of artifacts say goes into forecasts; nonsense there may not stop the program.
///
/// `D3LLM_FUZZ=1000000` makes a fiftieth as many plans, `D3LLM_FUZZ_SEED` says what is drawn.
@Suite struct RecordFuzzTests {
    private static let tokens = [
        "0", "-1", "1e300", "-1e300", "9223372036854775807", "-9223372036854775808", "4611686018427387904",
        "1e18", "0.5",
        "null", "\"x\"", "[]", "{}", "true", "1000000000", "\"kind\"", "99999999999999999999",
    ].map { Array($0.utf8) }

    private struct Meter: SpeedMeter {
        func seconds(of work: Work) -> Double? {
            work.size.count(FactName("sequences")).map(Double.init) ?? 1e-3
        }
    }

    /// The record of an artifact without files, which is whole as such.
    private func record(_ stage: Stage) throws -> [UInt8] {
        try ArtifactRecord(
            experiment: "micro", stage: stage.id, type: type(of: stage.implementation).output.name,
            fingerprint: stage.fingerprint, recipe: stage.recipe.value, inputs: [:], files: [], summary: "",
            metrics: ["vocabulary": 120, "kept": 20, "parameters": 4000, "steps": 140], report: nil,
            started: "2026-01-01T00:00:00Z", finished: "2026-01-01T00:00:09Z", seconds: 9, isResumed: false,
            peakMemory: 1 << 28, stagesAtOnce: 1, code: [:],
            machine: Machine.current.value(threads: 1, extras: [:])
        ).value.prettyBytes()
    }

    @Test func plansOverDamagedRecordsAreMade() throws {
        let bytes = try FileSystem.read(Fixtures.path("experiments/micro.json"))
        let experiment = try Experiment.parse(bytes, name: "micro.json", registry: Stages.registry)
        // Everything is made but what is compared with it.
        let changed = try Experiment.parse(
            bytes, name: "micro.json",
            overrides: ["stages.trajectories.attempts=3", "stages.autoregressive.generationLength=64"],
            registry: Stages.registry)
        let folder = try ScratchFolder()
        let store = Store(folder.path)
        var seeds: [(path: FilePath, bytes: [UInt8])] = []
        for stage in experiment.stages {
            let place = store.folder(of: stage, in: experiment)
            try FileSystem.createDirectory(place)
            seeds.append((place.appending("artifact.json"), try record(stage)))
        }
        for seed in seeds { try FileSystem.writeAtomically(seed.bytes, to: seed.path) }
        let count = Int(Command.number("D3LLM_FUZZ") ?? 20_000) / 50
        var mutations = Mutations(Self.tokens)
        var forecasts = 0
        for _ in 0..<count {
            let damaged = (0...mutations.next(3)).map { _ in seeds[mutations.next(seeds.count)] }
            for seed in damaged {
                try FileSystem.writeAtomically(mutations.replacingValue(of: seed.bytes), to: seed.path)
            }
            do {
                let plan = try Plan(
                    mutations.next(2) == 0 ? experiment : changed, store: store,
                    forecaster: Forecaster(Meter(), threads: 2))
                #expect(!plan.text.isEmpty)
                _ = try? plan.value.compactBytes()
                if plan.forecast?.seconds != nil { forecasts += 1 }
            } catch let error as StoreError { #expect(error.description.contains("newer version")) }
            for seed in damaged { try FileSystem.writeAtomically(seed.bytes, to: seed.path) }
        }
        #expect(forecasts > count / 10, "\(forecasts) of \(count)")
        if Command.number("D3LLM_FUZZ") != nil { print("fuzz: \(count) plans over damaged records") }
    }
}
