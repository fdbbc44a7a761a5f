import ArtifactStore
import Audit
import Files
import JSON
import Measures
import Recipes
import Runs
import StageBasics
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages
@testable import Stages

@Suite struct RunReportTests {
    /// The run of the micro experiment, made once for all tests.
    private static let shared = Result { () throws -> MicroExperiment in
        let micro = try MicroExperiment()
        try micro.run()
        return micro
    }

    private func report(
        _ micro: MicroExperiment, _ options: RunReport.Options = .init(threads: 2)
    ) throws -> RunReport {
        try RunReport(
            try RunLocation.find("micro", in: micro.store), registry: Stages.registry, options: options)
    }

    /// The part of a page that scripts read.
    private func data(_ html: String) throws -> JSONNode {
        let start = try #require(html.firstRange(of: "id=\"data\">"))
        let rest = html[start.upperBound...]
        let end = try #require(rest.firstRange(of: "</script>"))
        return try JSONDocument(parsing: Array(rest[..<end.lowerBound].utf8), name: "data").root
    }

    @Test func sameRunGivesSameBytes() throws {
        let micro = try Self.shared.get()
        let one = try report(micro, .init(threads: 1))
        let two = try report(micro, .init(threads: 2))
        #expect(one.html == two.html)
        #expect(one.notes.isEmpty, "\(one.notes)")
    }

    @Test func everyMethodHasItsSamplesAndTrajectories() throws {
        let report = try report(try Self.shared.get())
        let data = try data(report.html)
        let methods = data["samples"]?["methods"]?.array?.compactMap { $0["name"]?.string }
        #expect(
            methods == ["autoregressive", "vanilla", "Fast-dLLM", "random mask", "d3LLM", "d3LLM + KV cache"])
        #expect(report.samples.shown == 6 * 36 && report.samples.all == 6 * 36)
        #expect(report.trajectories.count == 12 * 6 && report.trajectories.methods == 6)
        for run in data["traces"]?["runs"]?.array?.flatMap({ $0.array ?? [] }) ?? [] {
            // The changes of all forwards together decide every position, and no state is unknown.
            let steps = run["steps"]?.array ?? []
            let length = try #require(run["length"]?.int)
            var decided = Set<Int>()
            for step in steps {
                let parts = try #require(step.array)
                let changes = (parts[4].array ?? []).compactMap(\.int)
                for i in stride(from: 0, to: changes.count, by: 2) { decided.insert(changes[i]) }
                let states = try #require(parts[3].string)
                #expect(states.isEmpty || states.count == 6, "one digit per block of 8")
                #expect(states.allSatisfy { ("0"..."4").contains($0) })
            }
            #expect(decided.count == length)
            #expect(!steps.isEmpty && (run["nfe"]?.int ?? 0) >= steps.count)
        }
    }

    @Test func numbersAndCurvesComeBeforeWords() throws {
        let html = try report(try Self.shared.get(), .init(decodes: false)).html
        let places = try [
            "<ul class=\"numbers\">", "data-name=\"curves\"", "In short: of 1 claim", "What d3LLM does",
        ].map {
            try #require(html.firstRange(of: $0), "\($0)").lowerBound
        }
        #expect(places == places.sorted())
        // Both forms of each chart, and what those hear who can't see it.
        #expect(html.contains("<div class=\"wide\">") && html.contains("<div class=\"narrow\">"))
        #expect(html.contains("aria-label=\"Accuracy over tokens per forward. Accuracy in percent"))
        #expect(
            html.contains("<strong>1 of 1</strong> <span>claims hold</span>")
                || html.contains("<strong>0 of 1</strong>"))
    }

    /// By the rule of trajectories, what is masked in a window is what the teacher decoded last.
    @Test func lessonsMaskWhatTheTeacherDecodedLast() throws {
        let data = try data(try report(try Self.shared.get()).html)
        let teaching = try #require(data["teaching"])
        let answers = try #require(teaching["answers"]?.array)
        #expect(!answers.isEmpty && answers.count <= 3)
        var masks = 0
        for answer in answers {
            let order = try #require(answer["order"]?.array).compactMap(\.int)
            #expect(answer["tokens"]?.array?.count == order.count)
            var last = -1
            for lesson in try #require(answer["lessons"]?.array) {
                let parts = try #require(lesson.array)
                let (step, length) = (try #require(parts[0].int), try #require(parts[1].int))
                let (start, flags) = (try #require(parts[3].int), Array(try #require(parts[4].string).utf8))
                #expect(step > last && step < (teaching["steps"]?.int ?? 0))
                last = step
                #expect(start % length == 0)
                let window = flags.indices.filter { start + $0 < order.count }
                let hidden = window.filter { flags[$0] == UInt8(ascii: "1") }.map { order[start + $0] }
                let given = window.filter { flags[$0] == UInt8(ascii: "0") }.map { order[start + $0] }
                if let first = hidden.min(), let latest = given.max() { #expect(first >= latest) }
                masks += hidden.count
            }
        }
        #expect(masks > 0)
    }

    @Test func promptsAreChosenByTheStatedRule() throws {
        let micro = try Self.shared.get()
        let contents = try RunContents(
            try RunLocation.find("micro", in: micro.store), registry: Stages.registry)
        let source = ReportSource(contents: contents)
        let item = try #require(source.items(.table).first)
        let comparison = try ReportedComparison(item, try #require(item.artifact), in: contents)
        let samples = ReportSamples(source, [comparison])
        let choices = ReportTraces.choose(samples)
        let places = choices.map { $0.index }
        #expect(places.count == 12 && places == places.sorted())
        #expect(places.prefix(6) == [0, 1, 2, 3, 4, 5])
        for choice in choices where choice.reason.contains("disagree") {
            #expect(Set(samples.methods.map { $0.records[choice.index].correct }).count == 2)
        }
    }

    @Test func pageSaysVerdictLimitsAndOrigin() throws {
        let html = try report(try Self.shared.get()).html
        for text in [
            "In short: of 1 claim", "d3LLM has a larger AUP than Fast-dLLM", "One seed can",
            "Not comparable with published",
            "d3llm run micro.json --only", "bootstrap", "Wilson",
        ] {
            #expect(html.contains(text), "\(text)")
        }
        // The verdict comes before everything else.
        let verdict = try #require(html.firstRange(of: "<section id=\"verdict\""))
        #expect(html.firstRange(of: "<section")?.lowerBound == verdict.lowerBound)
        #expect(!html.contains(try Self.shared.get().scratch.path.string), "no folder of this machine")
    }

    @Test func sizeLimitIsKeptAndSaid() throws {
        let micro = try Self.shared.get()
        let whole = try report(micro)
        let limit = whole.html.utf8.count - 60_000
        let small = try report(micro, .init(sizeLimit: limit, threads: 2))
        #expect(small.html.utf8.count <= limit)
        #expect(
            small.samples.shown < small.samples.all || small.trajectories.count < whole.trajectories.count)
        let tiny = try report(micro, .init(sizeLimit: 1000, decodes: false))
        #expect(tiny.samples.shown == 0 && tiny.trajectories.count == 0)
        #expect(tiny.html.contains("<section id=\"verdict\"") && !tiny.html.contains("href=\"#samples/"))
    }

    @Test func trajectoriesCanBeLeftOut() throws {
        let report = try report(try Self.shared.get(), .init(decodes: false))
        #expect(report.trajectories.count == 0)
        #expect(report.html.contains("made without decoding samples again"))
        #expect(try data(report.html)["traces"] == nil)
    }

    /// The micro experiment under another name with "ours" in the place of "d3LLM", and more keys of its table.
    private func renamed(_ name: String, _ keys: String) throws -> (html: String, run: RunLocation) {
        let micro = try Self.shared.get()
        let text = try FileSystem.readText(Fixtures.path("experiments/micro.json"))
            .replacing("\"name\": \"micro\"", with: "\"name\": \"\(name)\"")
            .replacing("d3LLM", with: "ours")
            .replacing("\"kind\": \"aup\",", with: "\"kind\": \"aup\", \(keys)")
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "\(name).json", registry: Stages.registry)
        _ = try Runner(experiment, store: micro.store, options: .init(threads: 2)).run()
        let run = try RunLocation.find(name, in: micro.store)
        return (try RunReport(run, registry: Stages.registry, options: .init(decodes: false)).html, run)
    }

    @Test func rolesOfTheExperimentAreSpokenOf() throws {
        let (html, run) = try renamed("roles", #""subject": "ours", "baseline": "autoregressive","#)
        #expect(html.contains("Of the 1 in which ours is said to be ahead"))
        #expect(html.contains("What is measured") && !html.contains("What d3LLM does"))
        #expect(html.contains("class=\"ours\""))
        let contents = try RunContents(run, registry: Stages.registry)
        let item = try #require(ReportSource(contents: contents).items(.table).first)
        let comparison = try ReportedComparison(item, try #require(item.artifact), in: contents)
        #expect(comparison.roles.subject == "ours" && comparison.roles.baseline == "autoregressive")
        #expect([comparison].main?.item.entry.stage == "table")
    }

    @Test func withoutRolesTheLabelsOfTheProjectAreLookedFor() throws {
        let html = try renamed("noroles", "").html
        #expect(!html.contains("in which ours") && !html.contains("class=\"ours\""))
        // The micro experiment names none either.
        let own = try report(try Self.shared.get(), .init(decodes: false)).html
        #expect(own.contains("Of the 1 in which d3LLM is said to be ahead") && own.contains("class=\"ours\""))
    }

    @Test func aRoleIsOneOfTheCurves() throws {
        for key in ["subject", "baseline"] {
            #expect {
                _ = try renamed("nobody", "\"\(key)\": \"d3llm\",")
            } throws: {
                "\($0)".contains("\"d3llm\" is no curve") && "\($0)".contains("The labels are autoregressive")
            }
        }
    }
}
