import ArtifactStore
import Audit
import Evaluation
import Files
import JSON
import Measures
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import DataStages
@testable import DecodingStages
@testable import ResultStages
@testable import StageBasics
@testable import Stages

/// Countdown, Sudoku and the forms of word problems, through every stage.
@Suite struct GeneratedTasksTests {
    static let tasks: [(task: String, options: String)] = [
        ("sudoku-4x4", #""sudoku-4x4": { "blanks": 2 }"#),
        ("countdown", #""countdown": { "numbers": 2, "largest": 40, "operators": "sums" }"#),
    ]

    private func run(_ options: String?, store: Store) throws -> RunOutcome {
        var text = try FileSystem.readText(Fixtures.path("experiments/tasks.json"))
        if let options {
            let task = #""task": "sudoku-4x4""#
            text.replace(task, with: #""task": "countdown""#)
            text.replace(#""sudoku-4x4": { "blanks": 2 }"#, with: options)
            text.replace(#""train": 64"#, with: #""train": 32"#)
        }
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "tasks.json", registry: Stages.registry)
        return try Runner(
            experiment, store: store, options: .init(threads: 2), reporter: LogText().reporter
        ).run()
    }

    @Test(arguments: tasks) func theWholeChainRuns(task: String, options: String) throws {
        let scratch = try ScratchFolder()
        let store = Store(scratch.path.appending("store"))
        let outcome = try run(task == "countdown" ? options : nil, store: store)
        let data = try #require(outcome.artifact("problems")).folder
        let problems = try ProblemFile.read(data.appending("test.jsonl"))
        #expect(problems.count == 24)
        #expect(problems.allSatisfy { $0.accepts($0.response) && $0.rules != .finalNumber })
        #expect((outcome.artifact("trajectories")?.record.metrics["kept"]?.int ?? 0) > 0)
        for evaluation in outcome.stages where evaluation.artifact.record.type == "samples" {
            try check(evaluation.artifact, problems)
        }
        try checkForgeries(#require(outcome.artifact("vanilla")), data)
        #expect(outcome.artifact("table")?.record.metrics["taskLimit"] == .null)
        let report = try #require(outcome.reports.first)
        #expect(report.text.contains("multi-block"))
        // The page has the table of errors.
        let page = try RunReport(
            RunLocation.find("tasks", in: store), registry: Stages.registry, options: .init(decodes: false))
        #expect(page.html.contains("Kinds of errors") && page.html.contains("<code>vanilla</code>"))
    }

    /// Every record has one kind of error and a forward for each token, and the metrics count them.
    private func check(_ artifact: Artifact, _ problems: [Problem]) throws {
        var counts: [String: Int] = [:]
        for (line, problem) in zip(try Journal.read(artifact.folder.appending("samples.jsonl")), problems) {
            let record = try #require(SampleRecord(line.value))
            let decided = try #require(line.value["decided"]?.array).compactMap(\.int)
            #expect(decided.count == record.text.split(separator: " ").count)
            #expect(decided.allSatisfy { (-1..<record.forwards).contains($0) })
            let kind = try #require(line.value["error"]?.string)
            let words = ResponseWords(record.text, decided: decided)
            #expect(kind == problem.errorClass(words, isRight: record.correct).rawValue)
            #expect((kind == "right") == record.correct && record.correct == problem.accepts(record.text))
            counts[kind, default: 0] += 1
        }
        let counted = try #require(artifact.record.metrics["errors"]?.object)
        #expect(counted.members.count == counts.count && counts.values.reduce(0, +) == 24)
        for (kind, count) in counts { #expect(counted[kind]?.int == count) }
    }

    /// `verify` finds a record whose kind of error or forwards were changed.
    private func checkForgeries(_ artifact: Artifact, _ data: FilePath) throws {
        let asked = try AskedProblems(data, limit: nil, recordsErrors: true)
        let path = artifact.folder.appending("samples.jsonl")
        let first = try #require(try Journal.read(path).first)
        try asked.check(first, 0, in: path)
        for (key, value) in [("error", JSONValue.string("wrong-sum")), ("error", .null), ("decided", [1])] {
            var object = try #require(first.value.object)
            object[key] = object[key] == value ? .string("malformed") : value
            #expect(throws: DamagedFileError.self) {
                try asked.check(JournalRecord(first.key, .object(object)), 0, in: path)
            }
        }
    }

    private func problems(with config: String) -> [String] {
        do {
            _ = try Experiment.parse(
                Array(#"{"name": "t", "stages": {"p": {"kind": "synthesize", \#(config)}}}"#.utf8),
                name: "t.json", registry: Stages.registry)
            return []
        } catch {
            return ["\(error)"]
        }
    }

    @Test func optionsOfOtherTasksAreRefused() {
        #expect(problems(with: #""task": "countdown", "countdown": { "numbers": 3 }"#) == [])
        #expect(problems(with: #""numbers": "fixed", "wordings": "equal-length""#) == [])
        #expect(
            problems(
                with: #""task": "english-problems", "english-problems": { "leastSums": 3, "mostSums": 2 }"#
            ).joined()
                .contains("It is less than leastSums, 3."))
        #expect(
            problems(with: #""countdown": { "numbers": 3 }"#).joined().contains(
                "These are options of the task countdown; this stage's is word-problems."))
        #expect(
            problems(with: #""task": "sudoku-4x4", "steps": 2"#).joined().contains(
                "\"steps\" is an option of word problems; this stage's task is sudoku-4x4."))
    }

    @Test func sentencesAreGradedWhereTheirSumsCanBeRead() throws {
        let scratch = try ScratchFolder()
        let sources: [(any ProblemSource, isRead: Bool)] = [
            (try WordProblems(seed: 1), true), (EnglishProblems(seed: 1), false),
            (Countdown(options: .init(), seed: 1), false),
        ]
        for (index, (source, isRead)) in sources.enumerated() {
            let folder = scratch.path.appending("\(index)")
            try FileSystem.createDirectory(folder)
            let problems = try source.problems(.test, count: 5)
            try ProblemFile.write(problems, to: folder.appending("test.jsonl"))
            #expect(try AskedProblems(folder, limit: nil).problems == problems)
            if isRead {
                #expect(problems.allSatisfy { $0.accepts($0.response, by: .sentence) })
                _ = try AskedProblems(folder, limit: nil, grader: .sentence)
            } else {
                #expect(throws: DataError.self) {
                    try AskedProblems(folder, limit: nil, grader: .sentence)
                }
            }
        }
    }

    @Test func problemsOfEveryTaskAreReadAsTheyWereWritten() throws {
        let scratch = try ScratchFolder()
        let path = scratch.path.appending("problems.jsonl")
        let all =
            try Countdown(seed: 1).problems(.train, count: 5) + Sudoku4x4(seed: 1).problems(.train, count: 5)
            + WordProblems(seed: 1).problems(.train, count: 5)
        try ProblemFile.write(all, to: path)
        #expect(try ProblemFile.read(path) == all)
        #expect(try FileSystem.readText(path).split(separator: "\n")[10].contains("task") == false)
        for rules in [
            #""task": "chess""#, #""task": "countdown""#, #""task": "countdown", "numbers": [100]"#,
            #""task": "sudoku-4x4", "givens": [1, 2]"#, #""task": 1"#,
        ] {
            try FileSystem.writeAtomically(
                #"{"id": "a", "question": "", "response": "", "answer": 1, "steps": [], \#(rules)}"#, to: path
            )
            #expect(throws: DamagedFileError.self) { try ProblemFile.read(path) }
        }
    }

    @Test func theSentenceGraderIsForWordProblems() throws {
        let scratch = try ScratchFolder()
        try ProblemFile.write(
            Sudoku4x4(seed: 1).problems(.test, count: 2), to: scratch.path.appending("test.jsonl"))
        _ = try AskedProblems(scratch.path, limit: nil)
        #expect(throws: DataError.self) {
            try AskedProblems(scratch.path, limit: nil, grader: .sentence)
        }
    }
}
