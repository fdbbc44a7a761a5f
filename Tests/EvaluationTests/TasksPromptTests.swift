import Evaluation
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// Prompts against those that lm-evaluation-harness made of the same records.
struct TasksPromptTests {
    private let recorded: JSONNode

    init() throws {
        let bytes = try FileSystem.read(Fixtures.path("tasks/prompts.json"))
        recorded = try JSONDocument(parsing: bytes, name: "prompts.json").root
    }

    private func records(_ name: String) throws -> [TaskRecord] {
        try TaskRecord.read(Fixtures.path("tasks/\(name).jsonl"))
    }

    /// As many records as GSM8K's training split has; those that the first questions need are the real ones.
    private func training() throws -> [TaskRecord] {
        let bytes = try FileSystem.read(Fixtures.path("tasks/gsm8k-train-rows.json"))
        let rows = try JSONDocument(parsing: bytes, name: "gsm8k-train-rows.json").root
        return try (0..<7473).map { index in
            let row = rows["\(index)"].map { Array(bytes[$0.range]) }
            let line = row ?? Array(#"{"question": "none", "answer": "none"}"#.utf8)
            return try TaskRecord(parsing: line, index: index, file: "train", line: index + 1)
        }
    }

    /// The texts of `key`, or for chats what the user says and how the answer starts.
    private func prompts(_ key: String) throws -> [TaskPrompt] {
        try #require(recorded[key]?.array).map { prompt in
            if let text = prompt.string { return TaskPrompt(form: .plain, text: text) }
            let messages = try #require(prompt.array)
            let texts = messages.compactMap { $0["content"]?.string }
            let roles = messages.compactMap { $0["role"]?.string }
            #expect(roles == (texts.count == 1 ? ["user"] : ["user", "assistant"]))
            return TaskPrompt(
                form: .chat, text: texts[0], answerPrefix: texts.count == 1 ? "" : texts[1])
        }
    }

    private func check(
        _ task: some BenchmarkTask, _ file: String, _ key: String, first: Int = 0,
        training: [TaskRecord] = []
    ) throws {
        let items = try task.items(try records(file), training: training)
        let expected = try prompts(key)
        #expect(!expected.isEmpty)
        for (item, prompt) in zip(items.dropFirst(first), expected) {
            #expect(item.prompt.text.utf8.elementsEqual(prompt.text.utf8), "\(key): \(item.prompt.text)")
            #expect(item.prompt == prompt)
        }
    }

    @Test func gsm8kWithoutExamples() throws {
        try check(GSM8KTask(.stepByStep, form: .plain), "gsm8k-test", "gsm8k-cot")
        try check(GSM8KTask(.stepByStep, form: .chat), "gsm8k-test", "gsm8k-cot-chat")
    }

    @Test func gsm8kWithDrawnExamples() throws {
        let training = try training()
        let alone = FewShot.drawn(ExampleDraw(count: 5, processes: 1))
        try check(
            GSM8KTask(.questionAnswer, form: .plain, fewShot: alone), "gsm8k-test", "long-gsm8k",
            training: training)
        try check(
            GSM8KTask(.questionAnswer, form: .chat, fewShot: alone), "gsm8k-test", "long-gsm8k-chat",
            training: training)
        // Of four processes the second asks the second question, with the first draw of its own.
        let items = try GSM8KTask(.questionAnswer, form: .plain).items(
            try records("gsm8k-test"), training: training)
        let examples = items.map { $0.prompt.text.split(separator: "Question: ").dropLast().joined() }
        #expect(examples[0] == examples[1] && examples[1] == examples[3] && examples[3] != examples[4])
    }

    @Test func math() throws {
        try check(MATHTask(form: .plain), "math", "math")
        try check(MATHTask(form: .chat, examples: 0), "math", "math-chat", first: 1)
    }

    @Test func humanEval() throws {
        try check(HumanEvalTask(.fenced), "humaneval", "humaneval-llada")
        try check(HumanEvalTask(.startedAnswer), "humaneval", "humaneval-dream")
        let items = try HumanEvalTask(.fenced).items(try records("humaneval"))
        #expect(items.map(\.id) == ["HumanEval/0", "HumanEval/1"])
        #expect(items[0].target == recorded["humaneval-target"]?.array?.first?.string)
    }

    @Test func mbpp() throws {
        try check(MBPPTask(.beginDone), "mbpp", "mbpp-chat")
        try check(MBPPTask(.startedAnswer), "mbpp", "mbpp-dream")
        try check(MBPPTask(.startedAnswer, examples: 3), "mbpp", "mbpp-dream-3shot")
        let items = try MBPPTask(.beginDone).items(try records("mbpp"))
        // Problem 10 belongs to the prompts, not to the test split.
        #expect(items.map(\.id) == ["mbpp-11", "mbpp-12"])
        #expect(items[0].target == recorded["mbpp-target"]?.array?.first?.string)
    }

    @Test func drawsAreThoseOfTheHarness() throws {
        let draws = try #require(recorded["draws"]?.array).map { ($0.array ?? []).compactMap(\.int) }
        #expect(draws.count == 40)
        let alone = ExampleDraw(count: 5, processes: 1)
        #expect(alone.places(questions: 40, of: 7473, form: .plain) == draws)
        let chat = alone.places(questions: 20, of: 7473, form: .chat)
        #expect(chat == (0..<20).map { draws[2 * $0 + 1] })
        let four = ExampleDraw(count: 5).places(questions: 10, of: 7473, form: .plain)
        #expect(four == (0..<10).map { draws[$0 / 4] })
    }

    @Test func samplesAreThoseOfPython() throws {
        for sample in try #require(recorded["samples"]?.array) {
            let seed = try #require(sample["seed"]?.string.flatMap { UInt64($0) })
            let count = try #require(sample["count"]?.int)
            let population = try #require(sample["population"]?.int)
            let draw = ExampleDraw(count: count, seed: seed, processes: 1)
            let places = draw.places(questions: 1, of: population, form: .plain)
            #expect(
                places == [(sample["places"]?.array ?? []).compactMap(\.int)],
                "seed \(seed), \(count) of \(population)")
        }
    }
}
