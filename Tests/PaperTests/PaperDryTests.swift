import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// The experiments of `configs/paper` as they stand, from download to table, against a mirror on this machine.
///
/// What stands in for the models answers nonsense; what is shown is that every part fits the next.
@Suite struct PaperDryTests {
    let scratch: ScratchFolder
    let mirror: HubMirror
    static let root = Fixtures.path("").removingLastComponent().removingLastComponent()
    private var configurations: FilePath { scratch.path.appending("configs") }

    init() throws {
        scratch = try ScratchFolder()
        mirror = try HubMirror(scratch.path.appending("made"))
        try FileSystem.createDirectory(configurations)
        let source = Self.root.appending("configs/paper")
        for name in try FileSystem.list(source) {
            try FileSystem.writeAtomically(
                FileSystem.read(source.appending(name)), to: configurations.appending(name))
        }
        try FileSystem.writeAtomically(mirror.lock.prettyBytes(), to: configurations.appending("data.lock"))
    }

    private func call(_ arguments: [String], offline: Bool = false) throws -> Command.Outcome {
        var environment = [
            "HF_HOME": scratch.path.appending("hf").string,
            "D3LLM_CACHE": scratch.path.appending("d3").string,
            "HF_ENDPOINT": mirror.server.url(""), "COLUMNS": "200",
        ]
        if offline { environment["HF_HUB_OFFLINE"] = "1" }
        return try Command(
            Command.built("d3llm"), arguments, environment: environment, scratch: scratch.path
        ).wait()
    }

    @Test(
        "fetch, unpack, tokenize, decode, grade, table",
        arguments: [
            (
                "d3llm-llada", ["llada-8b-instruct", "d3llm-llada", "dparallel-llada"],
                [
                    "llada-gsm8k-cot", "fast-dllm-mbpp", "dparallel-gsm8k-cot", "d3llm-gsm8k-cot",
                    "d3llm-long-gsm8k",
                    "d3llm-humaneval",
                ]
            ),
            (
                "d3llm-dream", ["dream-7b-instruct", "d3llm-dream"],
                ["dream-gsm8k-cot", "d3llm-gsm8k-cot", "d3llm-humaneval-instruct"]
            ),
        ]) func chain(experiment: String, models: [String], cells: [String]) throws
    {
        let config = configurations.appending("\(experiment).json").string
        let lock = configurations.appending("data.lock").string

        // Before anything is there: the configuration is right, and the plan names what has to be fetched.
        #expect(try call(["validate", config]).code == 0)
        let early = try call(["plan", config, "--store", "\(scratch.path)/store"], offline: true)
        #expect(early.code == 0, "\(early.log)")

        let fetched = try call(["fetch", "gsm8k", "humaneval", "mbpp"] + models + ["--lock", lock])
        #expect(fetched.code == 0, "\(fetched.log)")
        #expect(try call(["fetch", "--check", "--lock", lock], offline: true).code == 0)

        var run = [
            "run", config, "--store", "\(scratch.path)/store", "--no-forecast", "--allow-code-execution",
        ]
        run += ["--set", "variables.generationLength=64"]
        for task in Set(cells.map(Self.task)) { run += ["--set", "stages.\(task).limit=2"] }
        for cell in cells { run += ["--only", cell] }
        // Everything is in the cache: no connection is needed.
        let made = try call(run, offline: true)
        #expect(made.code == 0, "\(made.log)")
        let again = try call(run, offline: true)
        #expect(again.code == 0 && again.log.contains("cached"), "\(again.log)")

        let verified = try call(
            ["verify", "paper/\(experiment)", "--store", "\(scratch.path)/store", "--allow-code-execution"])
        #expect(verified.code == 0, "\(verified.output)\(verified.log)")

        let table = try call([
            "table", experiment, "--store", "\(scratch.path)/store", "--published",
            Self.root.appending("configs/published").string, "--json",
        ])
        #expect(table.code == 0, "\(table.log)")
        let root = try JSONDocument(parsing: Array(table.output.utf8), name: "table").root
        let verdicts = root["verdicts"]
        // Part of a benchmark fills no cell, whatever it gives.
        #expect((verdicts?["not comparable"]?.int ?? 0) >= cells.count)
        for verdict in ["match", "within noise", "differs"] { #expect(verdicts?[verdict]?.int == 0) }
        try checkReport(experiment, cells)
    }

    /// The report of the run that ``chain(experiment:models:cells:)`` made has the questions and the published numbers.
    private func checkReport(_ experiment: String, _ cells: [String]) throws {
        let page = scratch.path.appending("report.html")
        let outcome = try call([
            "report", "paper/\(experiment)", "--store", "\(scratch.path)/store", "--output", page.string,
            "--published", Self.root.appending("configs/published").string,
        ])
        #expect(outcome.code == 0, "\(outcome.log)")
        let html = try FileSystem.readText(page)
        // For those who want to look at it.
        if let folder = Command.environment("D3LLM_PAGES") {
            try FileSystem.writeAtomically(html, to: FilePath(folder).appending("\(experiment).html"))
        }
        #expect(html.contains("id=\"published-\(experiment)\""))
        #expect(html.contains("d3LLM-") && html.contains(", published</text>"))
        // Points that can't be compared are drawn, and the page says why they can't.
        #expect(html.contains("Not comparable: the command line changed the experiment"))
        if cells.contains(where: { $0.hasSuffix("gsm8k-cot") }) {
            #expect(html.contains("Janet") && !html.contains("not in the store"))
        }
    }

    /// The benchmark of a cell: the end of its name.
    private static func task(_ cell: String) -> String {
        for task in ["long-gsm8k", "humaneval-instruct", "gsm8k-cot", "humaneval", "mbpp"]
        where cell.hasSuffix(task) {
            return task
        }
        return cell
    }

    @Test("a model that the mirror doesn't have is an error that names it, and the store stays as it was")
    func missing() throws {
        let config = configurations.appending("d3llm-llada.json").string
        let outcome = try call(
            ["run", config, "--store", "\(scratch.path)/store", "--only", "qwen-gsm8k-cot", "--no-forecast"])
        #expect(outcome.code != 0)
        #expect(outcome.log.contains("qwen2.5-7b-instruct"), "\(outcome.log)")
    }
}
