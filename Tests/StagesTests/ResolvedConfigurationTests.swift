import Files
import JSON
import Recipes
import Stages
import SystemPackage
import TestSupport
import Testing

/// What a run keeps of its configuration gives the same stages again.
@Suite struct ResolvedConfigurationTests {
    @Test func everyConfigurationIsKeptWhole() throws {
        let folder = Fixtures.path("").removingLastComponent().removingLastComponent().appending("configs")
        let files = try ScratchFolder.files(below: folder).filter {
            $0.hasSuffix(".json") && !$0.hasPrefix("schema/") && !$0.hasPrefix("published/")
        }
        #expect(files.count > 3)
        for file in files {
            let experiment = try Experiment.load(
                folder.pushing(FilePath(file)), overrides: ["seed=11"], registry: Stages.registry)
            let source = try #require(experiment.source)
            // Read elsewhere: nothing in it may be relative to where it came from.
            let again = try Experiment.parse(
                try source.resolved.prettyBytes(), name: "/nowhere/experiment.json", registry: Stages.registry
            )
            #expect(again.stages.map(\.id) == experiment.stages.map(\.id), "\(file)")
            #expect(again.stages.map(\.fingerprint) == experiment.stages.map(\.fingerprint), "\(file)")
        }
    }
}
