package import ArtifactStore
internal import Base
internal import DataStages
internal import DecodingStages
internal import Evaluation
internal import Files
internal import JSON
internal import Recipes
internal import StageBasics
package import SystemPackage

/// Writes results of benchmarks as lm-evaluation-harness 0.4.9 does.
package enum LMEvalExport {
    /// Writes all evaluations of benchmarks of a run, each to a folder of its own.
    ///
    /// - Parameters:
    ///   - stage: only this stage, by its full name or the name before its variants.
    ///   - folder: where `<stage>/results_<time>.json` and `<stage>/samples_<task>_<time>.jsonl` go.
    /// - Returns: the files.
    /// - Throws: `FileError`, ``DamagedFileError``; ``DataError`` when there is nothing to write.
    package static func write(_ run: RunLocation, stage: String?, to folder: FilePath) throws -> [FilePath] {
        var written: [FilePath] = []
        var names: Set<String> = []
        for entry in run.record.stages {
            let name = entry.stage.byteText.split("[").first?.text ?? entry.stage
            if let stage, entry.stage != stage, name != stage { continue }
            guard let artifact = try run.store.artifact(of: entry),
                artifact.record.type == ArtifactType.samples.name,
                let data = artifact.record.recipe["inputs"]?["data"]?.string,
                let source = run.record.stages.first(where: { $0.fingerprint == data }),
                let questions = try run.store.artifact(of: source),
                DataSet(questions.folder, name: entry.stage).hasTasks
            else { continue }
            var place = Self.fileName(entry.stage)
            while !names.insert(place).inserted { place += "_" }
            written += try LMEvalResult(artifact, questions.folder).write(to: folder, place)
        }
        guard !written.isEmpty else {
            throw DataError(
                description:
                    "The run \(run.address) has no finished evaluation of a benchmark\(stage.map { " called \"\($0)\"" } ?? ""). Stages: \(run.record.stages.map(\.stage).joined(separator: ", "))."
            )
        }
        return written
    }

    /// A text of a record as a name that no shell and no kernel reads otherwise: `curve[threshold=0.5]` is
    /// `curve-threshold=0.5`.
    ///
    /// A record may have come from anybody: what isn't a letter or a digit of ASCII or one of `._=,+-` is `_`, and so is
    /// a dot that would begin the name.
    static func fileName(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8.prefix(200) {
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: ":"): bytes.append(UInt8(ascii: "-"))
            case UInt8(ascii: "]"): break
            case UInt8(ascii: "."): bytes.append(bytes.isEmpty ? UInt8(ascii: "_") : byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                bytes.append(byte)
            default: bytes.append("_=,+-".utf8.contains(byte) ? byte : UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}

/// One evaluation in the harness's form.
private struct LMEvalResult {
    let artifact: Artifact
    let file: QuestionFile
    let records: [JSONValue]

    init(_ artifact: Artifact, _ questions: FilePath) throws {
        self.artifact = artifact
        file = try QuestionFile(folder: questions)
        records = try Journal.read(artifact.folder.appending("samples.jsonl")).map(\.value)
    }

    /// The harness's own name where the prompts are those of one of its tasks.
    private var task: String {
        switch (file.task.task, file.task.family) {
        case ("gsm8k-cot", _): "gsm8k_cot_zeroshot"
        case ("long-gsm8k", _): "gsm8k"
        case ("math", _): "minerva_math"
        case ("humaneval", .dream): "humaneval_instruct"
        case ("mbpp", .dream): "mbpp_instruct"
        default: file.task.task
        }
    }

    private var metric: String {
        switch file.task.task {
        case "humaneval": "pass@1"
        case "mbpp": "pass_at_1"
        default: "exact_match"
        }
    }

    /// Writes both files to a folder called `name`, which is no link.
    func write(to parent: FilePath, _ name: String) throws -> [FilePath] {
        try FileSystem.createDirectory(parent)
        let folder = try Folder(parent).makeFolder(FilePath(name))
        let time = LMEvalExport.fileName(artifact.record.finished)
        let items = Dictionary(uniqueKeysWithValues: file.items.enumerated().map { ($1.id, ($0, $1)) })
        var samples: [UInt8] = []
        var hashes = ""
        var names: [String] = []
        var correct: [String: Int] = [:]
        for record in records {
            guard let id = record["id"]?.string, let (index, item) = items[id],
                let verdicts = record["verdicts"]?.object
            else { throw DamagedFileError(artifact.folder, "a record is of no question of the benchmark.") }
            for filter in filters(verdicts) {
                if !names.contains(filter.name) { names.append(filter.name) }
                if filter.isCorrect { correct[filter.name, default: 0] += 1 }
                let sample = sample(record, index, item, filter)
                hashes += ["doc_hash", "prompt_hash", "target_hash"].map { sample[$0]?.string ?? "" }.joined()
                samples += try sample.compactBytes()
                samples.append(UInt8(ascii: "\n"))
            }
        }
        let samplesName = "samples_\(LMEvalExport.fileName(task))_\(time).jsonl"
        let resultsName = "results_\(time).json"
        try folder.writeAtomically(samples, to: FilePath(samplesName))
        let results = results(names, correct, hash: SHA256.hex(of: Array(hashes.utf8)))
        try folder.writeAtomically(try results.prettyBytes(), to: FilePath(resultsName))
        return [resultsName, samplesName].map { parent.appending(name).appending($0) }
    }

    private struct Filter {
        let name: String
        let isCorrect: Bool
        let found: String
    }

    /// The verdicts by the harness's filters: sympy's stands for MATH's only one where it was asked.
    private func filters(_ verdicts: JSONObject) -> [Filter] {
        verdicts.members.compactMap { member in
            guard member.key != AnswerGrading.sympy else { return nil }
            let verdict = member.key == "none" ? verdicts[AnswerGrading.sympy] ?? member.value : member.value
            return Filter(
                name: member.key, isCorrect: verdict["correct"]?.bool ?? false,
                found: verdict["found"]?.string ?? verdict["outcome"]?.string ?? "")
        }
    }

    private func sample(
        _ record: JSONValue, _ index: Int, _ item: TaskItem, _ filter: Filter
    ) -> JSONValue {
        let text = record["text"]?.string ?? ""
        // The harness keeps the response as its model cut it.
        let response = file.task.task == "humaneval" || file.task.task == "mbpp" ? text : item.graded(text)
        let until = JSONValue.array(item.stopStrings.map { .string($0) })
        return [
            "doc_id": .integer(index), "doc": item.record.value, "target": .string(item.target),
            "arguments": [
                "gen_args_0": [
                    "arg_0": record["prompt"] ?? "", "arg_1": ["until": until, "do_sample": false],
                ]
            ],
            "resps": [[.string(response)]], "filtered_resps": [.string(filter.found)],
            "filter": .string(filter.name), "metrics": [.string(metric)],
            "doc_hash": record["docHash"] ?? .null, "prompt_hash": record["promptHash"] ?? .null,
            "target_hash": .string(SHA256.hex(of: Array(item.target.utf8))),
            metric: filter.isCorrect ? 1 : 0,
        ]
    }

    private func results(_ names: [String], _ correct: [String: Int], hash: String) -> JSONValue {
        let count = records.count
        var scores: JSONObject = ["alias": .string(task)]
        for name in names {
            let share = Double(correct[name] ?? 0) / Double(max(1, count))
            scores["\(metric),\(name)"] = .number(share)
            // Of the mean of a sample, with one degree of freedom less, as the harness has it.
            let error = count > 1 ? (share * (1 - share) / Double(count - 1)).squareRoot() : 0
            scores["\(metric)_stderr,\(name)"] = .number(error)
        }
        let shots = (try? BenchmarkTasks.make(file.task))?.fewShot.count ?? 0
        return [
            "results": [task: .object(scores)], "group_subtasks": [task: []],
            "configs": [task: ["task": .string(task), "num_fewshot": .integer(shots)]],
            "versions": [task: .integer(1)], "n-shot": [task: .integer(shots)],
            "higher_is_better": [task: [metric: true]],
            "n-samples": [
                task: ["original": .integer(file.items.count), "effective": .integer(count)]
            ],
            "config": [
                "model": "d3llm", "model_args": .string("recipe=\(artifact.record.fingerprint)"),
                "batch_size": artifact.record.recipe["config"]?["groupSize"] ?? .null,
            ],
            "task_hashes": [task: .string(hash)],
        ]
    }
}
