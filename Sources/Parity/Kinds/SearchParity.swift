internal import Decoding
internal import Documents
internal import JSON
internal import Transformers

/// Recorded trajectory searches (Prism): rows, answers, scores, counts, and every pruning.
struct SearchParity: ParityKind {
    let name = "prism/decode"
    let file = "decode_prism.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        let tables = try root.member("tables")
        for (id, node) in try root.identified("cases") {
            do {
                tally.record(try SearchCase(node, tables, folder).divergence().map { "\(id): \($0)" })
            } catch {
                tally.record("\(id): \(error)")
            }
        }
    }
}

/// A tokenizer of recorded searches: each token is a character or, as a special token, none.
private struct CharacterText: SearchText {
    private let characters: [String]
    private let tokens: [Unicode.Scalar: Int32]
    private let unknown: Int32

    init(_ node: CaseNode, vocabulary: Int) throws {
        characters = try node.elements().map { try $0.string() }
        guard characters.count == vocabulary else {
            throw node.problem("the table has \(characters.count) tokens and the model \(vocabulary)")
        }
        var first: [Unicode.Scalar: Int32] = [:]
        for (token, character) in characters.enumerated() {
            let scalars = Array(character.unicodeScalars)
            guard scalars.count == 1, first[scalars[0]] == nil else { continue }
            first[scalars[0]] = Int32(token)
        }
        guard let unknown = first["?"] else { throw node.problem("the table has no question mark") }
        (tokens, self.unknown) = (first, unknown)
    }

    func tokens(of text: String) -> [Int32] { text.unicodeScalars.map { tokens[$0] ?? unknown } }

    func text(of tokens: [Int32]) -> String {
        tokens.map { characters.indices.contains(Int($0)) ? characters[Int($0)] : "" }.joined()
    }
}

/// A recorded SplitMix64 stream from its beginning.
private struct RecordedStream: RandomNumberGenerator {
    private let numbers: SplitMix64
    private(set) var count = 0

    init(seed: UInt64) { numbers = SplitMix64(seed) }

    mutating func next() -> UInt64 {
        defer { count += 1 }
        return numbers.number(count)
    }
}

/// One recorded search.
private struct SearchCase {
    /// Absolute difference of scores that is allowed.
    private static let tolerance = 1e-5
    /// More rows × positions × steps than recorded searches have.
    private static let limit = 1_000_000

    private let node: CaseNode
    private let model: Transformer
    private let options: TrajectorySearchOptions
    private let text: CharacterText
    private let task: DecodingTask

    init(_ node: CaseNode, _ tables: CaseNode, _ folder: ParityFolder) throws {
        self.node = node
        model = try folder.model(try node.string("model"))
        options = try Self.options(node)
        text = try CharacterText(
            try tables.member(try node.string("table")), vocabulary: model.configuration.vocabulary)
        task = DecodingTask(
            prompt: try node.tokens("prompt"), maskToken: try node.token("mask_id"),
            endToken: try node.token("eos_id"))
        let positions = task.prompt.count + options.generationLength + options.blockLength
        let steps = min(options.steps, options.generationLength)
        guard positions <= Self.limit, options.trajectories * positions * steps <= Self.limit else {
            throw node.problem("its rows, positions and steps are too many")
        }
    }

    private static func options(_ node: CaseNode) throws -> TrajectorySearchOptions {
        let parameters = try node.required("params")
        let counts = 1...limit
        var options = TrajectorySearchOptions()
        switch Array(try node.string("method").utf8) {
        case Array("prism_llada".utf8): options.form = .llada
        case Array("prism_dream".utf8): options.form = .dream
        default: throw node.problem("its method is neither prism_llada nor prism_dream")
        }
        let subject = try parameters.string("task_type")
        options.subject = .init(rawValue: subject) ?? .other
        options.reward = try parameters.required("reward_mode").choice()
        options.generationLength = try parameters.integer("gen_length", in: counts)
        options.blockLength = try parameters.integer("block_length", default: 1, in: counts)
        options.steps = try parameters.integer("steps", in: counts)
        options.leastTokensPerStep = try parameters.integer("minimal_topk", default: 1, in: counts)
        options.trajectories = try parameters.integer("initial_N", in: counts)
        options.survivors = try parameters.integer("hts_survivor_k", in: counts)
        options.pruningStart = try parameters.number("hts_start_pct", in: 0...1)
        options.pruningEnd = try parameters.number("hts_end_pct", in: 0...1)
        options.decay = try parameters.number("decay_factor")
        options.pruningInterval = try parameters.integer("pruning_interval", in: 0...limit)
        options.temperature = try parameters.number("temperature")
        options.threshold = try parameters.number("threshold")
        options.stops = try parameters["until"]?.elements().map { try $0.string() } ?? []
        let widths = try list("final_K", of: parameters) { try $0.integer(in: counts) }
        guard let last = widths.last else { throw parameters.problem("\"final_K\" has no number") }
        options.width = last
        if try !parameters.flag("hts_mode") { options.cuts = try cuts(parameters, widths, options.form) }
        return options
    }

    /// The prunings at fixed steps; LLaDA's alone may keep fewer rows than go on.
    private static func cuts(
        _ parameters: CaseNode, _ widths: [Int], _ form: TrajectorySearchOptions.Form
    ) throws -> [TrajectorySearchOptions.Cut] {
        let fractions = try list("prune_step_pct", of: parameters) { try $0.number(in: 0...1) }
        var survivors: [Int] = []
        if form == .llada {
            survivors = try list("survivor_K", of: parameters) { try $0.integer(in: 1...limit) }
        }
        survivors += widths.dropFirst(survivors.count)
        return zip(fractions, zip(widths, survivors)).map {
            .init(fraction: $0, width: $1.0, survivors: $1.1)
        }
    }

    /// A number or a list of numbers; nothing where there is none.
    private static func list<T>(
        _ key: String, of node: CaseNode, _ read: (CaseNode) throws -> T
    ) throws -> [T] {
        guard let value = node[key] else { return [] }
        return try value.node.array == nil ? [read(value)] : value.elements().map(read)
    }

    /// What differs first; nil for nothing.
    func divergence() throws -> String? {
        var draws = RecordedStream(seed: UInt64(try node.integer("draw_seed", in: 0...Int.max)))
        let search = TrajectorySearch(model, options, text: text, threads: 1)
        let found = try search.run(task, question: try node.string("prompt_text"), draws: &draws)
        if let failure = try prunings(found) { return failure }
        for (index, order) in try node.elements("randperms").enumerated() {
            let order = try order.integers()
            guard found.permutations.indices.contains(index), found.permutations[index] == order else {
                return "permutation \(index) isn't \(order)"
            }
        }
        for (index, expected) in try node.rows("branches_final").enumerated() {
            guard found.rows.indices.contains(index) else { return "there is no row \(index)" }
            if let place = DecodeParity.firstDifference(found.rows[index], expected) {
                return "row \(index) differs at generated position \(place)"
            }
        }
        return try counts(found, draws: draws.count) ?? answers(found)
    }

    private func counts(_ found: TrajectorySearch.Outcome, draws: Int) throws -> String? {
        let counts: [(key: String, found: Int, isOptional: Bool)] = [
            ("nfe", found.evaluations, false), ("svf_calls", found.verifierCalls, false),
            ("draws", draws, false), ("forwards", found.forwards, false),
            ("rows_forwarded", found.rowsForwarded, false),
            ("tokens_forwarded", found.tokensForwarded, false),
            ("first_block_nfe", found.firstBlockEvaluations, true),
        ]
        for count in counts where !count.isOptional || node[count.key] != nil {
            let expected = try node.integer(count.key)
            if count.found != expected { return "\(count.key) is \(count.found), expected \(expected)" }
        }
        if let steps = try node["steps_per_block"]?.integers(), steps != found.stepsPerBlock {
            return "the blocks' steps are \(found.stepsPerBlock), expected \(steps)"
        }
        let lists = [
            ("branches_final", found.rows.count), ("randperms", found.permutations.count),
            ("pruning", found.prunings.count),
        ]
        for (key, count) in lists {
            let expected = try node.elements(key).count
            if count != expected { return "\(key) has \(count) elements, expected \(expected)" }
        }
        return nil
    }

    private func answers(_ found: TrajectorySearch.Outcome) throws -> String? {
        let responses = try node.elements("responses").map { try $0.string() }
        guard responses.count == found.answers.count else {
            return "there are \(found.answers.count) answers, expected \(responses.count)"
        }
        for (index, (answer, expected)) in zip(found.answers, responses).enumerated()
        where !answer.text.utf8.elementsEqual(expected.utf8) {
            return "answer \(index) is \"\(answer.text)\", expected \"\(expected)\""
        }
        return Self.scores("the final scores", found.answers.map(\.score), try node.numbers("final_scores"))
    }

    private func prunings(_ found: TrajectorySearch.Outcome) throws -> String? {
        for (index, recorded) in try node.elements("pruning").enumerated() {
            guard found.prunings.indices.contains(index) else { return "there is no pruning \(index)" }
            let pruning = found.prunings[index]
            let places = (try recorded.integer("step"), try recorded.integer("width"))
            if places != (pruning.step, pruning.width) {
                return
                    "pruning \(index) is at step \(pruning.step) to \(pruning.width) rows, expected \(places)"
            }
            let failure = Self.scores(
                "the scores of pruning \(index)", pruning.scores, try recorded.numbers("scores"))
            if let failure { return failure }
            let survivors = try recorded.integers("survivors")
            if pruning.survivors != survivors {
                return "pruning \(index) keeps \(pruning.survivors), expected \(survivors)"
            }
        }
        return nil
    }

    private static func scores(_ name: String, _ found: [Double], _ expected: [Double]) -> String? {
        guard found.count == expected.count else {
            return "\(name) are \(found.count), expected \(expected.count)"
        }
        for (index, pair) in zip(found, expected).enumerated() {
            let failure = Compare.number("\(index) of \(name)", pair.0, pair.1, absolute: tolerance)
            if let failure { return failure }
        }
        return nil
    }
}
