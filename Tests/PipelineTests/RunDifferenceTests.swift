import Files
import JSON
import Recipes
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Audit
@testable import Runs

@Suite struct RunDifferenceTests {
    private func second(of run: FinishedRun, set: [String], machine: JSONObject = [:]) throws -> RunLocation {
        let outcome = try Runner(
            try parse(chain, set: set), store: run.store, options: .init(machineExtras: { machine })
        ).run()
        return try RunLocation.find(try #require(outcome.record).string, in: run.store)
    }

    @Test func aRunIsTheSameAsItself() throws {
        let run = try FinishedRun()
        let difference = try RunDifference(run.location, run.location)
        #expect(difference.isSame && difference.circumstances.isEmpty && difference.sameCount == 6)
        #expect(
            difference.text.hasSuffix(
                "The runs are the same: 6 stages, same recipes, same files, same numbers.\n"))
    }

    @Test func storesMayDiffer() throws {
        let (one, two) = (try FinishedRun(), try FinishedRun())
        let difference = try RunDifference(one.location, two.location)
        #expect(difference.isSame, "\(difference.text)")
    }

    @Test func ownAndInheritedReasonsAreTold() throws {
        let run = try FinishedRun()
        let difference = try RunDifference(
            run.location,
            try second(of: run, set: ["stages.numbers.count=4", "stages.single.decoder.threshold=0.75"]))
        #expect(difference.sameCount == 0 && difference.stages.count == 6)
        let numbers = try #require(difference.stages.first { $0.stage == "numbers" })
        #expect(numbers.reasons == ["count: 5 → 4"] && numbers.files == ["data/numbers.txt"])
        #expect(numbers.numbers.map(\.description) == ["count: 5 → 4"])
        let curve = try #require(difference.stages.first { $0.stage == "curve[threshold=0.5]" })
        #expect(curve.reasons == ["input data changed: count of @numbers: 5 → 4"])
        #expect(curve.numbers.map(\.description) == ["sum: 67.5 → 43"])
        let single = try #require(difference.stages.first { $0.stage == "single" })
        #expect(
            single.reasons == ["decoder.threshold: 0.5 → 0.75, input data changed: count of @numbers: 5 → 4"])
        #expect(difference.circumstances.contains { $0.path == "config.overrides[0]" })
    }

    @Test func anotherRecipeCanGiveTheSame() throws {
        let run = try FinishedRun()
        let difference = try RunDifference(
            run.location, try second(of: run, set: ["stages.single.groupSize=5"]))
        let single = try #require(difference.stages.first { $0.stage == "single" })
        #expect(single.numbers.isEmpty && single.reasons.first == "groupSize: 1 → 5")
        let table = try #require(difference.stages.first { $0.stage == "table" })
        #expect(
            table.hasSameContent
                && table.reasons == ["input curves.alone changed: groupSize of @single: 1 → 5"])
        #expect(difference.text.contains("4 stages the same, 1 differ, 1 gave the same from another recipe."))
    }

    @Test func anotherMachineIsASuspect() throws {
        let (one, two) = (try FinishedRun(), try FinishedRun())
        let record = try two.artifact("single").appending("artifact.json")
        try two.edit(record, #""sum": 67.5"#, #""sum": 67.25"#)
        let unexplained = try RunDifference(one.location, two.location)
        let entry = try #require(unexplained.stages.first)
        #expect(unexplained.stages.count == 1 && entry.isUnexplained && entry.stage == "single")
        #expect(entry.reasons.first?.hasPrefix("nothing that is recorded differs") == true)
        #expect(unexplained.text.contains("1 of them for no recorded reason"))
        try two.edit(record, #""processor": ""#, #""processor": "Other "#)
        let explained = try RunDifference(one.location, two.location)
        #expect(explained.stages.first?.isUnexplained == false)
        #expect(
            explained.stages.first?.reasons.first?.hasPrefix("the machine was another: processor: ") == true)
    }

    @Test func stagesOfOneRunOnlyAndArtifactsThatAreGoneAreTold() throws {
        let run = try FinishedRun()
        let other = try Runner(
            try parse(chain), store: run.store,
            options: .init(only: ["single"], force: ["single"])
        ).run()
        let location = try RunLocation.find(try #require(other.record).string, in: run.store)
        let difference = try RunDifference(run.location, location)
        #expect(difference.onlyOld.contains("table") && difference.onlyNew.isEmpty && !difference.isSame)
        try FileSystem.remove(try run.artifact("single"))
        let gone = try RunDifference(run.location, location)
        #expect(gone.missing.map(\.stage) == ["single"])
        #expect(
            gone.text.contains("single: can't be compared, an artifact isn't whole in its store any more"))
    }
}
