import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// `evaluate` and `compare`: a configuration in one line, which runs as any other.
@Suite struct EvaluateCommandTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// Types something in the scratch folder, beside the store.
    private func typed(_ arguments: String...) throws -> Command.Outcome {
        try command.started(
            "/usr/bin/env",
            ["-C", command.scratch.path.string, "COLUMNS=100", D3LLMCommand.executable.string] + arguments
        ).wait()
    }

    private func shown(_ outcome: Command.Outcome) throws -> JSONValue {
        try #require(outcome.code == 0, "\(outcome.log)")
        return JSONValue(try JSONDocument(parsing: Array(outcome.output.utf8), name: "shown").root)
    }

    private func makeStudent() throws {
        let made = try typed("run", D3LLMCommand.micro, "--no-forecast", "--only", "multi")
        try #require(made.code == 0, "\(made.log)")
    }

    @Test func anArtifactIsAskedWhatItsExperimentAsks() throws {
        try makeStudent()
        let config = try shown(typed("evaluate", "micro/student", "--limit", "6", "--show"))
        #expect(config["name"] == "evaluate/micro-student-own" && config["seed"] == 7)
        #expect(
            config["stages"]?.object?.keys == [
                "problems", "tokenizer", "teacher", "trajectories", "student", "multi-block",
            ])
        // The matrix is the experiment's question; the rest of the setting is how it decodes.
        #expect(
            config["stages"]?["multi-block"] == [
                "kind": "evaluate", "model": "@student", "data": "@problems", "limit": 6, "groupSize": 6,
                "decoder": [
                    "method": "multi-block", "generationLength": 48, "blockLength": 8,
                    "blockAddThreshold": 0.5, "idleEvaluation": "corrected",
                ],
            ])
        let before = try command.listing()
        _ = try shown(typed("evaluate", "micro/student", "--method", "entropy", "--show"))
        #expect(try command.listing() == before)

        let run = try typed("evaluate", "micro/student", "--limit", "6", "--no-forecast")
        #expect(run.code == 0, "\(run.log)")
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(
            lines.first?.hasPrefix("multi-block: TPF ") == true && lines.first?.hasSuffix(", n 6") == true)
        // Only the new stage is made, and the command says which it wrote.
        #expect(run.log.contains("[6/6] multi-block: ") && !run.log.contains("[5/6]"), "\(run.log)")
        #expect(run.log.contains(#"  "multi-block": {"kind":"evaluate","model":"@student","#))
        let repeated = try #require(lines.first { $0.hasPrefix("Repeat it: d3llm run ") })
        let again = try typed("run", String(repeated.dropFirst("Repeat it: d3llm run ".count)))
        #expect(again.code == 0 && again.log.contains("Everything is cached: all 6 stages."), "\(again.log)")
        #expect(try typed("runs", "evaluate/micro-student-own").code == 0)
    }

    @Test func methodsAndModelsAreComparedInATable() throws {
        try makeStudent()
        let run = try typed(
            "compare", "micro/student", "--methods", "vanilla,multi-block", "--sweep", "threshold=0.1,0.5",
            "--limit", "8", "--no-forecast")
        #expect(run.code == 0, "\(run.log)")
        let names = run.output.split(separator: "\n").prefix(3).compactMap { $0.split(separator: ":").first }
        #expect(names == ["vanilla", "multi-block[threshold=0.1]", "multi-block[threshold=0.5]"])
        #expect(run.output.contains("Accuracy under parallelism\n"))
        #expect(run.output.contains("See it: d3llm report compare/micro-student-own\n"))
        // Nothing is claimed in it, so that no table of claims is printed; the artifact keeps its bytes.
        #expect(run.output.contains("Operating points") && !run.output.contains("Claims,"), "\(run.output)")
        let own = try typed("table", "--run", "compare/micro-student-own", "--format", "latex")
        #expect(own.code == 0, "\(own.log)")
        #expect(
            own.output.contains(
                "\\caption{Accuracy, tokens per forward and AUP of compare/micro-student-own}"))
        #expect(own.output.contains("Method & Acc. (\\%) & TPF & AUP \\\\"))
        for method in ["vanilla", "multi-block"] {
            #expect(
                own.output.split(separator: "\n").contains { $0.hasPrefix("\(method) & ") }, "\(own.output)")
        }
        let two = try shown(
            typed("compare", "micro/teacher", "micro/student", "--methods", "multi-block", "--show"))
        #expect(
            two["stages"]?["table"]?["curves"] == [
                "micro/teacher multi-block": "@micro-teacher-multi-block",
                "micro/student multi-block": "@micro-student-multi-block",
            ])
        #expect(two["stages"]?["table"]?["reference"] == "@micro-teacher-multi-block")
    }

    @Test func benchmarksBringTheirDataAndALockFile() throws {
        let config = try shown(
            typed(
                "evaluate", "d3llm-dream", "--task", "gsm8k-cot", "--limit", "20", "--method", "multi-block",
                "--show"))
        #expect(FileSystem.exists(command.scratch.path.appending("data.lock")))
        #expect(
            config["stages"] == [
                "model": ["kind": "checkpoint", "input": "d3llm-dream"],
                "gsm8k-data": ["kind": "fetch", "input": "gsm8k"],
                "gsm8k-cot": [
                    "kind": "benchmark", "task": "gsm8k-cot", "family": "dream", "file": "@gsm8k-data",
                ],
                "multi-block": [
                    "kind": "evaluate", "model": "@model", "data": "@gsm8k-cot", "limit": 20,
                    "decoder": ["method": "multi-block", "family": "dream"],
                ],
            ])
        let pins = config["pins"]?["gsm8k"]?.object
        #expect(pins?.keys == ["train.jsonl", "test.jsonl"])
        // Nothing is downloaded where that isn't allowed.
        let offline = try typed(
            "evaluate", "d3llm-dream", "--task", "gsm8k-cot", "--method", "vanilla", "--offline",
            "--no-forecast")
        #expect(offline.code != 0)
    }

    @Test func aFolderAndAFileOfQuestionsAreTakenByTheirDigests() throws {
        try makeStudent()
        let artifact = try #require(
            try FileSystem.list(command.experiment).first { $0.hasPrefix("student-") })
        let copied = try command.started(
            "/bin/cp",
            [
                "-r", command.experiment.appending(artifact).string,
                command.scratch.path.appending("mine").string,
            ]
        ).wait()
        try #require(copied.code == 0)
        try FileSystem.remove(command.scratch.path.pushing("mine/artifact.json"))
        try FileSystem.writeAtomically(
            #"{"question": "Emma has 3 coins. How many?", "answer": "3"}"# + "\n",
            to: command.scratch.path.appending("q.jsonl"))
        let config = try shown(typed("evaluate", "./mine", "--data", "q.jsonl", "--show"))
        #expect(config["name"] == "evaluate/mine-q")
        #expect(config["stages"]?["model"]?["kind"] == "model-folder")
        #expect(config["stages"]?["model"]?["digest"]?.string?.utf8.count == 64)
        #expect(config["stages"]?["questions"] == ["kind": "questions", "file": "@file", "testPercent": 100])
        #expect(config["stages"]?["multi-block"]?["decoder"] == ["method": "multi-block"])
        let unasked = try typed("evaluate", "./mine")
        #expect(
            unasked.code == 2
                && unasked.log.contains("Which questions? Name a benchmark with --task (gsm8k-cot, "))
    }

    @Test func whatCannotBeMeantIsToldWithItsCure() throws {
        func refused(_ arguments: String..., code: Int32 = 2) throws -> String {
            let outcome = try command.started(
                "/usr/bin/env",
                ["-C", command.scratch.path.string, "COLUMNS=100", D3LLMCommand.executable.string] + arguments
            ).wait()
            #expect(outcome.code == code, "\(arguments): \(outcome.log)")
            return outcome.log
        }
        #expect(
            try refused("evaluate", "nobody", "--task", "math").contains("Nor is it an input of data.lock"))
        #expect(
            try refused("evaluate", "d3llm-llada", "--task", "gsm8k", "--method", "vanilla")
                .contains("There is no benchmark \"gsm8k\". They are: gsm8k-cot, "))
        #expect(
            try refused("evaluate", "d3llm-llada", "--task", "math").contains(
                "name the decoding method (--method"))
        #expect(
            try refused("evaluate", "d3llm-llada", "--task", "math", "--method", "multiblock")
                .contains("Did you mean \"multi-block\"?"))
        #expect(
            try refused(
                "evaluate", "d3llm-llada", "--task", "math", "--method", "vanilla", "--set", "treshold=1"
            ).contains("which is no option of vanilla"))
        #expect(
            try refused("evaluate", "d3llm-llada", "--task", "math", "--data", "x", code: 64)
                .contains("Give --task or --data, not both."))
        #expect(try refused("compare", code: 64).contains("Missing expected argument"))
        #expect(
            try refused("evaluate", "d3llm-llada", "--data", "none.jsonl", "--method", "vanilla", code: 3)
                .contains("none.jsonl"))
    }
}
