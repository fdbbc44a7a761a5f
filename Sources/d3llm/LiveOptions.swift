import ArgumentParser
import ArtifactStore
import Decoding
import Files
import Numerics
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
        help: "The decoding method; by default multi-block, or autoregressive for such a model.",
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

    /// Loads the model.
    func load() throws -> LiveModel {
        // Options are checked by what they say before a model of many gigabytes is read; those that depend on the
        // model are checked again with it.
        if let method { _ = try DecodingMethod.named(method) }
        let folder = try ArtifactAddress.model.find(model, in: storage.store)
        try storage.store.checkUnchanged(folder)
        for remark in try Checkpoint.remarks(folder) {
            ProgressReporter.standardError().log("Note: \(remark)")
        }
        return try LiveModel(folder: folder, precision: precision, threads: threadCount, method: method)
    }

    @Sendable private static func precision(_ text: String) throws -> WeightPrecision {
        if let precision = WeightPrecision(rawValue: text) { return precision }
        throw ValidationError("It is one of float32, bfloat16 and int8.")
    }

    var threadCount: Int { threads ?? Threads.available }

    func setting(for model: LiveModel) throws -> DecoderSetting {
        try DecoderSetting(method: method, settings: settings, for: model)
    }
}
