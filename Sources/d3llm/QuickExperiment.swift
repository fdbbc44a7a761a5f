import ArtifactStore
internal import Base
import Cookbook
import DataStages
import Decoding
import Documents
import Fetching
import Files
import JSON
import ModelStages
import Recipes
import Runs
import Sessions
import StageBasics
import SystemPackage
import Transformers

/// The configuration of an experiment that a command line asks for in a few words: models, questions, methods.
///
/// It is a configuration as any other: what is run can be shown, recorded and run again without this.
struct QuickExperiment {
    /// What is asked for.
    struct Request {
        /// Folders, artifacts of the store, or inputs of data.lock.
        var models: [String]
        /// A benchmark's name; nil for ``data``, or for the questions of the model's own experiment.
        var task: String?
        /// A file of own questions.
        var data: String?
        /// Only the first questions.
        var limit: Int?
        /// Names of methods; the one that suits the model where there is none.
        var methods: [String]
        /// `name=value`, for each method that has the option.
        var settings: [String] = []
        /// `name=value,value`, likewise; each value is a setting of its own.
        var sweeps: [String] = []
        var family: String?
        var precision: String?
        var seed: Int?
        /// Whether there is a table in any case; else where there is more than one setting.
        var compares = false
    }

    /// The configuration, and the stages that answer the questions.
    struct Result {
        let configuration: Configuration
        let evaluations: [String]
        /// The stages that the words of the command line made, each as one line; the others are those of the models' own
        /// experiments.
        let written: [String]
        /// What the reader should know of how the words were taken, in full sentences.
        let notes: [String]
    }

    /// The benchmarks that can be named.
    static let tasks = BenchmarkStage.Task.allCases.map(\.rawValue)

    private let request: Request
    private let store: Store
    private var stages = JSONObject()
    private var pins = JSONObject()
    /// Names of the stages that are as the models' own experiments have them.
    private var taken: Set<String> = []
    private var seed: Int?
    private var notes: [String] = []

    private init(_ request: Request, _ store: Store) { (self.request, self.store) = (request, store) }

    /// - Throws: ``QuickExperimentError``, `UnknownArtifactError`, `DecodingError`; what reading models and data throws.
    static func make(_ request: Request, _ store: Store) throws -> Result {
        var experiment = QuickExperiment(request, store)
        return try experiment.make()
    }

    private mutating func make() throws -> Result {
        let methods = try request.methods.map { try DecodingMethod.named($0) }
        let models = try request.models.map { try model($0) }
        let data = try data(for: models)
        var evaluations: [(label: String, stage: String)] = []
        for model in models {
            for method in methods.isEmpty ? [try usual(for: model)] : methods {
                let label = models.count > 1 ? "\(model.label) \(method.name)" : method.name
                let name = unused(Self.slug(label))
                stages[name] = .object(try evaluation(of: model, method, data))
                evaluations.append((label, name))
            }
        }
        try checkOptions(methods.isEmpty ? try models.map { try usual(for: $0) } : methods)
        let names = evaluations.map(\.stage)
        // A table's reference is one stage or variant, whose full name the stages say when they have been read.
        let variants = try configuration(models).experiment().stages.filter { names.contains($0.name) }
        if request.compares || variants.count > 1, let first = variants.first {
            stages[unused("table")] = [
                "kind": "aup", "data": .string("@\(data)"), "reference": .string("@\(first.id)"),
                "curves": .object(
                    JSONObject(evaluations.map { ($0.label, .string("@\($0.stage)")) })),
                "claims": [],
            ]
        }
        let written = try stages.members.filter { !taken.contains($0.key) }.map {
            "\"\($0.key)\": \(String(decoding: try $0.value.compactBytes(), as: UTF8.self))"
        }
        return Result(
            configuration: try configuration(models), evaluations: names, written: written, notes: notes)
    }

    private func configuration(_ models: [Model]) throws -> Configuration {
        let subject = request.task ?? request.data.flatMap { FilePath($0).stem } ?? "own"
        let names = models.count > 3 ? "\(models.count)-models" : models.map(\.label).joined(separator: "-")
        var root: JSONObject = [
            "name": .string(
                "\(request.compares ? "compare" : "evaluate")/\(Self.slug("\(names)-\(subject)").lowercased())"
            ),
            "seed": .integer(request.seed ?? seed ?? 0), "stages": .object(stages),
        ]
        if !pins.members.isEmpty { root["pins"] = .object(pins) }
        let text = try JSONValue.object(root).prettyBytes()
        return Configuration(parsing: text, name: "evaluate.json", registry: D3LLM.registry)
    }

    /// A name that no stage has yet.
    private func unused(_ name: String) -> String {
        var (found, number) = (name, 2)
        while stages[found] != nil { (found, number) = ("\(name)-\(number)", number + 1) }
        return found
    }

    /// The text as a stage may be called.
    private static func slug(_ text: String) -> String {
        let words = text.utf8.split { byte in
            !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                && !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) && byte != UInt8(ascii: "_")
        }
        let slug = words.compactMap { String($0) }.joined(separator: "-")
        return slug.isEmpty ? "x" : slug
    }
}

extension QuickExperiment {
    /// One of the models.
    private struct Model {
        /// What people call it.
        let label: String
        /// The stage that makes it.
        let stage: String
        /// Its folder, to look into; nil before it is downloaded.
        var folder: FilePath?
        /// For an artifact of the store: how its own experiment asked it.
        var own: Own?
        var isDream = false
    }

    /// How the experiment of an artifact asks its models.
    private struct Own {
        /// The stages that ask this model, or any model where none asks this one.
        let evaluations: [JSONObject]
        /// The stage that makes its questions, of the configuration that is being made.
        let data: String?
    }

    private mutating func model(_ text: String) throws -> Model {
        let isThere = try FileSystem.status(FilePath(text)) != nil
        // Names of inputs have no slash, and most names of artifacts have one.
        if !isThere, !text.byteText.contains("/"),
            try DataLock.nearest(&notes).inputs.contains(where: { $0.name == text })
        {
            let stage = unused("model")
            stages[stage] = ["kind": "checkpoint", "input": .string(text)]
            var model = Model(label: text, stage: stage)
            model.isDream = text.byteText.contains("dream")
            return model
        }
        let folder: FilePath
        do {
            folder = try ArtifactAddress.model.find(text, in: store)
        } catch let error as UnknownArtifactError where !isThere {
            throw QuickExperimentError(
                "\(error) Nor is it an input of \(DataLock.fileName), of which `d3llm fetch --list` knows the names."
            )
        }
        if let artifact = try? ArtifactRecord(
            parsing: FileSystem.read(folder.appending(ArtifactRecord.fileName))),
            let model = try made(artifact, folder)
        {
            return model
        }
        return try taken(folder, text)
    }

    /// A folder of this machine.
    private mutating func taken(_ folder: FilePath, _ text: String) throws -> Model {
        // A file in GGUF is named itself too.
        let folder =
            try FileSystem.status(folder)?.kind == .file ? folder.removingLastComponent() : folder
        let stage = unused("model")
        let place = folder.isEmpty ? "." : folder
        let digest = try DigestCheck.digest(of: place, ModelFolderStage.names(in: place))
        stages[stage] = [
            "kind": "model-folder", "path": .string(place.string), "digest": .string(digest),
        ]
        return try looked(
            Model(label: FilePath(text).stem ?? "model", stage: stage, folder: place))
    }

    /// An artifact with everything that its experiment made it from; nil where no record of a run has it.
    private mutating func made(_ artifact: ArtifactRecord, _ folder: FilePath) throws -> Model? {
        for run in store.runs(of: artifact.experiment).reversed() {
            guard let record = try? RunRecord.read(run),
                record.stages.contains(where: { $0.fingerprint == artifact.fingerprint })
            else { continue }
            let file = run.appending(RunRecord.experimentFileName)
            guard let configuration = try? Configuration(file, registry: D3LLM.registry),
                let experiment = try? configuration.experiment(),
                let stage = experiment.stages.first(where: { $0.fingerprint == artifact.fingerprint })
            else { continue }
            let plain = configuration.plainStages
            let asking = asking(stage, experiment, plain.stages)
            let asksOwn = request.task == nil && request.data == nil
            let roots = [stage.name] + (asksOwn ? asking.data.map { [$0] } ?? [] : [])
            let needed = Set(roots.flatMap { experiment.closure(of: $0).map(\.name) })
            guard take(plain, needed) else { break }
            let label = "\(artifact.experiment)/\(stage.id)"
            return try looked(
                Model(label: label, stage: stage.id, folder: folder, own: asking))
        }
        notes.append(
            "\(artifact.experiment)/\(artifact.stage) is copied as it is: no record of a run says, so that it fits here, what it was made from."
        )
        return nil
    }

    /// The stages of an experiment that ask a model, as they stand in its configuration.
    private func asking(_ model: Stage, _ experiment: Experiment, _ stages: JSONObject) -> Own {
        let all = experiment.stages.filter { $0.recipe.kind == "evaluate" }
        let own = all.filter { $0.needs.contains(model.id) }
        let chosen = own.isEmpty ? all : own
        var names: [String] = []
        for stage in chosen where !names.contains(stage.name) { names.append(stage.name) }
        let data = chosen.first?.inputs.flatMap(\.references).first { $0.type == .dataset }?.stage
        return Own(
            evaluations: names.compactMap { stages[$0]?.object },
            data: data ?? experiment.stages.first { type(of: $0.implementation).output == .dataset }?.id)
    }

    /// Takes stages over; whether they fit those that are there.
    private mutating func take(
        _ plain: (stages: JSONObject, seed: Int, pins: JSONValue?), _ names: Set<String>
    ) -> Bool {
        let seed = self.seed ?? plain.seed
        var taken = plain.stages.members.filter { names.contains($0.key) }
        for index in taken.indices {
            guard var object = taken[index].value.object, object["seed"] == nil,
                plain.seed != seed || request.seed.map({ $0 != seed }) ?? false
            else { continue }
            object["seed"] = .integer(plain.seed)
            taken[index].value = .object(object)
        }
        guard taken.allSatisfy({ member in stages[member.key].map { $0 == member.value } ?? true }) else {
            return false
        }
        self.seed = seed
        for member in taken {
            stages[member.key] = member.value
            self.taken.insert(member.key)
        }
        let inputs = Set(
            taken.flatMap { [$0.value["input"]?.string, $0.value["adapter"]?.string] }.compactMap(\.self))
        for member in plain.pins?.object?.members ?? [] where inputs.contains(member.key) {
            pins[member.key] = member.value
        }
        return true
    }

    private func looked(_ model: Model) throws -> Model {
        var model = model
        let types = try model.folder.map { try Checkpoint.family($0).modelTypes } ?? []
        model.isDream = types.contains { $0.byteText.asciiLowercased.contains("dream") }
        return model
    }

    private func usual(for model: Model) throws -> DecodingMethod {
        guard let folder = model.folder else {
            throw QuickExperimentError(
                "Whether \(model.label) is autoregressive shows when it has been downloaded; name the decoding method (--method, --methods): \(DecodingMethod.usual(.bidirectional).name) for a masked-diffusion model, \(DecodingMethod.usual(.causal).name) for another."
            )
        }
        return .usual(try Checkpoint.configuration(folder).attention)
    }
}

extension QuickExperiment {
    /// The stage that makes the questions.
    private mutating func data(for models: [Model]) throws -> String {
        if let task = request.task { return try benchmark(task, models) }
        if let file = request.data { return try ownQuestions(file) }
        let known = models.compactMap { $0.own?.data }
        guard let first = known.first else {
            throw QuickExperimentError(
                "Which questions? Name a benchmark with --task (\(Self.tasks.joined(separator: ", "))), or a file of questions with --data. Only models of the store are asked those of their own experiment."
            )
        }
        return first
    }

    private mutating func benchmark(_ name: String, _ models: [Model]) throws -> String {
        guard let task = BenchmarkStage.Task(rawValue: name) else {
            let hint = NearestName.hint(for: name, among: Self.tasks, what: "They are") ?? ""
            throw QuickExperimentError("There is no benchmark \"\(name)\". \(hint)")
        }
        let family = request.family ?? (models.contains { $0.isDream } ? "dream" : "llada")
        _ = try DataLock.nearest(&notes)
        let file = unused("\(task.input)-data")
        stages[file] = ["kind": "fetch", "input": .string(task.input)]
        var stage: JSONObject = [
            "kind": "benchmark", "task": .string(name), "family": .string(family),
            "file": .string("@\(file)"),
        ]
        if task == .longGSM8K { stage["training"] = .string("@\(file)") }
        let questions = unused(name)
        stages[questions] = .object(stage)
        return questions
    }

    private mutating func ownQuestions(_ text: String) throws -> String {
        let path = FilePath(text)
        guard let status = try FileSystem.status(path) else {
            throw FileError("read", path, .noSuchFileOrDirectory)
        }
        guard status.kind == .file else {
            throw QuickExperimentError(
                "\(text) is a folder; --data takes a file of questions. docs/own-data.md shows a configuration for folders."
            )
        }
        let (file, questions) = (unused("file"), unused("questions"))
        stages[file] = [
            "kind": "local-files", "path": .string(text), "sha256": .string(try SHA256.hex(ofFile: path)),
        ]
        // Nothing is trained here: all records are asked.
        stages[questions] = ["kind": "questions", "file": .string("@\(file)"), "testPercent": 100]
        return questions
    }
}

extension QuickExperiment {
    /// The stage that asks a model; as its own experiment does where that says it.
    private func evaluation(of model: Model, _ method: DecodingMethod, _ data: String) throws -> JSONObject {
        let own = model.own?.evaluations ?? []
        let same = own.first { $0["decoder"]?["method"]?.string == method.name }
        var stage: JSONObject = [
            "kind": "evaluate", "model": .string("@\(model.stage)"), "data": .string("@\(data)"),
        ]
        if let limit = request.limit { stage["limit"] = .integer(limit) }
        if data == model.own?.data, let example = same ?? own.first {
            for key in ["groupSize", "precision", "grader"] where example[key] != nil {
                stage[key] = example[key]
            }
        }
        if let precision = request.precision { stage["precision"] = .string(precision) }
        var decoder: JSONObject = ["method": .string(method.name)]
        for (key, value) in options(of: method, like: same ?? own.first, isSame: same != nil) {
            decoder[key] = value
        }
        if model.isDream, method.options.contains(where: { $0.key == "family" }) {
            decoder["family"] = "dream"
        }
        // What other methods have and this one doesn't, or has without an effect, is for the others.
        var values = Dictionary(uniqueKeysWithValues: decoder.members.map { ($0.key, $0.value) })
        values["method"] = nil
        var sweeps: [(name: String, values: [JSONValue])] = []
        for setting in request.settings {
            let (name, text) = try Self.parts(of: setting, option: "--set")
            guard let option = method.options.first(where: { $0.key == name }) else { continue }
            decoder[name] = option.value(parsing: text)
            values[name] = decoder[name]
        }
        for sweep in request.sweeps {
            let (name, text) = try Self.parts(of: sweep, option: "--sweep")
            guard let option = method.options.first(where: { $0.key == name }) else { continue }
            let each = text.byteText.split(",", keepingEmpty: true).map { option.value(parsing: $0.text) }
            decoder[name] = nil
            values[name] = each.first
            sweeps.append((name, each))
        }
        let unused = request.methods.count > 1 ? method.unused(values) : []
        for name in unused { decoder[name] = nil }
        let matrix = JSONObject(
            sweeps.filter { !unused.contains($0.name) }.map { ("decoder.\($0.name)", .array($0.values)) })
        stage["decoder"] = .object(decoder)
        if !matrix.members.isEmpty { stage["matrix"] = .object(matrix) }
        return stage
    }

    /// What a stage says of its decoder: all of it for the same method, else the lengths, which other methods have too.
    private func options(
        of method: DecodingMethod, like example: JSONObject?, isSame: Bool
    ) -> [(String, JSONValue)] {
        let given = (example?["decoder"]?.object?.members ?? []).map { ($0.key, $0.value) }
        return given.filter { key, _ in
            guard key != "method", let option = method.options.first(where: { $0.key == key }) else {
                return false
            }
            return isSame || [.responseLength, .blockLength].contains(option.meaning)
        }
    }

    /// Refuses options that no method has.
    private func checkOptions(_ methods: [DecodingMethod]) throws {
        let known = methods.flatMap { $0.options.map(\.key) }
        for (option, given) in [("--set", request.settings), ("--sweep", request.sweeps)] {
            for text in given {
                let (name, _) = try Self.parts(of: text, option: option)
                guard !known.contains(name) else { continue }
                let hint = NearestName.hint(for: name, among: known, what: "Options are") ?? ""
                throw QuickExperimentError(
                    "\(option) names \"\(name)\", which is no option of \(methods.map(\.name).joined(separator: ", ")). \(hint)"
                )
            }
        }
    }

    private static func parts(of text: String, option: String) throws -> (name: String, value: String) {
        guard let (name, value) = text.byteText.cut(at: "="), !name.isEmpty, !value.isEmpty else {
            throw QuickExperimentError(
                "\(option) takes an option of the method and a value, as in threshold=0.3; this is \"\(text)\"."
            )
        }
        return (name.text, value.text)
    }
}

extension BenchmarkStage.Task {
    /// The input of data.lock with its problems.
    fileprivate var input: String {
        switch self {
        case .gsm8k, .longGSM8K: "gsm8k"
        case .math, .humanEval, .mbpp, .humanEvalPlus, .mbppPlus: rawValue
        }
    }
}

extension DataLock {
    /// The lock file of the current folder or of one above it.
    ///
    /// Where there is none, the one that the program has in itself is written to the current folder.
    fileprivate static func nearest(_ notes: inout [String]) throws -> DataLock {
        var folder = try FileSystem.absolute(".").lexicallyNormalized()
        while true {
            let path = folder.appending(fileName)
            if FileSystem.exists(path) { return try DataLock(path) }
            guard folder.removeLastComponent() else { break }
        }
        let path = FilePath(fileName)
        try FileSystem.writeAtomically(Cookbook.own.lock, to: path)
        notes.append("\(fileName) was written: it says where inputs come from and what they are.")
        return try DataLock(path)
    }
}

/// Words of a command line that make no experiment.
struct QuickExperimentError: Failure {
    var failureKind: FailureKind { .request }

    let description: String

    init(_ description: String) { self.description = description }
}
