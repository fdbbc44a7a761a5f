import Evaluation
import Files
import JSON
import Runs
import Sandbox
import SystemPackage
import TestSupport
import Testing

@testable import DataStages
@testable import DecodingStages

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

    @Test("verdicts are those that evalplus 0.3.1 gave for 151 pairs of values")
    func recordedVerdicts() throws {
        let sandbox = try CodeExecution.sandbox(Permissions(codeExecution: true))
        var counts = [true: 0, false: 0]
        for record in try TaskRecord.read(Fixtures.path("tasks/evalplus-verdicts.jsonl")) {
            let isMBPP = try record.string("task_id").hasPrefix("Mbpp/")
            let task = EvalPlusTask(isMBPP ? .mbpp : .humanEval)
            let document = try #require(try task.document(record))
            guard case .untested(let program) = task.verdict("", document) else { continue }
            let outcome = try sandbox.run(record.string("program"), program.tests)
            let expected = record.value["verdict"]?.bool
            #expect(outcome.hasPassed == expected, "\(record.value): \(outcome)")
            counts[outcome.hasPassed, default: 0] += 1
        }
        #expect(counts == [true: 69, false: 82])
    }

    /// A function that is to double its argument, graded.
    private func outcome(_ program: String, expected: String = "[x, x]") throws -> ProgramOutcome {
        let sandbox = try CodeExecution.sandbox(Permissions(codeExecution: true))
        let line = """
            {"task_id": "HumanEval/900", "prompt": "def twice(x):\\n", "entry_point": "twice", \
            "canonical_solution": "    return \(expected)\\n", "base_input": [[1], [2.5], ["a"], [[3, [4]]]], \
            "plus_input": [], "atol": 0}
            """
        let task = EvalPlusTask(.humanEval, tests: .base)
        let document = try #require(
            try task.document(TaskRecord(parsing: Array(line.utf8), index: 0, file: "problem", line: 1)))
        guard case .untested(let tests) = task.verdict("", document) else { return .tampered }
        return try sandbox.run(program, tests.tests)
    }

    /// Names that a program may give to things of its own.
    private static let names = [
        "all", "abs", "len", "list", "map", "isinstance", "type", "set", "copy", "math", "iter", "next",
        "json",
        "inputs", "judge", "compare", "answers", "encoded", "main", "space", "function", "reference",
    ]

    @Test(arguments: names) func namesOfAProgramAreItsOwn(_ name: String) throws {
        let wrong = "def \(name)(*a, **k): return True\ndef twice(x): return [x, 1]\n"
        #expect(try outcome(wrong) == .raised("AssertionError", message: ""))
        #expect(try outcome("\(name) = None\ndef twice(x): return [x, x]\n") == .passed)
    }

    @Test(arguments: [
        "import copy\ncopy.deepcopy = lambda x: None\ndef twice(x): return None\n",
        "import builtins\nbuiltins.all = builtins.isinstance = lambda *a: True\ndef twice(x): return 0\n",
        "class Same:\n  def __eq__(self, other): return True\ndef twice(x): return Same()\n",
        "class Same(list):\n  def __eq__(self, other): return True\ndef twice(x): return Same()\n",
        "class Same(float):\n  def __eq__(self, other): return True\ndef twice(x): return Same()\n",
        "import json\njson.dumps = lambda *a: 'true'\ndef twice(x): return 0\n",
        """
        import gc, sys
        def twice(x):
            frames = [sys._getframe(depth) for depth in range(1, 3)]
            for frame in frames:
                for names in (frame.f_locals, frame.f_globals):
                    for key in ("expected", "reference", "judge"):
                        if key in names:
                            return names[key](x) if callable(names[key]) else names[key]
            for thing in gc.get_objects():
                if getattr(thing, "__name__", "") in ("reference", "judge", "compare"):
                    return thing(x)
            return None
        """,
        "import os\ndef twice(x):\n    os.write(3, b'{\"complete\": true}\\n=true\\n' * 9)\n    os._exit(0)\n",
        "import os\nos.write(3, b'=[\"o\"]\\n' * 4)\ndef twice(x): return [x, x]\n",
    ]) func whateverAProgramDoesItHasToGiveTheAnswers(_ program: String) throws {
        let outcome = try outcome(program)
        #expect(!outcome.hasPassed, "\(outcome)")
    }

    /// What JSON doesn't know goes from one process to the other as well.
    @Test(arguments: [
        "None", "True", "0", "-1", "2**70", "-2**63", "7**9000", "0.1", "-0.0", "float('inf')", "1e-320",
        "3+4j",
        "'é\\ud800\\0'", "b'a\\xff'", "bytearray(b'a')", "[]", "()", "{}", "set()", "frozenset({1})",
        "[1, (2, [3.5, {'a': {1, 2}}])]", "{(1, 2): [None], 3.5: 'x', None: True}", "range(3, 9, 2)",
        "__import__('fractions').Fraction(1, 3)", "__import__('decimal').Decimal('1.50')",
        "__import__('collections').Counter('abca')", "__import__('collections').OrderedDict(b=1, a=2)",
        "__import__('collections').deque([1, 2])", "__import__('collections').defaultdict(list, a=[1])",
        "{1: 2, 3: 4}.keys()", "__import__('functools').reduce(lambda a, _: [a], range(700), [])",
    ]) func answersKeepTheirTypes(_ value: String) throws {
        let program = "def twice(x):\n    return \(value)\n"
        let reference = value.replacing("\\", with: "\\\\")
        #expect(try outcome(program, expected: reference) == .passed)
        for other in ["'another'", "[\(value)]", "(\(value), 1)", "object()", "x for x in ()"] {
            let outcome = try outcome("def twice(x):\n    return (\(other))\n", expected: reference)
            #expect(outcome.hasPassed == false, "\(other)")
        }
    }

    /// As Mbpp/255 has them, whose largest answer is a gigabyte: this one is 77 MB of JSON, more than may be sent.
    @Test(arguments: [("l", true), ("l[:-1] + [l[0]]", false)])
    func longAnswersAreComparedItemByItem(_ answer: String, _ isRight: Bool) throws {
        let list = "list(itertools.combinations_with_replacement(['Dog', 'Cat', 'CatBird', 'Fish'], 85))"
        let program = """
            import itertools
            def twice(x):
                if x != 1:
                    return [x, x]
                l = \(list)
                l += [(1, True), [2**70, None], 0.5, 'é'] * 2000
                return \(answer)
            """
        let whole = list.replacing("itertools", with: "__import__('itertools')")
        let expected = "[x, x] if x != 1 else \(whole) + [(1, True), [2**70, None], 0.5, 'é'] * 2000"
        let outcome = try outcome(program, expected: expected)
        #expect(outcome == (isRight ? .passed : .raised("AssertionError", message: "")), "\(outcome)")
    }

    /// EvalPlus gives program and reference 4 GiB each, apart.
    @Test func programAndReferenceHaveMemoryOfTheirOwn() throws {
        let program = "def twice(x):\n    return len(bytes(3 << 30))\n"
        #expect(try outcome(program, expected: "len(bytes(3 << 30))") == .passed)
        let more = try outcome(program.replacing("3 <<", with: "5 <<"), expected: "len(bytes(3 << 30))")
        #expect(more == .raised("MemoryError", message: ""))
    }

    @Test func aProblemWithoutFurtherInputsHasItsOwnTests() throws {
        let sandbox = try CodeExecution.sandbox(Permissions(codeExecution: true))
        for tests in EvalPlusTask.Tests.allCases {
            // As the release has Mbpp/793.
            let line = """
                {"task_id": "Mbpp/793", "prompt": "", "entry_point": "last", "canonical_solution": \
                "def last(a, x):\\n    return len(a) - 1 - a[::-1].index(x)\\n", "base_input": [[[1, 2, 1], 1]], \
                "plus_input": {}, "atol": 0}
                """
            let task = EvalPlusTask(.mbpp, tests: tests)
            let document = try #require(
                try task.document(TaskRecord(parsing: Array(line.utf8), index: 0, file: "problem", line: 1)))
            guard case .untested(let program) = task.verdict("", document) else { continue }
            #expect(try sandbox.run("def last(a, x): return 2", program.tests) == .passed)
            #expect(try !sandbox.run("def last(a, x): return 0", program.tests).hasPassed)
        }
    }

    /// numpy where a python has it, which programs can run by.
    @Test func numbersOfNumpyAreNumbers() throws {
        guard
            let sandbox = try? CodeExecution.sandbox(Permissions(codeExecution: true), packages: ["numpy"])
        else { return }
        let compared = ComparedFunction(
            entryPoint: "f", inputs: "inputs = [[2]]",
            grader: "def judge(answers):\n    assert next(answers) == [6, 2.5, True]\n    return True")
        let program = """
            import numpy as np
            def f(x):
                return [np.arange(4).sum(), np.mean([2, 3]), np.bool_(x > 1)]
            """
        #expect(try sandbox.run(program, comparing: compared) == .passed)
    }

    @Test func whatEndsAProgramIsSaidWhereItsAnswersAreRight() throws {
        let stops = "def twice(x):\n    if x == 'a': raise ValueError('no')\n    return [x, x]\n"
        #expect(try outcome(stops) == .raised("ValueError", message: "no"))
        #expect(try outcome("import sys\ndef twice(x): sys.exit(1)\n") == .raised("SystemExit", message: "1"))
        #expect(try outcome("import os\ndef twice(x): os._exit(3)\n") == .ended(code: 3))
        let none = ProgramOutcome.raised("NameError", message: "name 'twice' is not defined")
        #expect(try outcome("def other(x): pass\n") == none)
        guard case .raised("SyntaxError", _) = try outcome("def twice(x:\n") else {
            Issue.record("code that doesn't parse")
            return
        }
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
