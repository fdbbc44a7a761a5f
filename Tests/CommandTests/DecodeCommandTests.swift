import Files
import JSON
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `d3llm decode` and `d3llm chat` where standard output is no terminal.
@Suite struct DecodeCommandTests {
    let command: D3LLMCommand
    static let model = Fixtures.path("live/words").string
    static let sample = ["--data", Fixtures.path("live/problems").string, "--sample", "test-1"]

    init() throws { command = try D3LLMCommand() }

    /// The speed is another one each time.
    static func normalized(_ text: String) -> String {
        text.replacing(/[0-9]+ tokens\/s/, with: "N tokens/s")
    }

    @Test func plainTextIsAsRecorded() throws {
        let outcome = try command.start(["decode", Self.model] + Self.sample).wait()
        #expect(outcome.code == 0 && outcome.log.isEmpty, "\(outcome.log)")
        let text = Self.normalized(outcome.output)
        #expect(try text == Snapshots.recorded("command/decode.txt", now: text))
        #expect(!outcome.output.contains("\u{1B}"))
        // The data set beside the model is meant where none is named.
        let beside = try command("decode", Self.model, "--sample", "test-1")
        #expect(Self.normalized(beside.output) == text, "\(beside.log)")
    }

    @Test func eachEventIsALineOfJSON() throws {
        let line = [
            "decode", Self.model, "--method", "multi-block-cache", "--set", "threshold=0.25", "--json",
        ]
        let outcome = try command.start(line + Self.sample).wait()
        #expect(outcome.code == 0, "\(outcome.log)")
        let events = try outcome.output.split(separator: "\n").map {
            JSONValue(try JSONDocument(parsing: Array($0.utf8), name: "event").root)
        }
        #expect(events.first?["event"] == "start" && events.last?["event"] == "end")
        #expect(events.dropFirst().dropLast().allSatisfy { $0["event"] == "step" })
        #expect(events.first?["options"]?["threshold"]?.double == 0.25)
        var shape = ""
        for event in [events.first, events.dropFirst().first, events.last] {
            for member in event?.object?.members ?? [] {
                let inner = member.value.array?.first?.object ?? member.value.object
                shape += "\(member.key): \(inner?.keys.joined(separator: ", ") ?? "")\n"
            }
        }
        #expect(try shape == Snapshots.recorded("command/json-decode.txt", now: shape))
    }

    /// A model of a run that has a table is decoded as the table says, unless the command line says otherwise.
    @Test func theOperatingPointOfTheModelsRunIsTheDefault() throws {
        let decoder = #"{"method": "fast-dllm", "generationLength": 24, "blockLength": 8}"#
        let config = try command.config(
            """
            {"name": "small", "seed": 3, "stages": {
              "problems": {"kind": "synthesize", "train": 8, "test": 8, "steps": 1},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer",
                "model": {"layers": 1, "width": 16, "heads": 2, "feedForwardWidth": 32},
                "phases": [{"name": "a", "steps": 2, "mixture": [{"objective": "llada", "rows": 4}]}]},
              "fast": {"kind": "evaluate", "model": "@teacher", "data": "@problems", "decoder": \(decoder),
                "matrix": {"decoder.threshold": [0.9, 0.01]}},
              "table": {"kind": "aup", "reference": "@fast[threshold=0.9]", "data": "@problems", "resamples": 40,
                "curves": {"quick": "@fast"}, "claims": []}
            }}
            """)
        let store = ["--store", command.store.string]
        let made = try command.start(["run", config] + store).wait()
        #expect(made.code == 0, "\(made.log)")
        let asked = ["decode", "small/teacher", "--sample", "test-0"] + store
        let sentence = "Setting of quick's operating point in small: threshold 0.01"
        let plain = try command.start(asked).wait()
        let lines = plain.output.split(separator: "\n")
        #expect(
            plain.code == 0 && lines.dropFirst().first == Substring(sentence), "\(plain.output) \(plain.log)")
        #expect(lines.first?.hasPrefix("teacher") == true && lines.first?.contains("fast-dllm") == true)
        // Nothing was learned.
        let solution = try FileSystem.readText(
            command.store.appending("small").appending(
                #require(
                    FileSystem.list(command.store.appending("small")).first { $0.hasPrefix("problems-") })
            ).appending("test.jsonl"))
        let answer = try #require(solution.firstMatch(of: /"answer":([0-9]+)/)).1
        #expect(lines.last == "wrong: the answer to test-0 is \(answer)")
        let changed = try command.start(asked + ["--set", "threshold=0.5"]).wait()
        #expect(changed.output.contains("\(sentence); changed: threshold 0.5\n"), "\(changed.output)")
        let named = try command.start(asked + ["--method", "vanilla"]).wait()
        #expect(named.code == 0 && !named.output.contains("Setting of"))
        let chat = try command.shell(
            "echo Anna | \"$0\" chat small/teacher --store \(command.store.string)")
        #expect(chat.code == 0 && chat.log.contains("\(sentence)."), "\(chat.log)")
    }

    @Test func aModelInGGUFIsNamedByItsFileOrFolder() throws {
        let folder = Fixtures.path("gguf/llama").string
        let length = ["--set", "generationLength=8", "the words"]
        let one = try command.start(["decode", folder] + length).wait()
        let other = try command.start(["decode", "\(folder)/model.gguf"] + length).wait()
        #expect(one.code == 0 && other.code == 0, "\(one.log) \(other.log)")
        // The first line has the model's name, which is the folder's or the file's.
        func steps(_ text: String) -> [Substring] {
            Array(Self.normalized(text).split(separator: "\n").dropFirst())
        }
        #expect(steps(one.output) == steps(other.output) && steps(one.output).count >= 8)
        let unknown = try command.start(["decode", Fixtures.path("gguf/blocks.gguf").string] + length).wait()
        #expect(
            unknown.code == 3
                && unknown.log.contains("blocks.gguf: tensor token_embd.weight: is missing or no matrix"),
            "\(unknown.log)")
    }

    @Test func aModelOfTheStoreIsFoundByItsStage() throws {
        let folder = command.store.appending("mini").appending("teacher-0123456789ab")
        try FileSystem.createDirectory(folder)
        for name in try FileSystem.list(FilePath(Self.model)) {
            let bytes = try FileSystem.read(FilePath(Self.model).appending(name))
            try FileSystem.writeAtomically(bytes, to: folder.appending(name))
        }
        let store = ["--store", command.store.string]
        for name in ["teacher", "mini/teacher", "mini/teacher-0123", "teacher-0123456789ab", folder.string] {
            let outcome = try command.start(["decode", name, "Anna has 3 pens"] + store).wait()
            #expect(outcome.code == 0, "\(name): \(outcome.log)")
        }
        for (name, hint) in [
            ("teacer", "Did you mean \"teacher\"?"), ("mini/techer", "Did you mean \"mini/teacher\"?"),
            ("/", "/ is no model: it has no config.json."),
        ] {
            let outcome = try command.start(["decode", name, "Anna has 3 pens"] + store).wait()
            #expect(outcome.code == 2 && outcome.log.contains(hint), "\(outcome.log)")
        }
    }

    /// Of several models that a stage made, its name stands for that of the newest run, whichever was made last.
    @Test func theStageOfAnExperimentIsThatOfItsNewestRun() throws {
        let config = try command.config(
            """
            {"name": "small", "seed": 3, "stages": {
              "problems": {"kind": "synthesize", "train": 8, "test": 8, "steps": 1},
              "tokenizer": {"kind": "tokenizer", "corpus": "@problems"},
              "teacher": {"kind": "pretrain", "data": "@problems", "tokenizer": "@tokenizer",
                "model": {"layers": 1, "width": 16, "heads": 2, "feedForwardWidth": 32},
                "phases": [{"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 4}]}]}
            }}
            """)
        let store = ["--store", command.store.string]
        func run(_ seed: Int) throws {
            let set = ["--set", "stages.teacher.seed=\(seed)", "--no-forecast"]
            let outcome = try command.start(["run", config] + store + set).wait()
            #expect(outcome.code == 0, "\(outcome.log)")
        }
        func used() throws -> String? {
            let asked = ["decode", "small/teacher", "Anna has 3 pens", "--json"] + store
            let outcome = try command.start(asked).wait()
            #expect(outcome.code == 0, "\(outcome.log)")
            let start = try #require(outcome.output.split(separator: "\n").first)
            let event = try JSONDocument(parsing: Array(start.utf8), name: "event").root
            return event["model"]?.string
        }
        try run(1)
        let first = try used()
        try run(2)
        let second = try used()
        #expect(first != nil && first != second, "\(first ?? "")")
        // Everything is in the store; a run that makes nothing leaves none, one that is forced to does.
        let again = try command.start(
            ["run", config, "--set", "stages.teacher.seed=1", "--force", "teacher", "--no-forecast"] + store
        ).wait()
        let third = try used()
        #expect(again.code == 0 && third == first, "\(again.log)")
    }

    @Test(arguments: [
        (["a", "--method", "multi-blok"], 2, "Did you mean \"multi-block\"?"),
        (["a", "--set", "treshold=1"], 2, "Did you mean \"threshold\"?"),
        (["a", "--set", "threshold"], 2, "Write name=value"),
        (
            ["--sample", "test-77", "--data", Fixtures.path("live/problems").string], 2,
            "from test-0 to test-4"
        ),
        (["--sample", "test-1", "--data", "nothing"], 2, "neither the folder of a dataset nor"),
        ([""], 2, "The prompt is empty"), ([], 2, "The prompt is empty"),
        (["a", "--sample", "b"], 64, "not both"), (["a", "--plain", "--json"], 64, "not both"),
        (["a", "--precision", "int4"], 64, "float32, bfloat16 and int8"),
    ])
    func whatIsWrongIsSaid(arguments: [String], code: Int, message: String) throws {
        let outcome = try command.start(["decode", Self.model] + arguments).wait()
        #expect(outcome.code == code && outcome.log.contains(message), "\(outcome.code) \(outcome.log)")
        #expect(outcome.output.isEmpty)
    }

    /// SIGINT ends the response at the next forward, with what there is of it.
    @Test func anInterruptedResponseIsToldAndIs130() throws {
        let endless = ["--method", "vanilla", "--set", "generationLength=4000", "--set", "earlyStop=false"]
        let process = try command.start(["decode", Self.model, "Anna has 3 pens", "--json"] + endless)
        while !process.output.contains("\"step\"") { usleep(5000) }
        process.send(SIGINT)
        let outcome = process.wait()
        #expect(outcome.code == 130)
        #expect(outcome.output.split(separator: "\n").last?.contains(#""reason":"cancelled""#) == true)
    }

    /// A chat that waits for a line goes away when it is told to.
    @Test func aChatEndsWithSIGTERM() throws {
        let outcome = try command.shell(
            """
            mkfifo \(command.scratch.path)/lines
            "$0" chat \(Self.model) <\(command.scratch.path)/lines & exec 3>\(command.scratch.path)/lines
            sleep 1; kill -TERM $!; wait $!
            """)
        #expect(outcome.code == 130, "\(outcome.log)")
    }

    @Test func aFullDiskIsAnError() throws {
        let outcome = try command.shell("\"$0\" decode \(Self.model) 'Anna has 3 pens' >/dev/full")
        #expect(outcome.code == 1 || outcome.code == 3)
        #expect(outcome.log.contains("No space left"), "\(outcome.log)")
    }

    /// Without a chat template there is no conversation, and it says so; only answers go to standard output.
    @Test func chatAnswersLineByLine() throws {
        let script = """
            printf 'Anna has 3 pens .\\n/method vanilla earlyStop=true\\n/method vanila\\n/rest\\n/reset\\n\\nTom\\n/quit\\n' \
            | "$0" chat \(Self.model)
            """
        let outcome = try command.shell(script)
        #expect(outcome.code == 0, "\(outcome.log)")
        #expect(outcome.output.split(separator: "\n").count == 2, "\(outcome.output)")
        for text in [
            "generated word problems", "vanilla, generationLength 48", "Did you mean \"vanilla\"?",
            "There is no command \"/rest\"", "Forgotten.",
        ] { #expect(outcome.log.contains(text), "\(text)") }
    }
}

extension D3LLMCommand {
    /// Runs a script whose `$0` is the built command.
    func shell(_ script: String, environment: [String: String] = [:]) throws -> Command.Outcome {
        try Command(
            "/bin/sh", ["-c", script, Self.executable.string], environment: environment, scratch: scratch.path
        ).wait()
    }
}
