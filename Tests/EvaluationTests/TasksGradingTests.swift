import Evaluation
import Files
import SystemPackage
import TestSupport
import Testing

/// Verdicts of tasks, and what is wrong with records.
struct TasksGradingTests {
    private func items(_ task: some BenchmarkTask, _ file: String) throws -> [TaskItem] {
        try task.items(try TaskRecord.read(Fixtures.path("tasks/\(file).jsonl")))
    }

    @Test func gsm8kIsCutAtTheNextQuestion() throws {
        // The answer to the first problem is 18.
        let item = try items(GSM8KTask(.stepByStep, form: .plain), "gsm8k-test")[0]
        #expect(item.id == "gsm8k-cot-0" && item.target.hasSuffix("#### 18"))
        #expect(item.grade("So it is $18.\n\nQ: 5 apples?") == .correct(found: "$18."))
        #expect(item.grade("So it is 18 of 19") == .wrong(found: "19"))
        #expect(item.grade("Q: 18").isCorrect == false)
        let strict = try items(
            GSM8KTask(.stepByStep, form: .plain, pattern: .theAnswerIs), "gsm8k-test")[0]
        #expect(strict.grade("So it is $18.") == .wrong(found: "[invalid]"))
        #expect(strict.grade("The answer is 18.").isCorrect == true)
    }

    @Test func mathComparesNormalForms() throws {
        let item = try items(MATHTask(form: .plain, examples: 4), "math")[1]
        #expect(item.target == #"\frac{3}{4}"#)
        let response = #"Final Answer: The final answer is $\frac34$. I hope it is correct."#
        #expect(item.grade(response) == .correct(found: #"\frac{3}{4}"#))
        #expect(item.grade("Problem:\n" + response) == .wrong(found: "[invalidanswer]"))
        #expect(item.grade(#"It is $\boxed{\frac34}$."#).isCorrect == false)
    }

    @Test func everyExampleOfATaskIsRightByItsOwnGrader() {
        let task = MATHTask(form: .plain)
        for example in task.fixedExamples {
            #expect(task.grade(example.solution, example) == .correct(found: example.answer))
        }
        #expect(task.fixedExamples.count == 4 && MBPPTask(.beginDone).fixedExamples.count == 3)
    }

    @Test func programsAreNotGradedWithoutRunningThem() throws {
        let fenced = try items(HumanEvalTask(.fenced), "humaneval")[0]
        let verdict = fenced.grade("```python\ndef f(): pass\n```\ndef g(): pass")
        #expect(verdict.isCorrect == nil)
        guard case .untested(let program) = verdict, case .toSanitize(let request) = program.source else {
            Issue.record("\(verdict)")
            return
        }
        #expect(
            request.entryPoint == "has_close_elements" && request.text.hasSuffix("\"\"\"\n\ndef f(): pass\n"))
        guard case .script(let script) = program.tests else {
            Issue.record("HumanEval's tests are no script")
            return
        }
        #expect(script.hasSuffix("\ncheck(has_close_elements)"))

        let started = try items(HumanEvalTask(.startedAnswer), "humaneval")[0]
        guard case .untested(let second) = started.grade("    return True\n\ndef g(): pass\n```"),
            case .asWritten(let text) = second.source
        else { return }
        #expect(text.hasPrefix("from typing import List\n") && text.hasSuffix("\"\"\"\n    return True\n"))

        let mbpp = try items(MBPPTask(.beginDone), "mbpp")[0]
        let tests = ["(\"apple\") == 2", "(\"\") == 0", "(\"rhythm\") == 0"].map { "assert vowels\($0)" }
        #expect(
            mbpp.grade("def vowels(w): return 1\n[DONE]\nmore")
                == .untested(
                    Program(
                        source: .toSanitize(.init(text: "def vowels(w): return 1\n")),
                        tests: .script(tests.joined(separator: "\n")))))
        let instruct = try items(MBPPTask(.startedAnswer), "mbpp")[0]
        guard case .untested(let third) = instruct.grade("def vowels(w): return 1\n```\nmore") else { return }
        #expect(third.source == .asWritten("def vowels(w): return 1\n"))
    }

    @Test func stopStringsCutOneAfterTheOther() {
        #expect(StopStrings.cut("a Q: b </s> c", at: ["</s>", "Q:"]) == "a ")
        #expect(StopStrings.cut("a\r\ndef", at: ["\ndef"]) == "a\r")
        #expect(StopStrings.cut("", at: ["x"]) == "" && StopStrings.cut("a", at: []) == "a")
    }

    @Test func everyFamilyHasThePapersBenchmarks() throws {
        let names = [
            "gsm8k-cot", "long-gsm8k", "math", "humaneval", "mbpp", "humaneval-plus", "mbpp-plus",
        ]
        for family in BenchmarkTasks.Family.allCases {
            #expect(BenchmarkTasks.all(family).map { $0.name } == names)
        }
        #expect(try BenchmarkTasks.named("math", .llada).fewShot.count == 4)
        #expect(try BenchmarkTasks.named("math", .dream).form == .chat)
        let error = #expect(throws: TaskError.self) { try BenchmarkTasks.named("gsm8k", .llada) }
        #expect(
            error?.description.contains("There is no benchmark \"gsm8k\". There are \"gsm8k-cot\",") == true)
    }

    @Test(arguments: [
        ("{\"question\": 1}", "f:1: \"question\" of the record should be text in double quotes; this is 1."),
        ("\n{\"answer\": \"\"}", "f:2: the record has no \"question\"; it has \"answer\"."),
        ("{}\n[]", "f:2: the line is an array, and a record is an object."),
        ("{\"question\": \"\", \"answer\": \"\"}\n{\"question\"}", "f:2:12: A colon should follow"),
        (" \n", "f is empty. It should have one JSON object on each line."),
    ]) func recordsThatCannotBeRead(text: String, message: String) throws {
        let folder = try ScratchFolder()
        let path = folder.path.appending("f")
        try FileSystem.writeAtomically(text, to: path)
        let error = #expect(throws: TaskError.self) {
            try GSM8KTask(.stepByStep, form: .plain).items(try TaskRecord.read(path))
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func tooFewExamplesAreReported() throws {
        let records = try TaskRecord.read(Fixtures.path("tasks/gsm8k-test.jsonl"))
        let error = #expect(throws: TaskError.self) {
            try GSM8KTask(.questionAnswer, form: .plain).items(records, training: Array(records.prefix(4)))
        }
        #expect(error?.description.hasPrefix("long-gsm8k needs 5 examples and there are 4.") == true)
        #expect(throws: TaskError.self) { try MBPPTask(.beginDone, examples: 4).items([]) }
    }
}
