internal import Base
internal import JSON

/// Functions to write, with the tests of EvalPlus: HumanEval+ and MBPP+ (Liu and others 2023, arXiv 2305.01210).
///
/// The data is that of its releases, JSON lines with `base_input`, `plus_input`, `canonical_solution` and `atol`. What is right is
/// what the canonical solution gives for the same input.
package struct EvalPlusTask: BenchmarkTask {
    package enum Dataset: String, Sendable, Hashable, CaseIterable {
        case humanEval = "humaneval-plus"
        case mbpp = "mbpp-plus"
    }

    /// Which tests decide.
    package enum Tests: String, Sendable, Hashable, CaseIterable {
        /// Those that the data set had before EvalPlus.
        case base
        /// Those and the added ones.
        case plus
    }

    /// One problem.
    package struct Document: Sendable, Hashable {
        /// `HumanEval/0`, `Mbpp/2`.
        package let id: String
        package let prompt: String
        package let entryPoint: String
        /// What stands below the prompt in a right program.
        package let solution: String
        /// As a number in Python.
        package let tolerance: String
        /// Lists of arguments in Python.
        package let base: String
        package let plus: String
    }

    package let dataset: Dataset
    package let tests: Tests
    package let form = TaskPrompt.Form.chat
    package var name: String { dataset.rawValue }

    package init(_ dataset: Dataset, tests: Tests = .plus) {
        self.dataset = dataset
        self.tests = tests
    }

    /// Those of EvalPlus for chat models.
    package var stopStrings: [String] {
        ["<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(", "\n```\n"]
    }

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        guard record.has("base_input"), record.has("plus_input") else {
            throw record.problem(
                "the record has no \"base_input\" and \"plus_input\"; \(name) is read from a release of EvalPlus, such as \(dataset == .mbpp ? "MbppPlus.jsonl.gz" : "HumanEvalPlus.jsonl.gz")."
            )
        }
        return Document(
            id: try record.string("task_id"), prompt: try record.string("prompt"),
            entryPoint: try record.string("entry_point"), solution: try record.string("canonical_solution"),
            tolerance: try record.pythonLiteral("atol"), base: try record.pythonLiteral("base_input"),
            plus: try record.pythonLiteral("plus_input"))
    }

    /// Inputs have numbers beyond those of Swift, so that they are kept as text.
    package func kept(_ record: TaskRecord) throws(TaskError) -> TaskRecord {
        var members: [(String, String)] = []
        for key in ["atol", "base_input", "plus_input"] {
            members.append((key, try record.pythonLiteral(key)))
        }
        // not text: a record
        return try record.replacing(members)
    }

    package func id(of document: Document, index: Int) -> String { document.id }

    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt {
        TaskPrompt(
            form: form,
            text:
                "Please provide a self-contained Python script that solves the following problem in a markdown code block:\n```\n\(CodePoints(document.prompt).stripped().string)\n```\n",
            answerPrefix:
                "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:\n```python\n"
        )
    }

    package func target(of document: Document) -> String { document.prompt + document.solution }

    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        Tests.allCases.map {
            TaskExtraction(
                name: $0.rawValue, verdict: verdict(response, document, $0), isReported: $0 == tests)
        }
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        verdict(response, document, tests)
    }

    private func verdict(_ response: String, _ document: Document, _ tests: Tests) -> TaskVerdict {
        .untested(
            Program(
                source: .toSanitize(
                    .init(text: CodeExtraction.program(in: response), entryPoint: document.entryPoint)),
                tests: EvalPlusTests.tests(document, tests)))
    }
}

/// What compares a function with a canonical solution, input by input, as EvalPlus 0.3 does.
///
/// Same rules: equal, or where the tolerance isn't 0 (or the expected value is of floats, from then on), of one
/// type, of one length and close with a relative tolerance of 1e-7 as `numpy.allclose` has it, which broadcasts nested lists
/// and refuses ragged ones; the problems with several right answers have the rules that EvalPlus gives them. What differs: the canonical solution runs where the answers are compared, instead of
/// before; and the sandbox limits the time of all inputs together, not of each.
enum EvalPlusTests {
    static func tests(_ document: EvalPlusTask.Document, _ tests: EvalPlusTask.Tests) -> Program.Tests {
        let mbpp = ByteText(document.id).dropping(prefix: "Mbpp/")?.text
        // A release has {} where a problem has no further inputs.
        let values = tests == .base ? document.base : "\(document.base) + list(\(document.plus))"
        let inputs = mbpp.map { "\(conversion)\ninputs = [arguments(\($0), values) for values in \(values)]" }
        let entry = document.entryPoint
        return .comparison(
            entryPoint: entry, inputs: inputs ?? "inputs = \(values)",
            grader: """
                \(inputs ?? "inputs = \(values)")
                \(rules)
                def judge(answers):
                    return compare(
                        answers, \(PythonLiteral.text(entry)), \(mbpp ?? "None"), \(document.tolerance),
                        \(PythonLiteral.text(document.prompt + document.solution)), inputs)
                """,
            takesIterators: mbpp != nil && asSets.contains(entry))
    }

    /// The functions of MBPP+ whose answers are compared as sets.
    private static let asSets = [
        "similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum",
        "intersection_array", "find_dissimilar", "Diff",
    ]

    /// MBPP+ was written as JSON, which has no tuples, sets and complex numbers.
    private static let conversion = """
        def tuples(values):
            return [tuple(value) for value in values]

        def deep(value):
            return tuple(deep(item) for item in value) if isinstance(value, list) else value

        def arguments(number, values):
            def listed(numbers):
                return number in set(int(text) for text in numbers.split())

            if listed("2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809"):
                return tuples(values)
            if listed("63 64 70 94 120 237 272 299 400 409 417 438 473 614 780"):
                return [tuples(value) for value in values]
            if listed("75 413 444 753"):
                return [tuples(values[0]), values[1]]
            if listed("106 750"):
                return [values[0], tuple(values[1])]
            if listed("115"):
                return [[set(item) if isinstance(item, list) and item else {} for item in values[0]]]
            if listed("124"):
                return [float(values[0]), complex(values[1])]
            if listed("250 405 446 617 720 763 808"):
                return [tuple(values[0]), values[1]]
            if listed("259 401 445"):
                return [tuple(tuples(value)) for value in values]
            if listed("278"):
                return [tuple(tuple(item) if isinstance(item, list) else item for item in values[0])]
            if listed("307"):
                return [tuple(values[0]), values[1], values[2]]
            if listed("722"):
                return [{key: tuple(value) for key, value in values[0].items()}] + values[1:]
            if listed("252"):
                return [complex(values[0])]
            if listed("580 615 791"):
                return list(deep(values))
            return values
        """

    private static let rules = """
        def compare(answers, entry, number, tolerance, reference_source, inputs):
            import copy, math

            # What numpy makes of a value: a shape with numbers, or an error.
            def array(value):
                if not isinstance(value, (list, tuple)):
                    return (), [value]
                parts = [array(item) for item in value]
                shapes = {shape for shape, _ in parts}
                if len(shapes) > 1:
                    raise ValueError("a ragged list")
                inner = shapes.pop() if shapes else ()
                return (len(value),) + inner, [number for _, numbers in parts for number in numbers]

            kinds = (int, float, complex)

            # Whether numpy has a type for numbers: it has none for integers of more than 64 bits, which stay objects.
            def plain(numbers):
                return all(
                    isinstance(number, kinds)
                    and not (isinstance(number, int) and not -(1 << 63) <= number < 1 << 64)
                    for number in numbers)

            def wide(number):
                return number if isinstance(number, complex) else float(number)

            def side(value, is_expected):
                shape, numbers = array(value)
                if not shape and isinstance(value, kinds):
                    return shape, [wide(value) if is_expected else value]
                if plain(numbers):
                    return shape, [wide(number) for number in numbers]
                # Texts make an array of texts; of objects each does what it can.
                texts = any(isinstance(number, (str, bytes)) for number in numbers)
                if is_expected or texts and all(isinstance(n, kinds + (str, bytes)) for n in numbers):
                    raise TypeError("not numbers")
                return shape, numbers

            def close(found, expected):
                if isinstance(expected, (list, tuple)) and len(found) != len(expected):
                    return False
                sides = [side(found, False), side(expected, True)]
                rank = max(len(shape) for shape, _ in sides)
                shapes = [(1,) * (rank - len(shape)) + shape for shape, _ in sides]
                if any(a != b and a != 1 and b != 1 for a, b in zip(*shapes)):
                    return False
                size = [b if a == 1 else a for a, b in zip(*shapes)]

                def walk(axis, places):
                    if axis == rank:
                        a, b = (numbers[place] for (_, numbers), place in zip(sides, places))
                        finite = not (isinstance(b, float) and (math.isinf(b) or math.isnan(b)))
                        if isinstance(b, complex):
                            finite = all(map(math.isfinite, (b.real, b.imag)))
                        return a == b or finite and abs(a - b) <= tolerance + 1e-7 * abs(b)
                    return all(
                        walk(axis + 1, [
                            place * shape[axis] + (0 if shape[axis] == 1 else step)
                            for place, shape in zip(places, shapes)])
                        for step in range(size[axis]))

                return walk(0, [0, 0])

            def floats(value):
                if isinstance(value, (list, tuple)):
                    return len(value) > 0 and all(isinstance(item, float) for item in value)
                return isinstance(value, float)

            def distance(first, second):
                width = max(len(str(first)), len(str(second)))
                pairs = zip(str(first).zfill(width), str(second).zfill(width))
                return sum(abs(int(a) - int(b)) for a, b in pairs)

            def surface(edge, height):
                return round(edge * edge + 2 * edge * math.sqrt((edge / 2) ** 2 + height * height))

            # What of MBPP+ has more than one right answer.
            as_sets = "\(asSets.joined(separator: " "))".split()
            as_truth = ["check_str", "text_match_three", "text_starta_endb"]

            space = {}
            exec(compile(reference_source, "<reference>", "exec"), space)
            reference = space[entry]
            for values in inputs:
                try:
                    found = next(answers)
                except StopIteration:
                    return False
                expected = reference(*copy.deepcopy(values))
                if number is not None and entry in as_truth:
                    expected = expected is not None
                right = found == expected
                if number is None:
                    if entry == "find_zero":
                        right = abs(sum(c * math.pow(found, i) for i, c in enumerate(values[0]))) <= tolerance
                        assert right
                elif entry == "are_equivalent":
                    right = True
                elif entry == "sum_div":
                    right = right or found == 0
                elif entry == "surface_Area":
                    right = right or abs(found - surface(*values)) <= tolerance
                elif entry == "digit_distance_nums":
                    right = right or found == distance(*values)
                elif entry in as_sets:
                    right = set(found) == set(expected)
                elif entry in as_truth:
                    right = found == expected if isinstance(found, bool) else (found is not None) == expected
                if tolerance == 0 and floats(expected):
                    tolerance = 1e-6
                if not right and tolerance != 0:
                    right = type(found) == type(expected) and close(found, expected)
                assert right
            return True
        """
}
