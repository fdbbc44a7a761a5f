import ArtifactStore
import Files
import Recipes
import SystemPackage
import TestSupport
import Testing

@testable import History

/// A store as pages.
@Suite struct StoreBrowserTests {
    private func page(_ path: String, of store: Store) -> String? {
        guard case .page(let html, _)? = StoreBrowser(store, registry: StageRegistry([])).answer(path) else {
            return nil
        }
        return html
    }

    @Test func everyPageLeadsToTheNext() throws {
        let sketch = try SketchStore.small()
        let all = try #require(page("/", of: sketch.store))
        #expect(
            all.contains(#"<a href="/experiment/mini/toy">mini/toy</a>"#)
                && all.contains("table of 20261130T110000Z-2"))
        let runs = try #require(page("/experiment/mini/toy", of: sketch.store))
        #expect(runs.contains(#"<a href="/run/mini/toy/20261130T100000Z-1">20261130T100000Z-1</a>"#))
        #expect(runs.contains("stages.student.steps: 60 → 120"))
        let run = try #require(page("/run/mini/toy/20261130T100000Z-1", of: sketch.store))
        #expect(
            run.contains("mini/toy/runs/20261130T100000Z-1: finished after 1 min 15 s, 2 of 2 stages done"))
        #expect(
            run.contains(
                #"<a href="/stage/mini/toy/20261130T100000Z-1/vanilla20261130T100000Z-1">vanilla</a>"#))
        let stage = try #require(
            page("/stage/mini/toy/20261130T100000Z-1/table20261130T100000Z-1", of: sketch.store))
        // The table's text, and what the artifact's record says.
        #expect(stage.contains("<pre>t</pre>") && stage.contains("table of 20261130T100000Z-1"))
        #expect(stage.contains("d3LLM is faster"))
    }

    @Test func lossesOfRunsLieOverOneAnother() throws {
        let sketch = try SketchStore.small()
        for (name, losses) in [("20261130T100000Z-1", [3.0, 2, 1]), ("20261130T110000Z-2", [3.0, 2.5, 2])] {
            let folder = sketch.store.root.pushing(FilePath("mini/toy/vanilla-\(name)"))
            let lines = losses.enumerated().map {
                #"{"phase": "p", "step": \#($0 * 25 + 25), "loss": \#($1)}"# + "\n"
            }
            try FileSystem.writeAtomically(lines.joined(), to: folder.appending("training.jsonl"))
        }
        let runs = try #require(page("/experiment/mini/toy", of: sketch.store))
        let start = try #require(runs.firstRange(of: "<svg"))
        let chart = runs[start.lowerBound...]
        #expect(chart.contains("20261130T100000Z-1") && chart.contains("20261130T110000Z-2"))
        let stage = try #require(
            page("/stage/mini/toy/20261130T100000Z-1/vanilla20261130T100000Z-1", of: sketch.store))
        #expect(stage.contains("<svg"))
    }

    @Test func samplesAreShownWithTheWrongOnesFirst() throws {
        let sketch = try SketchStore.small()
        let folder = sketch.store.root.pushing("mini/toy/vanilla-20261130T100000Z-1")
        let lines = [
            #"{"journal":1,"fingerprint":"00"}"#,
            #"{"key":"a","value":{"correct":true,"text":"<b>right</b>"}}"#,
            #"{"key":"b","value":{"correct":false,"text":"wrong\u0007"}}"#, "",
        ]
        try FileSystem.writeAtomically(
            lines.joined(separator: "\n"), to: folder.appending("samples.jsonl"))
        let stage = try #require(
            page("/stage/mini/toy/20261130T100000Z-1/vanilla20261130T100000Z-1", of: sketch.store))
        let wrong = try #require(stage.firstRange(of: #"wrong\u{7}"#))
        let right = try #require(stage.firstRange(of: "&lt;b"))
        #expect(wrong.lowerBound < right.lowerBound && !stage.contains("<b>right"))
    }

    @Test func pathsNameOnlyWhatTheStoreLists() throws {
        let sketch = try SketchStore.small()
        try FileSystem.writeAtomically(
            "<p>x", to: sketch.store.root.pushing("mini/toy/runs/20261130T100000Z-1/report.html"))
        let browser = StoreBrowser(sketch.store, registry: StageRegistry([]))
        guard case .report(let bytes)? = browser.answer("/report/mini/toy/20261130T100000Z-1") else {
            Issue.record("the report isn't found")
            return
        }
        #expect(bytes == Array("<p>x".utf8))
        for path in [
            "/experiment", "/experiment/mini", "/experiment/mini/toy/..", "/run/mini/toy",
            "/run/mini/toy/nothing",
            "/run/mini/toy/..", "/stage/mini/toy/20261130T100000Z-1/../../x",
            "/stage/mini/toy/20261130T100000Z-1",
            "/report/mini/toy/20261130T110000Z-1", "/etc/passwd", "/%2e%2e/",
        ] {
            if browser.answer(path) != nil { Issue.record("there is something at \(path)") }
        }
        // A run that was killed has a page too.
        #expect(
            page("/run/mini/toy/20261130T120000Z-1", of: sketch.store)?.contains("running, 0 of 0 stages")
                == true)
    }
}
