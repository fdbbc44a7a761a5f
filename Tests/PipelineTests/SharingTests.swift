import Files
import SystemPackage
import Testing

@testable import ArtifactStore
@testable import Recipes
@testable import Runs

/// The same recipe in another experiment is the same artifact.
@Suite struct SharingTests {
    let folder: TemporaryFolder
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = Store(folder.path.appending("store"))
    }

    private func experiment(_ name: String, count: Int = 2) throws -> Experiment {
        try parse(
            #"{"name": "\#(name)", "seed": 1, "stages": {"\#(name)Numbers": {"kind": "source", "count": \#(count)}}}"#
        )
    }

    private func run(_ experiment: Experiment) throws -> StageOutcome {
        let outcome = try Runner(experiment, store: store, reporter: Log().reporter).run()
        return try #require(outcome.stages.first)
    }

    @Test func whatAnotherExperimentMadeIsTakenFromThere() throws {
        let first = try run(experiment("one"))
        let second = try run(experiment("two"))
        #expect(!first.wasCached && second.wasCached)
        #expect(second.artifact.folder == first.artifact.folder)
        let plan = try Plan(experiment("two"), store: store)
        #expect(plan.entries[0].status == .cached)
        #expect(plan.entries[0].reason == first.artifact.folder.string)
        #expect(try run(experiment("three", count: 3)).wasCached == false)
    }

    enum Hint: String, CaseIterable { case missing, empty, outside, absolute, elsewhere, folder }

    @Test(
        "a hint that doesn't lead to the artifact costs the reuse and nothing else", arguments: Hint.allCases)
    func wrongHints(hint: Hint) throws {
        let made = try run(experiment("one")).artifact
        let file = store.root.appending(".index").appending(made.record.fingerprint)
        #expect(FileSystem.exists(file))
        switch hint {
        case .missing: try FileSystem.remove(file)
        case .empty: try FileSystem.writeAtomically("", to: file)
        case .outside: try FileSystem.writeAtomically("../store/one\n", to: file)
        case .absolute: try FileSystem.writeAtomically("\(made.folder)\n", to: file)
        case .elsewhere: try FileSystem.writeAtomically("one/nothing\n", to: file)
        case .folder:
            try FileSystem.remove(file)
            try FileSystem.createDirectory(file)
        }
        let again = try run(experiment("two"))
        #expect(!again.wasCached)
        #expect(again.artifact.folder != made.folder)
    }

    @Test func aDamagedOriginalIsLeftToItsOwnersAndMadeAgain() throws {
        let made = try run(experiment("one")).artifact
        try FileSystem.writeAtomically("0", to: made.folder.pushing("data/numbers.txt"))
        let again = try run(experiment("two"))
        #expect(!again.wasCached)
        #expect(FileSystem.exists(made.folder))
    }
}
