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
                    "d3llm-long-gsm8k", "d3llm-humaneval", "d3llm-math", "d2f-mbpp",
                ]
            ),
            (
                "d3llm-dream", ["dream-7b-instruct", "d3llm-dream"],
                [
                    "dream-gsm8k-cot", "d3llm-gsm8k-cot", "d3llm-humaneval-instruct", "d3llm-math",
                    "d3llm-mbpp-instruct",
                ]
            ),
            ("d2f-table1", ["llada-8b-instruct"], ["d2f-llada-gsm8k", "d2f-llada-math"]),
            ("d2f-table2", ["dream-7b-base"], ["d2f-dream-math"]),
        ]) func chain(experiment: String, models: [String], cells: [String]) throws
    {
        let config = configurations.appending("\(experiment).json").string
        let lock = configurations.appending("data.lock").string

        // Before anything is there: the configuration is right, and the plan names what has to be fetched.
        #expect(try call(["validate", config]).code == 0)
        let early = try call(["plan", config, "--store", "\(scratch.path)/store"], offline: true)
        #expect(early.code == 0, "\(early.log)")

        let fetched = try call(
            ["fetch", "gsm8k", "humaneval", "mbpp", "math", "d2f-llada", "d2f-dream"] + models
                + ["--lock", lock])
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
        // D2F's tables have no tokens per forward, and so no points.
        if experiment.hasPrefix("d3llm") {
            #expect(html.contains("d3LLM-") && html.contains(", published</text>"))
        }
        // Points that can't be compared are drawn, and the page says why they can't.
        #expect(html.contains("Not comparable: the command line changed the experiment"))
        if cells.contains(where: { $0.hasSuffix("gsm8k-cot") }) {
            #expect(html.contains("Janet") && !html.contains("not in the store"))
        }
    }

    @Test(
        "a student is distilled from published trajectories and decodes a benchmark",
        arguments: [("llada", "llada-8b-instruct"), ("dream", "dream-7b-instruct")])
    func distilled(family: String, model: String) throws {
        let config = configurations.appending("distill-\(family).json").string
        let lock = configurations.appending("data.lock").string
        #expect(try call(["plan", config, "--store", "\(scratch.path)/store"], offline: true).code == 0)
        let fetched = try call(["fetch", "gsm8k", "\(family)-trajectories", model, "--lock", lock])
        #expect(fetched.code == 0, "\(fetched.log)")
        let changes = [
            "variables.generationLength=64", "stages.gsm8k-cot.limit=2", "stages.student.steps=2",
            "stages.student.batch=3", "stages.student.adapter.rank=4", "stages.student.precision=float32",
        ]
        let run = [
            "run", config, "--store", "\(scratch.path)/store", "--no-forecast", "--only", "d3llm-gsm8k-cot",
        ]
        let made = try call(run + changes.flatMap { ["--set", $0] }, offline: true)
        #expect(made.code == 0, "\(made.log)")
        let verified = try call(
            ["verify", "paper/distill-\(family)", "--store", "\(scratch.path)/store", "--rerun", "2"])
        #expect(verified.code == 0, "\(verified.output)\(verified.log)")
        #expect(verified.output.contains("over 6 answers"), "\(verified.output)")
    }

    @Test("the paper's chain: a teacher's trajectories over real questions, a student, a sweep and the AUP")
    func fromScratch() throws {
        let config = configurations.appending("d3llm-llada-from-scratch.json").string
        let lock = configurations.appending("data.lock").string
        #expect(try call(["validate", config]).code == 0)
        let early = try call(["plan", config, "--store", "\(scratch.path)/store"], offline: true)
        #expect(early.code == 0 && early.output.contains("trajectories"), "\(early.log)")
        let fetched = try call(["fetch", "gsm8k", "llada-8b-instruct", "--lock", lock])
        #expect(fetched.code == 0, "\(fetched.log)")
        // What stands in for the model is never right, and a student needs something to learn from.
        let changes = [
            "variables.generationLength=64", "stages.gsm8k-cot.limit=4", "stages.trajectories.count=3",
            "stages.trajectories.attempts=2", "stages.trajectories.keep=all", "stages.student.steps=2",
            "stages.student.batch=3", "stages.student.adapter.rank=4", "stages.student.precision=float32",
            "stages.table.resamples=40",
        ]
        let run = ["run", config, "--store", "\(scratch.path)/store", "--no-forecast"]
        let made = try call(run + changes.flatMap { ["--set", $0] }, offline: true)
        #expect(made.code == 0, "\(made.log)")
        #expect(made.output.contains("Accuracy under parallelism"), "\(made.output)")
        #expect(made.log.contains("7473 records to train on"), "\(made.log)")
        let verified = try call(
            [
                "verify", "paper/d3llm-llada-from-scratch", "--store", "\(scratch.path)/store", "--rerun",
                "2",
            ])
        #expect(verified.code == 0, "\(verified.output)\(verified.log)")
        #expect(
            verified.output.contains("prompts                   all 3 files are the same"),
            "\(verified.output)")
        #expect(verified.output.contains("over 3 answers"), "\(verified.output)")
    }

    @Test("trajectories of both teachers over upstream's prompts, in the published form")
    func trajectories() throws {
        let config = configurations.appending("trajectories.json").string
        let lock = configurations.appending("data.lock").string
        let inputs = [
            "dparallel-llada-data", "dparallel-dream-data", "llada-8b-instruct", "dream-7b-instruct",
        ]
        let fetched = try call(["fetch"] + inputs + ["--lock", lock])
        #expect(fetched.code == 0, "\(fetched.log)")
        let changes = ["variables.count=4", "variables.generationLength=32", "stages.llada.attempts=2"]
        let run = ["run", config, "--store", "\(scratch.path)/store", "--no-forecast"]
        let made = try call(run + changes.flatMap { ["--set", $0] }, offline: true)
        #expect(made.code == 0, "\(made.log)")
        #expect(made.log.contains("llada: "), "\(made.log)")
        #expect(made.log.contains("4 records to train on, 0 to test; 4 with a response, 4 graded"))
        let verified = try call(
            ["verify", "paper/trajectories", "--store", "\(scratch.path)/store", "--rerun", "2"])
        #expect(verified.code == 0, "\(verified.output)\(verified.log)")
    }

    @Test("every experiment of the folder is right and can be planned without a network")
    func plans() throws {
        let names = try FileSystem.list(configurations).filter { $0.hasSuffix(".json") && $0 != "data.json" }
        #expect(names.count >= 8)
        for name in names {
            let config = configurations.appending(name).string
            let valid = try call(["validate", config], offline: true)
            #expect(valid.code == 0, "\(valid.log)")
            let plan = try call(
                ["plan", config, "--store", "\(scratch.path)/store", "--no-forecast"], offline: true)
            #expect(plan.code == 0 && plan.output.contains("will run"), "\(plan.log)")
        }
        #expect(mirror.server.connections == 0)
    }

    /// The benchmark of a cell: the end of its name.
    private static func task(_ cell: String) -> String {
        for task in [
            "long-gsm8k", "humaneval-instruct", "gsm8k-cot", "gsm8k", "humaneval", "mbpp-instruct", "mbpp",
            "math",
        ]
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
