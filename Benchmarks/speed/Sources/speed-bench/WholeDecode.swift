import Decoding
import Files
import JSON
import Numerics
import SystemPackage
import Tokenizers
import Transformers

/// Whole prompts decoded by a trained model with dParallel's entropy rule; says the tokens, so that they can be compared.
enum WholeDecode {
    /// Token ids of the first problems of a data set, as `decode` and its peer read them.
    static func prompts(_ model: String, problems: String, count: Int) throws -> JSONValue {
        let tokenizer = try WordLevelTokenizer(folder: FilePath(model))
        let lines = try FileSystem.readText(FilePath(problems)).split(separator: "\n").prefix(count)
        return .array(
            try lines.map { line in
                let problem = try JSONDocument(parsing: Array(line.utf8), name: "problem").root
                let text = "\(problem["question"]?.string ?? "") <|sep|>"
                return .array(
                    tokenizer.encode(text: text, addSpecialTokens: false).map(JSONValue.integer))
            })
    }

    static func run(_ arguments: [String], threads: Int, repetitions: Int) throws -> JSONValue {
        let folder = FilePath(arguments[0])
        guard let threshold = Double(arguments[2]), let group = Int(arguments[3]),
            let precision = WeightPrecision(rawValue: arguments[4])
        else { return .null }
        let document = try JSONDocument(
            parsing: FileSystem.read(FilePath(arguments[1])), name: "prompts")
        let prompts = (JSONValue(document.root).array ?? []).map { row in
            (row.array ?? []).compactMap { $0.int.map(Int32.init) }
        }
        let model = try Checkpoint.load(folder, precision: precision)
        let factory = try DecodingMethod.named("entropy").factory([
            "generationLength": .integer(48), "blockLength": .integer(8), "threshold": .number(threshold),
            "earlyStop": .bool(true),
        ])
        let mask = model.configuration.maskToken ?? 1
        let end = model.configuration.endToken ?? 2
        let groups = (prompts.count + group - 1) / group
        let found = Found(count: prompts.count)
        let times = try Timing.seconds(repetitions) {
            try Threads.parallelFor(groups, threads: threads) { (index: Int) throws -> Void in
                let range = index * group..<min(prompts.count, (index + 1) * group)
                var decoders = range.map {
                    factory(DecodingTask(prompt: prompts[$0], maskToken: mask, endToken: end))
                }
                try BatchDecoder(model, threads: groups == 1 ? threads : 1).decode(&decoders)
                for (place, decoder) in zip(range, decoders) { found.set(place, decoder) }
            }
        }
        return ["decode": JSONValue(times), "tokens": found.tokens, "forwards": .integer(found.forwards)]
    }
}

/// Results by prompt; `@unchecked Sendable`: every place is written by one worker and read after all are done.
private final class Found: @unchecked Sendable {
    private let decoders: UnsafeMutableBufferPointer<(any Decoder)?>

    init(count: Int) {
        decoders = .allocate(capacity: count)
        decoders.initialize(repeating: nil)
    }

    deinit {
        decoders.deinitialize()
        decoders.deallocate()
    }

    func set(_ index: Int, _ decoder: any Decoder) { decoders[index] = decoder }

    var tokens: JSONValue {
        .array(
            decoders.compactMap { $0 }.map { decoder in
                .array(decoder.tokens[decoder.promptLength...].map { .integer(Int($0)) })
            })
    }

    var forwards: Int { decoders.compactMap { $0?.forwards }.reduce(0, +) }
}
