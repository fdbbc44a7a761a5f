import Evaluation
import Files
import JSON
import Runs
import Sandbox
import SystemPackage
import TestSupport
import Testing

@testable import Stages

/// HumanEval+ and MBPP+: from a release's lines to verdicts.
///
/// The problems of the fixture are made up.
@Suite struct EvalPlusTests {
    /// Questions as an artifact keeps them.
    private static func questions(
        _ dataset: String, tests: EvalPlusTask.Tests? = nil
    ) throws -> (file: QuestionFile, scratch: ScratchFolder) {
        let options = TaskOptions(task: dataset, family: .dream, tests: tests)
        let prefix = dataset == "mbpp-plus" ? "Mbpp/" : "HumanEval/"
        let records = try TaskRecord.read(Fixtures.path("tasks/evalplus.jsonl")).filter {
            try $0.string("task_id").hasPrefix(prefix)
        }
        let scratch = try ScratchFolder()
        try QuestionFile(
            task: options, equivalence: nil, items: BenchmarkTasks.make(options).items(records)
        ).write(to: scratch.path)
        return (try QuestionFile(folder: scratch.path), scratch)
    }

    private static let solutions = [
        "HumanEval/900": "def third(xs):\n    return [x * (1 / 3) for x in xs]\n",
        "HumanEval/901": "def double(n):\n    return n + n\n",
        "HumanEval/32": "def find_zero(xs):\n    return -xs[0] / xs[1] + 1e-6\n",
        "Mbpp/2": "def similar_elements(a, b):\n    return [x for x in b if x in a]\n",
        "Mbpp/124": "import cmath\ndef angle(a, b):\n    return cmath.phase(a + b)\n",
    ]

    /// Programs that pass the base tests only.
    private static let halves = [
        "HumanEval/900": "def third(xs):\n    return [x / 3 for x in xs] if xs else None\n",
        "HumanEval/901": "def double(n):\n    return abs(2 * n) % 2**64\n",
        "HumanEval/32": "def find_zero(xs):\n    return -0.5\n",
        "Mbpp/2": "def similar_elements(a, b):\n    return [x for x in b if x in a and x != 'é']\n",
        "Mbpp/124": "def angle(a, b):\n    return 3.141592653589793 / 2\n",
    ]

    @Test(arguments: ["humaneval-plus", "mbpp-plus"])
    func verdictsAreThoseOfTheTests(dataset: String) throws {
        for tests in EvalPlusTask.Tests.allCases {
            let (file, _) = try Self.questions(dataset, tests: tests)
            #expect(file.task.tests == tests && file.items.count == (dataset == "mbpp-plus" ? 2 : 3))
            let grading = try AnswerGrading(file, Permissions(codeExecution: true))
            for item in file.items {
                func grade(_ program: String) throws -> (base: Bool?, plus: Bool?, counts: Bool) {
                    let text = "\(program)```\n\nIt works."
                    let grade = try #require(try grading.grade([(text, item)]).first)
                    return (
                        grade.verdicts["base"]?["correct"]?.bool, grade.verdicts["plus"]?["correct"]?.bool,
                        grade.isCorrect
                    )
                }
                let solution = try #require(Self.solutions[item.id])
                let right = try grade(solution)
                #expect(right.base == true && right.plus == true && right.counts, "\(item.id)")
                let half = try grade(try #require(Self.halves[item.id]))
                #expect(half.base == true && half.plus == false, "\(item.id): \(half)")
                #expect(half.counts == (tests == .base))
                for wrong in ["def other():\n    pass\n", "", "import sys\nsys.exit(0)\n"] {
                    let wrong = try grade(wrong)
                    #expect(wrong.base == false && wrong.plus == false && !wrong.counts)
                }
            }
        }
    }

    @Test("verdicts are those that evalplus 0.3.1 gave for 90 pairs of values")
    func recordedVerdicts() throws {
        let sandbox = try CodeExecution.sandbox(Permissions(codeExecution: true))
        var counts = [true: 0, false: 0]
        for record in try TaskRecord.read(Fixtures.path("tasks/evalplus-verdicts.jsonl")) {
            let isMBPP = try record.string("task_id").hasPrefix("Mbpp/")
            let task = EvalPlusTask(isMBPP ? .mbpp : .humanEval)
            let document = try #require(try task.document(record))
            guard case .untested(let program) = task.verdict("", document) else { continue }
            let outcome = try sandbox.run(record.string("program"), tests: program.tests)
            let expected = record.value["verdict"]?.bool
            #expect(outcome.hasPassed == expected, "\(record.value): \(outcome)")
            counts[outcome.hasPassed, default: 0] += 1
        }
        #expect(counts == [true: 45, false: 45])
    }

    @Test func promptsAreThoseForChatModels() throws {
        let item = try #require(try Self.questions("humaneval-plus").file.items.first)
        #expect(item.id == "HumanEval/900" && item.prompt.form == .chat)
        #expect(
            item.prompt.text.hasPrefix(
                "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n```\ndef third(xs: list)"
            ))
        #expect(item.prompt.text.hasSuffix("    [1.0]\n    \"\"\"\n```\n"))
        #expect(item.prompt.answerPrefix.hasSuffix("passes corresponding tests:\n```python\n"))
        #expect(item.graded("x = 1\n```\nmore\n```\n") == "x = 1")
    }

    @Test func numbersKeepAllOfTheirDigits() throws {
        let (file, scratch) = try Self.questions("humaneval-plus")
        let stored = try FileSystem.readText(scratch.path.appending("questions.jsonl"))
        #expect(stored.contains("123456789012345678901234567890"))
        #expect(file.items.count == 3)
    }

    @Test func anotherFileOrAnOptionOfAnotherTaskIsRefused() throws {
        let plain = try TaskRecord.read(Fixtures.path("tasks/humaneval.jsonl"))
        let error = #expect(throws: TaskError.self) {
            try EvalPlusTask(.humanEval).items(plain)
        }
        #expect(error?.description.contains("HumanEvalPlus.jsonl.gz") == true)
        let other = #expect(throws: TaskError.self) {
            try BenchmarkTasks.make(TaskOptions(task: "math", family: .llada, tests: .base))
        }
        #expect(other?.description.contains("leave \"tests\" out") == true)
    }
}
