import ArtifactStore
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestModels
import TestSupport
import Testing
import Tokenizers

@testable import DecodingStages
@testable import ModelStages
@testable import Stages

/// From a data set of trajectories to a student.
@Suite(.serialized) struct ImportTrajectoriesTests {
    private let scratch: ScratchFolder
    private let store: Store
    private let model: FilePath

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
        model = scratch.path.appending("model")
        try TinyCheckpoint.write("llada_a", to: model)
    }

    private func run(_ data: FilePath, _ keys: String = "", more: String = "") throws -> RunOutcome {
        let digest = try ModelFolderStage.digest(of: model, ModelFolderStage.names(in: model))
        let text = """
            {"name": "import", "seed": 3, "stages": {
              "file": {"kind": "local-files", "path": "\(data)", "sha256": "\(try SHA256.hex(ofFile: data))"},
              "model": {"kind": "model-folder", "path": "\(model)", "digest": "\(digest)"},
              "rows": {"kind": "import-trajectories", "files": "@file", "model": "@model"\(keys)}\(more)
            }}
            """
        let experiment = try Experiment.parse(
            Array(text.utf8), name: "x.json", overrides: [], registry: Stages.registry)
        return try Runner(experiment, store: store, options: .init(threads: 2)).run()
    }

    private func failure(_ data: FilePath, _ keys: String = "") -> String {
        do {
            _ = try run(data, keys)
            return "no error"
        } catch { return "\(error)" }
    }

    private func fixture(_ name: String) -> FilePath { Fixtures.path("stages/trajectories/\(name)") }

    private func changed(_ change: (inout String) -> Void) throws -> FilePath {
        var lines = try FileSystem.readText(fixture("rows.jsonl")).split(separator: "\n").map(String.init)
        change(&lines[3])
        let path = scratch.path.appending("changed.jsonl")
        try FileSystem.writeAtomically(lines.joined(separator: "\n"), to: path)
        return path
    }

    @Test(
        "every form of the files gives the same records", arguments: ["rows.jsonl", "rows.parquet", "arrow"])
    func forms(name: String) throws {
        let steps = try JSONDocument(parsing: FileSystem.read(fixture("steps.json")), name: "steps").root
        let path = fixture(name == "arrow" ? "data-00000-of-00002.arrow" : name)
        let outcome = try run(path, #", "blockLength": 8"#)
        let artifact = try #require(outcome.artifact("rows"))
        let records = try Journal.read(artifact.folder.appending("trajectories.jsonl"))
        #expect(records.count == (name == "arrow" ? 4 : 6))
        for (record, row) in zip(records, steps.array ?? []) {
            let found = try #require(TrajectoryRecord(record.value))
            #expect(found.unmaskStep.map(Int.init) == row.array?.compactMap(\.int))
            #expect(found.isUsed && found.isCorrect == (found.id != "102"))
        }
        let metrics = artifact.record.metrics
        #expect(metrics["tokenizerCompared"]?.int == records.count)
        #expect(metrics["tokenizerAgreed"]?.int == records.count)
        #expect(metrics["nfe"]?.int == 16 * records.count && metrics["responseTokens"]?.double == 16)
    }

    @Test func shardsAreReadInOrderAndAMissingOneIsAnError() throws {
        let folder = scratch.path.appending("shards")
        try FileSystem.createDirectory(folder)
        func put(_ name: String) throws {
            try FileSystem.writeAtomically(FileSystem.read(fixture(name)), to: folder.appending(name))
        }
        func rows(part: String? = nil) throws -> [Int] {
            var rows: [Int] = []
            let files = try TrajectoryFiles(
                folder, part: part, name: "@data", scratch: scratch.path.appending("work"))
            try files.forEachRow(limit: nil) { row, _ in rows.append(row["idx"]?.int ?? -1) }
            return rows
        }
        func problem(part: String? = nil) -> String {
            do { return "\(try rows(part: part))" } catch { return "\(error)" }
        }
        #expect(problem().contains("@data has no .parquet, .arrow or .jsonl file"))
        try put("data-00001-of-00002.arrow")
        #expect(problem().contains("doesn't hold all 2 files of data"), "\(problem())")
        try put("data-00000-of-00002.arrow")
        #expect(try rows() == Array(100..<106))
        try put("rows.jsonl")
        #expect(problem().contains("several parts: data, rows.jsonl"), "\(problem())")
        #expect(try rows(part: "data-") == Array(100..<106))
    }

    @Test(arguments: ["empty.parquet", "empty.arrow", "unasked.parquet"])
    func aTableWithoutRowsOrColumnsOfTrajectoriesIsRefusedByName(_ name: String) throws {
        let folder = scratch.path.appending("empty")
        try FileSystem.createDirectory(folder)
        try FileSystem.writeAtomically(
            FileSystem.read(Fixtures.path("columnar/\(name)")), to: folder.appending(name))
        let files = try TrajectoryFiles(
            folder, part: nil, name: "@data", scratch: scratch.path.appending("work"))
        var rows: [JSONObject] = []
        func read() throws { try files.forEachRow(limit: nil) { row, _ in rows.append(row) } }
        if name == "unasked.parquet" {
            // Of its nine columns trajectories have one.
            try read()
            #expect(rows.count == 40 && rows.allSatisfy { $0.keys == ["question"] })
        } else {
            do {
                try read()
                Issue.record("\(name) was read")
            } catch {
                #expect(
                    "\(error)".contains(name == "empty.arrow" ? "empty.arrow has no rows" : "empty.parquet"))
            }
        }
    }

    @Test func compressedLinesAreReadAsTheyAre() throws {
        let packed = scratch.path.appending("rows.jsonl.gz")
        let source = fixture("rows.jsonl").string
        #expect(
            try Command(
                "/bin/sh", ["-c", "gzip -c '\(source)' > '\(packed)'"], scratch: scratch.path
            ).wait().code == 0)
        let outcome = try run(packed, #", "limit": 5, "keep": "right""#)
        let metrics = try #require(outcome.artifact("rows")).record.metrics
        #expect(metrics["rows"]?.int == 5 && metrics["kept"]?.int == 4 && metrics["wrong"]?.int == 1)
    }

    @Test func anImpossibleRowIsNamedOrLeftOut() throws {
        let path = try changed { $0 = $0.replacing(", 403]", with: ", 16]") }
        let text = failure(path)
        #expect(text.contains("data, line 4 (idx 103):"), "\(text)")
        #expect(text.contains("leaves such rows out"), "\(text)")
        let metrics = try #require(try run(path, #", "impossible": "skip""#).artifact("rows")).record.metrics
        #expect(metrics["kept"]?.int == 5 && metrics["impossible"]?.int == 1)
        let cut = try changed { $0 = String($0.prefix(300)) }
        #expect(failure(cut).contains("data, line 4: this is no JSON object"), "\(failure(cut))")
    }

    @Test func trajectoriesOfAnotherTokenizerAreRefused() throws {
        let text = try FileSystem.readText(fixture("rows.jsonl"))
        let path = scratch.path.appending("other.jsonl")
        var lines: [String] = []
        for line in text.split(separator: "\n") {
            // Every token but mask and end is another one.
            let row = try #require(
                JSONValue(try JSONDocument(parsing: Array(line.utf8), name: "row").root).object)
            func shifted(_ value: JSONValue?) -> JSONValue {
                if let id = value?.int { return .integer(id >= 395 ? id : (id + 100) % 395) }
                return .array((value?.array ?? []).map { shifted($0) })
            }
            var other = row
            for key in ["prompt_ids", "trajectory", "final_output"] { other[key] = shifted(row[key]) }
            lines.append(String(decoding: try JSONValue.object(other).compactBytes(), as: UTF8.self))
        }
        try FileSystem.writeAtomically(lines.joined(separator: "\n"), to: path)
        let problem = failure(path)
        #expect(problem.contains("of 6 prompts 0 hold their question"), "\(problem)")
    }

    @Test func aStudentIsTrainedFromThem() throws {
        let outcome = try run(
            fixture("rows.parquet"),
            more: """
                , "student": {"kind": "distill", "teacher": "@model", "trajectories": "@rows", "steps": 3, "batch": 2,
                  "adapter": {"rank": 2, "alpha": 2},
                  "optimizer": {"decayShape": "cosine", "warmup": 1, "decayShare": 0.9},
                  "d3llm": {"windowLengths": [8]}}
                """)
        let student = try #require(outcome.artifact("student"))
        // All six, also the answer that is wrong.
        #expect(student.record.metrics["answers"]?.int == 6)
        for name in ["tokenizer.json", "tokenizer_config.json", "model.safetensors", "config.json"] {
            #expect(FileSystem.exists(student.folder.appending(name)), "\(name)")
        }
        #expect(try BenchmarkModelFiles.read(student.folder) == BenchmarkModelFiles.read(model))
    }
}

/// What decoding takes from a folder besides the weights.
private enum BenchmarkModelFiles {
    static func read(_ folder: FilePath) throws -> [Int] {
        let tokens = try ModelTokens(folder)
        return [tokens.vocabulary, Int(tokens.mask), Int(tokens.end), tokens.tokenizer.vocabularySize]
    }
}
