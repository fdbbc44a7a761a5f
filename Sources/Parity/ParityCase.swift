internal import Decoding
package import Documents
internal import Evaluation
internal import JSON

/// The models that a case is decoded with, by their names in a folder of cases.
struct CaseModels: Hashable, Comparable {
    let model: String
    /// A second model that judges the first one's drafts.
    var verifier: String?

    static func < (a: CaseModels, b: CaseModels) -> Bool {
        (a.model, a.verifier ?? "") < (b.model, b.verifier ?? "")
    }
}

/// One recorded decoding: what was asked, and what upstream's code made of it.
struct DecodeCase {
    let id: String
    let models: CaseModels
    /// Upstream's name of the method, for example `d3llm_multi_block`.
    let method: String
    let task: DecodingTask
    /// Makes this project's decoder for the case.
    let factory: DecoderFactory
    /// The whole final sequence.
    let tokens: [Int32]
    /// NFE as upstream returns it.
    let evaluations: Int
    /// Forwards that were really made.
    let forwards: Int
    /// Sum of their input lengths.
    let tokensForwarded: Int
    /// Forwards of the second model, and the sum of their input lengths.
    let verifierCounts: [Int]?
    /// Why decoding ended, in upstream's words, where that was recorded.
    let completion: String?
    /// What upstream fills a finished row up with, where that isn't the end token.
    let padding: Int32?

    /// - Parameter family: whose version of upstream's code recorded the case.
    init(id: String, _ node: CaseNode, family: String) throws {
        self.id = id
        method = try node.string("method")
        // The baseline without a verifier names one all the same.
        let verifier = method == "apd" ? try node.string("verifier") : nil
        models = CaseModels(model: try node.string("model"), verifier: verifier)
        verifierCounts = try verifier.map { _ in
            [try node.integer("verifier_forwards"), try node.integer("verifier_tokens_forwarded")]
        }
        let batch = node["prompts"]
        let prompt = try batch.map { try $0.elements()[0].tokens() } ?? node.tokens("prompt")
        task = try Self.task(prompt, node)
        factory = try RecordedMethod.factory(method, try node.member("params"), family: family)
        let recorded = try batch == nil ? node.tokens("tokens") : node.rows("tokens")[0]
        tokens = try Self.withoutPadding(recorded, node)
        evaluations = try node.integer("nfe")
        forwards = try node.integer("forwards")
        // Slots of a buffer that hold nothing yet aren't fed here.
        let fed = node["valid_tokens_forwarded"] == nil ? "tokens_forwarded" : "valid_tokens_forwarded"
        tokensForwarded = try node.integer(fed)
        completion = node["completion_reason"] == nil ? nil : try node.string("completion_reason")
        padding = node["pad_id"] == nil ? nil : try node.token("pad_id")
    }

    /// What is decoded, with the draws that upstream made and the tokens that it stops at.
    private static func task(_ prompt: [Int32], _ node: CaseNode) throws -> DecodingTask {
        // Cases of autoregressive models name no mask.
        var task = DecodingTask(
            prompt: prompt, maskToken: node["mask_id"] == nil ? 0 : try node.token("mask_id"),
            endToken: try node.optionalToken("eos_id"))
        task.paddingToken = try node["pad_id"]?.token()
        if let stops = try node.member("params")["stopping_criteria_idx"] {
            let tokens = stops.node.isNull ? [] : try stops.tokens()
            (task.endToken, task.furtherEndTokens) = (tokens.first, Array(tokens.dropFirst()))
        }
        if node["rand_values"] != nil {
            task.sampling = Sampling(
                seed: 0, sample: 0, script: .lists(try node.elements("rand_values").map { try $0.numbers() }))
        }
        if node["drawn"] != nil {
            task.sampling = Sampling(seed: 0, sample: 0, script: .tokens(try node.tokens("drawn")))
        } else if node["draw_seed"] != nil {
            let seed = UInt64(max(0, try node.integer("draw_seed")))
            let isShort = try node.string("method").utf8.starts(with: "stitching".utf8)
            task.sampling = Sampling(
                seed: 0, sample: 0, script: isShort ? .shortSplitMix(seed: seed) : .splitMix(seed: seed))
        }
        return task
    }

    /// Upstream fills a finished row up with padding, where end tokens stand here.
    private static func withoutPadding(_ tokens: [Int32], _ node: CaseNode) throws -> [Int32] {
        guard node["pad_id"] != nil, let end = try node.optionalToken("eos_id") else { return tokens }
        let pad = try node.token("pad_id")
        let kept = tokens.count - tokens.reversed().prefix { $0 == pad }.count
        // Behind the end token only: padding that a model predicts is a token like any other.
        guard kept > 0, tokens[kept - 1] == end else { return tokens }
        return tokens[..<kept] + [Int32](repeating: end, count: tokens.count - kept)
    }

    /// A row of a batch, whose rows don't see each other.
    private init(row index: Int, of id: String, _ node: CaseNode, _ prompt: CaseNode, family: String) throws {
        self.id = "\(id)[\(index)]"
        models = CaseModels(model: try node.string("model"))
        verifierCounts = nil
        method = try node.string("method")
        task = DecodingTask(
            prompt: try prompt.tokens(), maskToken: try node.token("mask_id"),
            endToken: try node.optionalToken("eos_id"))
        factory = try RecordedMethod.factory(method, try node.member("params"), family: family)
        let (rows, counts) = (try node.rows("tokens"), try node.integers("row_nfe"))
        guard rows.indices.contains(index), counts.indices.contains(index) else {
            throw node.problem("row \(index) has no tokens or no NFE")
        }
        tokens = rows[index]
        (evaluations, forwards) = (counts[index], counts[index])
        tokensForwarded = counts[index] * rows[index].count
        (completion, padding) = (nil, nil)
    }

    /// A case as sequences: itself, or the rows of its batch; none where rows influence one another, or where upstream's
    /// program fails.
    ///
    /// - Parameter family: That of the file.
    /// - Throws: ``ParityError``, also where the counts of a batch aren't those of its slowest row.
    static func sequences(
        of id: String, _ node: CaseNode, family: String, _ folder: ParityFolder
    ) throws -> [DecodeCase] {
        let tables = try tables(of: family, model: try node.string("model"), folder)
        if node["error"] != nil { return [] }
        if node["row_nfe"] == nil {
            if let prompts = try node["prompts"]?.elements(), prompts.count != 1 { return [] }
            return [try DecodeCase(id: id, node, family: tables)]
        }
        let rows = try node.elements("prompts").enumerated().map { index, prompt in
            try DecodeCase(row: index, of: id, node, prompt, family: tables)
        }
        // All rows are forwarded until the last is done, and each is told that number.
        let most = rows.map(\.forwards).max() ?? 0
        let length = rows.reduce(0) { $0 + $1.tokens.count }
        guard try node.integer("nfe") == most, try node.integer("forwards") == most,
            try node.integer("tokens_forwarded") == most * length
        else { throw node.problem("the counts of the batch aren't those of its slowest row") }
        return rows
    }

    /// The family that upstream's methods are looked up in.
    private static func tables(
        of family: String, model: String, _ folder: ParityFolder
    ) throws -> String {
        guard family == "tad" else { return family }
        return try folder.family(ofModel: model) == "dream" ? "tad-dream" : "tad-llada"
    }
}

/// A part of a file of cases; its accessors say what is missing and where.
typealias CaseNode = DocumentValue<ParityError>

extension DocumentValue<ParityError> {
    /// Rows of token ids.
    func rows(_ key: String) throws(ParityError) -> [[Int32]] {
        try elements(key).map { (element) throws(ParityError) in try element.tokens() }
    }

    func tokens(_ key: String) throws(ParityError) -> [Int32] { try member(key).tokens() }

    func integers(_ key: String) throws(ParityError) -> [Int] { try member(key).integers() }

    func numbers(_ key: String) throws(ParityError) -> [Double] { try member(key).numbers() }

    func token(_ key: String) throws(ParityError) -> Int32 { try member(key).token() }

    /// A token id, or nil for null; the member must be there.
    func optionalToken(_ key: String) throws(ParityError) -> Int32? {
        try member(key).node.isNull ? nil : token(key)
    }

    /// The elements of a list of cases, named by their ids.
    func identified(_ key: String) throws(ParityError) -> [(id: String, node: CaseNode)] {
        try member(key).identified()
    }

    /// The same of this value where it is the list itself.
    func identified(orList key: String) throws(ParityError) -> [(id: String, node: CaseNode)] {
        try node.array == nil ? identified(key) : identified()
    }

    private func identified() throws(ParityError) -> [(id: String, node: CaseNode)] {
        let list = self
        let elements = try list.elements()
        guard !elements.isEmpty else { throw list.error("\(list.label) is empty.") }
        return try elements.map { (element) throws(ParityError) in
            let id = try element.string("id")
            return (id, CaseNode(element.node, subject: "case \(id)"))
        }
    }

    /// An error about this part.
    ///
    /// - Parameter text: A sentence without its end.
    func problem(_ text: String) -> ParityError { error("\(text).") }
}

extension ParityError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) { self.init("\(flaw.origin.place): \(flaw.message)") }
}

/// How one golden case ended.
struct CaseResult {
    let id: String
    /// What differs first, or `nil` when the case passes.
    let failure: String?
}

/// Comparisons of numbers against golden values.
enum Compare {
    /// `nil` when all differences are at most `tolerance`; otherwise the largest one and where it is.
    static func elements(
        _ name: String, _ found: [Float], _ expected: [Float], tolerance: Double
    ) -> String? {
        guard found.count == expected.count else {
            return "\(name): \(found.count) elements instead of \(expected.count)"
        }
        var worst = (index: 0, difference: 0.0)
        for (i, (a, b)) in zip(found, expected).enumerated() {
            let difference = abs(Double(a) - Double(b))
            if !(difference <= worst.difference) { worst = (i, difference) }
        }
        if worst.difference <= tolerance { return nil }
        return "\(name): element \(worst.index) is \(found[worst.index]), expected \(expected[worst.index]) "
            + "(difference \(worst.difference), tolerance \(tolerance))"
    }

    /// `nil` when `found` is within `absolute + relative · |expected|` of `expected`.
    static func number(
        _ name: String, _ found: Double, _ expected: Double, absolute: Double, relative: Double = 0
    ) -> String? {
        let allowed = absolute + relative * abs(expected)
        if abs(found - expected) <= allowed { return nil }
        return "\(name) is \(found), expected \(expected) (tolerance \(allowed))"
    }
}

/// The recorded result of one grader: a value, or the exception that it raised.
struct RecordedResult {
    private let node: CaseNode
    private let label: String

    /// The result under `key` of a case: `{"value": …}`, `{"error": "<type>"}` or the value itself.
    init(_ key: String, of node: CaseNode) throws(ParityError) {
        self.node = try node.member(key)
        label = key
    }

    /// A case that is itself a result.
    init(_ node: CaseNode, label: String) {
        self.node = node
        self.label = label
    }

    /// nil when `found` gives what was recorded, to the byte; else both.
    func divergence(_ found: () throws -> JSONValue) rethrows -> String? {
        let result: JSONValue
        do {
            result = ["value": try found()]
        } catch let error as UpstreamException {
            result = ["error": .string(error.name)]
        }
        let recorded: JSONValue
        if let error = node.node["error"] {
            recorded = ["error": JSONValue(error)]
        } else {
            recorded = ["value": JSONValue(node.node["value"] ?? node.node)]
        }
        let (a, b) = (Self.text(result), Self.text(recorded))
        return a.utf8.elementsEqual(b.utf8) ? nil : "\(label): \(a), expected \(b)"
    }

    /// nil when `found` is what was recorded.
    func divergence(_ found: Result<String, UpstreamException>) -> String? {
        try? divergence { .string(try found.get()) }
    }

    private static func text(_ value: JSONValue) -> String {
        (try? value.canonicalBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }
}

/// One decoding by this project, with all its steps.
struct RecordedRun {
    let decoder: any Decoder
    let steps: [StepRecord]

    /// How many sequences share a forward; results don't depend on it but for rounding.
    private static let batch = 32

    /// Decodes each task with its decoder, and notes every step.
    ///
    /// - Returns: one run or one error per decoder, in order.
    static func all(
        _ decoders: [(models: CaseModels, decoder: any Decoder)], _ folder: ParityFolder
    ) -> [Result<RecordedRun, any Error>] {
        var results = [Result<RecordedRun, any Error>?](repeating: nil, count: decoders.count)
        for models in Set(decoders.map(\.models)).sorted() {
            let indices = decoders.indices.filter { decoders[$0].models == models }
            for start in stride(from: 0, to: indices.count, by: batch) {
                let group = indices[start..<min(start + batch, indices.count)]
                let outcome = group.map { decoders[$0].decoder }
                for (index, run) in zip(group, runs(outcome, models, folder)) { results[index] = run }
            }
        }
        return results.map { $0 ?? .failure(ParityError("The case wasn't run.")) }
    }

    /// Decodes a group together; if that fails, each alone, to find out which ones fail.
    private static func runs(
        _ decoders: [any Decoder], _ models: CaseModels, _ folder: ParityFolder
    ) -> [Result<RecordedRun, any Error>] {
        do {
            return try together(decoders, models, folder).map { .success($0) }
        } catch {
            guard decoders.count > 1 else { return [.failure(error)] }
            return decoders.flatMap { runs([$0], models, folder) }
        }
    }

    private static func together(
        _ decoders: [any Decoder], _ models: CaseModels, _ folder: ParityFolder
    ) throws -> [RecordedRun] {
        var finished = decoders
        var steps = [[StepRecord]](repeating: [], count: decoders.count)
        let driver = BatchDecoder(
            try folder.model(models.model), verifier: try models.verifier.map { try folder.model($0) })
        try driver.decode(&finished) { index, step, _ in steps[index].append(step) }
        return zip(finished, steps).map { RecordedRun(decoder: $0, steps: $1) }
    }

    /// Describes the step that decided a position, as far as it is known.
    func decision(at position: Int) -> String {
        for step in steps.reversed() {
            guard let prediction = step.unmasked.first(where: { $0.position == position }) else { continue }
            let margin = prediction.probability - prediction.secondProbability
            return "step \(step.index), position \(position): \(prediction.token) with probability"
                + " \(Self.short(prediction.probability)), margin to the runner-up \(Self.short(margin)),"
                + " entropy \(Self.short(prediction.entropy))"
        }
        return "after step \((steps.last?.index ?? 0)), position \(position):"
            + " \(decoder.tokens.indices.contains(position) ? "\(decoder.tokens[position])" : "nothing")"
    }

    /// Six significant digits.
    private static func short(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        var scale = 1.0
        while abs(value) * scale < 100_000 { scale *= 10 }
        return "\((value * scale).rounded() / scale)"
    }
}
