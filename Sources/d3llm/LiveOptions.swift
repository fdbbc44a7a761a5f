import ArgumentParser
import ArtifactStore
import Decoding
import DecodingStages
import Files
import Numerics
import ResultStages
import Runs
import Sessions
import SystemPackage
import Transformers

/// The model that decodes live, and how.
struct LiveOptions: ParsableArguments {
    @Argument(
        help: """
            The model: a folder with config.json, weights and tokenizer, a file in GGUF, or an artifact of the store, \
            such as mini/table1/student.
            """, completion: .directory)
    var model: String

    @Option(
        help: """
            The decoding method, at its defaults. Without it the setting that the model's experiment chose; where there is \
            none multi-block, or autoregressive for such a model.
            """,
        completion: .list(DecodingMethod.all.map(\.name)))
    var method: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "An option of the method, as in threshold=0.25; `d3llm methods METHOD` lists them.",
            valueName: "name=value"))
    var settings: [String] = []

    @Option(
        help: "How the model's linear layers are kept: float32, bfloat16 or int8.",
        completion: .list(WeightPrecision.allCases.map(\.rawValue)), transform: Self.precision)
    var precision: WeightPrecision = .float32

    @Option(help: "Threads to use, all cores by default.")
    var threads: Int?

    @OptionGroup var storage: StoreOptions

    func validate() throws {
        if let threads, threads < 1 {
            throw ValidationError("--threads needs at least 1; this is \(threads).")
        }
    }

    /// Loads the model and finds out how it is decoded.
    func load() throws -> LiveStart {
        // Options are checked by what they say before a model of many gigabytes is read; those that depend on the
        // model are checked again with it.
        if let method { _ = try DecodingMethod.named(method) }
        let folder = try ArtifactAddress.model.find(model, in: storage.store)
        try storage.store.checkUnchanged(folder)
        for remark in try Checkpoint.remarks(folder) {
            ProgressReporter.standardError().log("Note: \(remark)")
        }
        let point = OperatingPoint(of: folder, in: storage.store)
        let named = method ?? point?.method
        let model = try LiveModel(folder: folder, precision: precision, threads: threadCount, method: named)
        return try LiveStart(model, self, point)
    }

    @Sendable private static func precision(_ text: String) throws -> WeightPrecision {
        if let precision = WeightPrecision(rawValue: text) { return precision }
        throw ValidationError("It is one of float32, bfloat16 and int8.")
    }

    var threadCount: Int { threads ?? Threads.available }
}

/// A model that is loaded, with what its experiment says of it.
struct LiveStart {
    let model: LiveModel
    let setting: DecoderSetting
    private let point: OperatingPoint?
    private let store: Store

    fileprivate init(_ model: LiveModel, _ options: LiveOptions, _ point: OperatingPoint?) throws {
        (self.model, self.point, store) = (model, point, options.storage.store)
        // Whoever names a method gets it at its defaults.
        let chosen = options.method == nil ? point.map(ChosenSetting.init) : nil
        setting = try DecoderSetting(
            method: options.method, settings: options.settings, chosen: chosen, for: model)
    }

    /// A question of a data set: of the named one; else of the one beside the model, or that its experiment asked.
    ///
    /// - Throws: `UnknownArtifactError` where there is no data set; `SessionError` for a question that it lacks.
    func sample(_ id: String, data: String?) throws -> LiveSample { try sample(id, in: folder(data)) }

    /// The questions of the model's own experiment; nil where there is no data set, or none with questions.
    var samples: LiveSamples? {
        guard let folder = try? folder(nil), let first = SampleFinder.first(in: folder) else { return nil }
        return LiveSamples(first: first) { try sample($0, in: folder) }
    }

    private func folder(_ data: String?) throws -> FilePath {
        if let data { return try ArtifactAddress.dataset.find(data, in: store) }
        do {
            return try ArtifactAddress.dataset.find(beside: model.folder)
        } catch {
            guard let folder = point?.data else { throw error }
            return folder
        }
    }

    private func sample(_ id: String, in folder: FilePath) throws -> LiveSample {
        let question = try SampleFinder.find(id, in: folder).question
        let ends = Set(model.furtherEndTokens + (model.endToken.map { [$0] } ?? []))
        let graded = Result {
            try GradedQuestion(
                id, in: folder, grader: point?.grader, tokenizer: model.tokenizer, ends: ends)
        }
        return LiveSample(question: question) { response in
            do {
                let graded = try graded.get()
                let isRight = try graded.isRight(response)
                return AnswerVerdict(
                    sample: id, isCorrect: isRight, reference: graded.reference,
                    note: isRight == nil ? "The data set has no right answer." : nil)
            } catch {
                return AnswerVerdict(sample: id, isCorrect: nil, reference: nil, note: "\(error)")
            }
        }
    }
}

extension ChosenSetting {
    fileprivate init(_ point: OperatingPoint) {
        self.init(method: point.method, values: point.options, sentence: point.sentence)
    }
}
