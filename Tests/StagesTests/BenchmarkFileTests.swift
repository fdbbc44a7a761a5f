import ArtifactStore
import Evaluation
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import DataStages
@testable import StageBasics
@testable import Stages

/// Data files in the forms in which they are published.
struct BenchmarkFileTests {
    private func questions(_ stages: String, _ scratch: ScratchFolder) throws -> QuestionFile {
        let text = "{\"name\": \"f\", \"seed\": 1, \"stages\": {\(stages)}}"
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "f.json", overrides: [], registry: Stages.registry)
        let outcome = try Runner(experiment, store: Store(scratch.path.appending("store"))).run()
        return try QuestionFile(folder: try #require(outcome.artifact("q")).folder)
    }

    private func file(_ path: FilePath) throws -> String {
        "\"file\": {\"kind\": \"dataset\", \"path\": \"\(path)\", \"sha256\": \"\(try SHA256.hex(ofFile: path))\"}"
    }

    private func shell(_ line: String, _ scratch: ScratchFolder) throws {
        #expect(try Command("/bin/sh", ["-c", line], scratch: scratch.path).wait().code == 0)
    }

    @Test func compressedLinesGiveTheSameQuestions() throws {
        let scratch = try ScratchFolder()
        let plain = Fixtures.path("tasks/humaneval.jsonl")
        let packed = scratch.path.appending("h.jsonl.gz")
        try shell("gzip -c '\(plain)' > '\(packed)'", scratch)
        let stage =
            "\"q\": {\"kind\": \"benchmark\", \"task\": \"humaneval\", \"family\": \"llada\", \"file\": \"@file\"}"
        let a = try questions("\(try file(plain)), \(stage)", scratch)
        let b = try questions("\(try file(packed)), \(stage)", scratch)
        #expect(a.items.map(\.prompt) == b.items.map(\.prompt) && a.items.count == 2)
    }

    @Test func aTarOfMATHIsReadBySubjectAndNumber() throws {
        let scratch = try ScratchFolder()
        for (path, type) in [
            ("test/algebra/10", "Algebra"), ("test/algebra/9", "Algebra"),
            ("test/counting_and_probability/1", "Counting & Probability"), ("train/algebra/1", "Algebra"),
        ] {
            let target = scratch.path.pushing(FilePath("MATH/\(path).json"))
            try FileSystem.createDirectory(target.removingLastComponent())
            try FileSystem.writeAtomically(
                "{\"problem\": \"\(path)\", \"level\": \"Level 1\", \"type\": \"\(type)\", \"solution\": \"$\\\\boxed{1}$\"}",
                to: target)
        }
        let tar = scratch.path.appending("MATH.tar")
        try shell("tar -cf '\(tar)' -C '\(scratch.path)' MATH", scratch)
        let head =
            "\(try file(tar)), \"q\": {\"kind\": \"benchmark\", \"task\": \"math\", \"family\": \"dream\", \"file\": \"@file\""
        func problems(_ keys: String) throws -> [String?] {
            try questions("\(head)\(keys)}", scratch).items.map { $0.record.value["problem"]?.string }
        }
        #expect(
            try problems("") == [
                "test/algebra/9", "test/algebra/10", "test/counting_and_probability/1",
            ])
        #expect(try problems(", \"split\": \"train\"") == ["train/algebra/1"])
        #expect(
            try problems(", \"subset\": [\"counting_and_probability\"]")
                == ["test/counting_and_probability/1"])
        #expect(try problems(", \"subset\": [\"algebra\"], \"limit\": 1") == ["test/algebra/9"])
        #expect {
            try problems(", \"subset\": [\"algebr\"]")
        } throws: { "\($0)".contains("counting_and_probability") }
    }

    /// What is in Fixtures/columnar/math, as the tar of MATH has it.
    private func writeMATHFiles(_ folder: FilePath) throws {
        let lines = try FileSystem.read(Fixtures.path("columnar/math/files.jsonl"))
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            let file = JSONValue(try JSONDocument(parsing: Array(line), name: "files").root)
            let target = folder.pushing(FilePath(try #require(file["path"]?.string)))
            try FileSystem.createDirectory(target.removingLastComponent())
            try FileSystem.writeAtomically(
                try #require(file["record"]).compactBytes(), to: target)
        }
    }

    @Test(arguments: [BenchmarkSplit.test, .train])
    func aParquetFolderOfMATHGivesTheQuestionsOfTheTar(_ split: BenchmarkSplit) throws {
        let scratch = try ScratchFolder()
        let plain = scratch.path.appending("MATH")
        try writeMATHFiles(plain)
        let task = try BenchmarkTasks.make(TaskOptions(task: "math", family: .dream))
        let questions = try [plain, Fixtures.path("columnar/math")].map { folder in
            let records = try BenchmarkFile(folder: folder, name: "@math")
                .records(split, unpackingTo: scratch.path.appending("unpacked"), joinsFolders: true)
            return try task.items(records, training: []).map { [$0.id, $0.prompt.text, $0.target] }
        }
        #expect(questions[0] == questions[1] && questions[0].count == (split == .test ? 11 : 9))
    }

    @Test func filesThatBelongToSeveralDataSetsOrAreMissingAreRefused() throws {
        let scratch = try ScratchFolder()
        func error(_ folder: FilePath, _ split: BenchmarkSplit) -> String {
            let error = #expect(throws: DataError.self) {
                try BenchmarkFile(folder: folder, name: "@math").records(
                    split, unpackingTo: scratch.path.appending("unpacked"))
            }
            return error?.description ?? ""
        }
        #expect(error(Fixtures.path("columnar/math"), .test).contains("3 folders (algebra, counting"))
        let data = scratch.path.appending("data")
        try FileSystem.createDirectory(data)
        try shell("cp '\(Fixtures.path("columnar/math/algebra"))'/test-00001* '\(data)'", scratch)
        #expect(error(data, .test).contains("doesn't hold all 2 files"))
        #expect(error(data, .train).contains("no Parquet file of the split \"train\""))
    }

    @Test func aParquetFileWithoutRowsIsRefusedByName() throws {
        let scratch = try ScratchFolder()
        let data = scratch.path.appending("data")
        try FileSystem.createDirectory(data)
        try FileSystem.writeAtomically(
            FileSystem.read(Fixtures.path("columnar/empty.parquet")), to: data.appending("test.parquet"))
        let error = #expect(throws: DataError.self) {
            try BenchmarkFile(folder: data, name: "@data").records(
                .test, unpackingTo: scratch.path.appending("unpacked"))
        }
        #expect(error?.description == "\(data)/test.parquet has no rows.")
    }

    @Test func localFilesTakesAParquetFile() throws {
        let scratch = try ScratchFolder()
        let path = Fixtures.path("columnar/math/precalculus/test-00000-of-00001.parquet")
        let stage =
            "\"q\": {\"kind\": \"benchmark\", \"task\": \"math\", \"family\": \"dream\", \"file\": \"@file\"}"
        let items = try questions("\(try file(path)), \(stage)", scratch).items
        #expect(items.map(\.target) == ["11", "12"])
    }
}
