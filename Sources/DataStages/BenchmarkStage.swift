package import ArtifactStore
internal import Evaluation
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
internal import SystemPackage
internal import Transformers

/// Turns the file of a benchmark into the questions that a family of models is asked.
package struct BenchmarkStage: QuickStage {
    package static let name = "benchmark"
    package static let version = 1
    package static let summary =
        "Makes a benchmark's prompts from its data file, as a model family's own harness asks them; `evaluate` decodes and grades them."
    package static let output = ArtifactType.dataset
    package static let parts = ["train", "test"]

    /// The benchmarks; their names are those of `BenchmarkTasks`.
    package enum Task: String, CaseIterable {
        case gsm8k = "gsm8k-cot"
        case longGSM8K = "long-gsm8k"
        case math
        case humanEval = "humaneval"
        case mbpp
        case humanEvalPlus = "humaneval-plus"
        case mbppPlus = "mbpp-plus"
    }

    package let task: Task
    let options: TaskOptions
    /// What answers may import.
    package var packages: [String] { options.packages }
    let equivalence: AnswerEquivalence?
    let file: ArtifactReference
    let training: ArtifactReference?
    let train: ArtifactReference?
    let split: BenchmarkSplit
    let subset: [String]?
    let limit: Int?

    package init(_ fields: Fields) {
        task = fields.choice("task", "Which benchmark.")
        let family: BenchmarkTasks.Family = fields.choice(
            "family", "Whose prompts: those of d3LLM's harness for LLaDA, or of the one for Dream.")
        file = fields.artifact("file", types: [.files], "The benchmark's data file.")
        training = fields.optionalArtifact(
            "training", types: [.files], "The training split, for long-gsm8k: its examples are drawn from it."
        )
        train = fields.optionalArtifact(
            "train", types: [.files],
            "Files whose training split becomes the part to train on: for stages that record trajectories or train. Without it the benchmark is only asked."
        )
        let options = TaskOptions(
            task: task.rawValue, family: family,
            examples: fields.optionalInteger(
                "examples", in: 0...64,
                "Solved examples before each question; by default as many as the harness gives."),
            extraction: fields.optionalChoice(
                "extraction",
                "GSM8K: which number decides, flexible (the last one, the default) or strict (the one that the words of the task announce). Both are recorded."
            ),
            tests: fields.optionalChoice(
                "tests",
                "humaneval-plus and mbpp-plus: which tests decide, those of EvalPlus (plus, the default) or only those that the data set had before (base). Both are recorded."
            ), packages: ProgramPackages.read(fields))
        self.options = options
        equivalence = fields.optionalChoice(
            "equivalence",
            "MATH: what makes two answers equal; by default sympy where python3 has it with antlr 4.11, else the same normal form, which the record says."
        )
        split =
            fields.optionalChoice(
                "split", "The part of a tar with train and test that is asked; test by default.") ?? .test
        subset = fields.optionalStrings(
            "subset", "Only these problems, by id, or for MATH by subject such as \"algebra\".")
        limit = fields.optionalInteger("limit", in: 1..., "Only the first problems of what is left.")
        do throws(TaskError) {
            let task = try BenchmarkTasks.make(options)
            if case .drawn(let draw) = task.fewShot, draw.count > 0, training == nil {
                fields.reject(
                    "task",
                    "The benchmark \"\(task.name)\" draws its \(draw.count) examples from the training split.",
                    hint: "Give \"training\", or \"examples\": 0.")
            }
        } catch {
            let key =
                options.tests != nil && !task.isOfEvalPlus
                ? "tests" : options.extraction == nil ? "examples" : "extraction"
            fields.reject(key, error.description)
        }
        if !options.packages.isEmpty, !task.runsPrograms {
            fields.reject("packages", ProgramPackages.unneeded)
        }
        if equivalence != nil, task != .math {
            fields.reject("equivalence", "Only answers of math are compared as expressions.")
        }
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let task = try BenchmarkTasks.make(options)
        let scratch = context.workFolder.appending("unpacked")
        func records(_ reference: ArtifactReference, _ split: BenchmarkSplit) throws -> [TaskRecord] {
            // What was unpacked for another split is in the way of this one's.
            try FileSystem.remove(scratch)
            return try BenchmarkFile(reference, context)
                .records(split, unpackingTo: scratch, joinsFolders: self.task == .math)
        }
        let asked = try records(file, split)
        try context.checkCancellation()
        let examples = try training.map { try records($0, .train) } ?? []
        let all = try task.items(asked, training: examples)
        let chosen = try choose(all)
        let learned = try train.map { reference in
            try numbered(task.items(records(reference, .train), training: examples), of: task)
        }
        if let learned {
            try Leakage.refuse(
                train: learned.map(\.leakage), test: all.map(\.leakage), name: "\(task.name)")
        }
        try QuestionFile(task: options, equivalence: equivalence, items: chosen)
            .write(to: context.output, train: learned)
        try FileSystem.remove(scratch)
        var metrics: JSONObject = ["problems": .integer(chosen.count), "all": .integer(all.count)]
        if let learned { metrics["train"] = .integer(learned.count) }
        return StageResult(
            summary: "\(chosen.count) of \(all.count) problems of \(task.name)"
                + (learned.map { ", \($0.count) to train on" } ?? ""),
            metrics: .object(metrics))
    }

    /// Questions to train on, whose ids say so: those of a benchmark that only counts are those of its test split too.
    private func numbered(_ items: [TaskItem], of task: any BenchmarkTask) throws -> [TaskItem] {
        try items.enumerated().map { index, item in
            try task.item(
                item.record,
                id: item.id == "\(task.name)-\(index)" ? "\(task.name)-train-\(index)" : item.id,
                prompt: item.prompt)
        }
    }

    /// The problems that `subset` and `limit` leave, in order.
    private func choose(_ items: [TaskItem]) throws -> [TaskItem] {
        var chosen = items
        if let subset {
            var unknown = Set(subset)
            chosen = items.filter { item in
                let names = [item.id, Self.subject(of: item.record)].compactMap(\.self)
                unknown.subtract(names)
                return names.contains { subset.contains($0) }
            }
            if let name = subset.first(where: unknown.contains) {
                let subjects = Set(items.compactMap { Self.subject(of: $0.record) }).sorted()
                let known = (subjects.isEmpty ? items.prefix(3).map(\.id) : subjects).map { "\"\($0)\"" }
                throw DataError(
                    description:
                        "\"subset\" names \"\(name)\", which is no problem and no subject of \(task.rawValue). There are \(known.joined(separator: ", "))\(subjects.isEmpty ? " and so on" : "")."
                )
            }
        }
        return limit.map { Array(chosen.prefix($0)) } ?? chosen
    }

    /// The subject of a problem of MATH as its folder is called: "Counting & Probability" is counting_and_probability.
    static func subject(of record: TaskRecord) -> String? {
        record.value["type"]?.string.map { type in
            type.lowercased().map { character -> String in
                switch character {
                case " ": "_"
                case "&": "and"
                default: String(character)
                }
            }.joined()
        }
    }
}

/// The key `packages`, which says what answers that are programs may import.
enum ProgramPackages {
    static let unneeded = "Only answers that are programs import packages."

    /// Names as Python has them, without dots, each once.
    static func read(_ fields: Fields) -> [String] {
        let names =
            fields.optionalStrings(
                "packages",
                "Python packages that answers may import beside the standard library, such as numpy, as the harnesses had it; by default none."
            ) ?? []
        for (index, name) in names.enumerated() {
            let letters = Array(name.utf8)
            let isName = letters.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
            guard isName, let first = letters.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
            else {
                fields.reject(
                    "packages", "\"\(name)\" isn't the name of a package as it is imported, such as numpy.")
                return []
            }
            if names[..<index].contains(name) {
                fields.reject("packages", "\"\(name)\" is there twice.")
                return []
            }
        }
        return names
    }
}

/// What makes two answers of MATH equal.
package enum AnswerEquivalence: String, CaseIterable, Sendable {
    /// Sympy finds that their difference is zero, as upstream's harness asks it.
    case sympy
    /// They have the same normal form.
    case normalForms = "normal-forms"
}

/// Part of a data set.
enum BenchmarkSplit: String, CaseIterable, Sendable {
    case train, test
}

extension BenchmarkStage {
    /// How many problems there are and about how many tokens they have: the file may not be there yet.
    package func facts(_ context: ForecastContext) -> Facts {
        let size = task.size(options.family)
        // The record knows; before it is made the whole split is taken, less the limit.
        let count = context.record?.metrics["problems"]?.double ?? size.problems
        var facts: Facts = [
            .test: min(count, limit.map(Double.init) ?? .infinity), .promptTokens: size.prompt,
            .responseTokens: size.answer, .problemBytes: 4 * size.prompt + 1000,
        ]
        if train != nil { facts[.train] = context.record?.metrics["train"]?.double ?? 7473 }
        return facts
    }

    /// Reading and writing a few megabytes.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        let facts = facts(context)
        let bytes = (facts[.test] ?? 0) * (facts[.problemBytes] ?? 0)
        return StageForecast(
            seconds: 2, memory: Int(clamped: MemoryModel.program + 10 * bytes), disk: Int(clamped: bytes))
    }
}

extension BenchmarkStage.Task {
    /// Problems of the test split, and rough means of tokens: prompts of Qwen2.5's tokenizer where data was at hand
    /// (GSM8K, HumanEval), else from the length of the examples; answers as long as LLaDA's in Table 1 of D2F.
    fileprivate func size(_ family: BenchmarkTasks.Family) -> (
        problems: Double, prompt: Double, answer: Double
    ) {
        switch (self, family) {
        case (.gsm8k, _): (1319, 80, 231)
        case (.longGSM8K, _): (1319, 910, 231)
        case (.math, .llada): (5000, 750, 243)
        case (.math, .dream): (5000, 90, 243)
        case (.humanEval, .llada): (164, 160, 107)
        case (.humanEval, .dream): (164, 260, 107)
        case (.humanEvalPlus, _): (164, 250, 150)
        case (.mbppPlus, _): (378, 170, 80)
        case (.mbpp, .llada): (500, 700, 65)
        case (.mbpp, .dream): (500, 130, 65)
        }
    }
}

extension BenchmarkStage.Task {
    /// Whether answers are programs, which only running them can grade.
    package var runsPrograms: Bool { self == .humanEval || self == .mbpp || isOfEvalPlus }

    /// Whether the tests are those of EvalPlus.
    package var isOfEvalPlus: Bool { self == .humanEvalPlus || self == .mbppPlus }
}
