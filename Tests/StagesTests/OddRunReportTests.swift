import ArtifactStore
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages
@testable import Stages

/// Reports of runs that aren't as they should be.
@Suite struct OddRunReportTests {
    private func report(_ micro: MicroExperiment) throws -> RunReport {
        try RunReport(
            try RunLocation.find("micro", in: micro.store), registry: Stages.registry,
            options: .init(threads: 2))
    }

    private func folder(_ micro: MicroExperiment, _ prefix: String) throws -> FilePath {
        let experiment = micro.store.root.appending("micro")
        let name = try #require(FileSystem.list(experiment).first { $0.hasPrefix(prefix) })
        return experiment.appending(name)
    }

    @Test func sampleThatComesOutOtherwiseIsNamedAndNotShown() throws {
        let micro = try MicroExperiment()
        try micro.run(only: ["vanilla"])
        try MicroExperiment.tamper(try folder(micro, "vanilla-").appending("samples.jsonl")) { bytes in
            // The text of the first sample becomes a script, of which nothing may come alive.
            let start = Array("\"text\":\"".utf8)
            guard let place = bytes.indices.first(where: { bytes[$0...].starts(with: start) }) else { return }
            let script = Array("<script>1</script>".utf8)
            bytes.replaceSubrange(place + start.count..<place + start.count + script.count, with: script)
        }
        let report = try report(micro)
        #expect(report.trajectories.count == 11)
        #expect(report.notes.contains { $0.hasPrefix("test-0 of vanilla isn't shown") }, "\(report.notes)")
        #expect(report.html.contains("\\u003cscript\\u003e1\\u003c/script\\u003e"))
        #expect(!report.html.contains("<script>1"))
        #expect(report.html.contains("No table was made in this run"))
    }

    @Test func failedRunShowsWhatThereIs() throws {
        let micro = try MicroExperiment()
        #expect(throws: (any Error).self) { try micro.run(set: ["stages.teacher.generationLength=2"]) }
        let report = try report(micro)
        #expect(report.html.contains("This run failed"))
        #expect(report.html.contains("generationLength is 2; raise it"))
        #expect(report.html.contains("This run has no samples to decode again."))
        #expect(report.samples.all == 0)
    }

    @Test func artifactThatIsGoneIsSaid() throws {
        let micro = try MicroExperiment()
        try micro.run(only: ["vanilla"])
        try FileSystem.remove(try folder(micro, "teacher-"))
        let report = try report(micro)
        #expect(report.trajectories.count == 0 && report.samples.shown == 36)
        #expect(report.notes.contains { $0.contains("isn't in the store any more") }, "\(report.notes)")
    }

    @Test func damagedTableIsAnError() throws {
        let micro = try MicroExperiment()
        try micro.run()
        try MicroExperiment.tamper(try folder(micro, "table-").appending("sweep.csv")) { bytes in
            replace("\nvanilla,", with: "\nvanilla;", in: &bytes)
        }
        #expect(throws: (any Error).self) { try self.report(micro) }
    }
}
