internal import ArtifactStore
internal import Audit
internal import Evaluation
internal import JSON
internal import Reporting
internal import Runs

/// Samples decoded again with every forward remembered, for the trajectory viewer.
struct ReportTraces {
    /// Problems that are shown.
    static let problemCount = 12

    /// A problem and why it was chosen.
    struct Choice: Hashable {
        let index: Int
        let reason: String
    }

    let choices: [Choice]
    let samples: ReportSamples
    /// By place in ``choices``, then by method; nil where there is no trace.
    private(set) var traces: [[DecodedTrace?]]
    private(set) var notes: [String] = []
    private var words: EvaluateStage.TraceWords?
    private var blockLengths: [Int]

    /// The problems by rule: the first half of the places goes to the first ids, the other half to the first problems
    /// of which some methods' answers are right and others wrong; places left over go to the next ids.
    static func choose(_ samples: ReportSamples, count: Int = problemCount) -> [Choice] {
        let all = samples.ids.indices
        var chosen = all.prefix(count / 2).map { Choice(index: $0, reason: "among the first ids") }
        func isNew(_ index: Int) -> Bool { !chosen.contains { $0.index == index } }
        let split = all.filter { index in
            isNew(index)
                && Set(
                    samples.methods.map { $0.records[index] }.filter(\.isGraded).map(\.correct)
                ).count == 2
        }
        chosen += split.prefix(count - chosen.count).map {
            Choice(index: $0, reason: "among the first on which methods disagree")
        }
        let rest = all.filter(isNew).prefix(max(0, count - chosen.count))
        chosen += rest.map { Choice(index: $0, reason: "among the first ids") }
        return chosen.sorted { $0.index < $1.index }
    }

    /// Decodes the chosen samples of every method again.
    ///
    /// A sample that doesn't come out as it was recorded isn't shown; the notes name it.
    /// - Throws: `Interrupted`.
    init(
        _ samples: ReportSamples, in contents: RunContents, threads: Int,
        progress: (String) -> Void
    ) throws {
        self.samples = samples
        choices = Self.choose(samples)
        traces = choices.map { _ in samples.methods.map { _ in nil } }
        blockLengths = samples.methods.map { _ in 0 }
        for (m, method) in samples.methods.enumerated() {
            progress("report: decoding \(choices.count) samples of \(method.name) again")
            do {
                let context = try contents.context(for: method.item, threads: threads)
                guard let stage = contents.implementation(of: method.item) as? EvaluateStage else { continue }
                let found = try stage.traces(of: choices.map(\.index), context)
                words = words ?? found.words
                blockLengths[m] = stage.traceBlockLength
                take(found.traces, m, method)
            } catch let error as Interrupted {
                throw error
            } catch {
                let text = "\(method.name) can't be shown: \(error)"
                if !notes.contains(text) { notes.append(text) }
            }
        }
    }

    private mutating func take(_ found: [Int: DecodedTrace], _ m: Int, _ method: ReportSamples.Method) {
        for (c, choice) in choices.enumerated() {
            guard let trace = found[choice.index] else { continue }
            guard trace.record == method.records[choice.index] else {
                notes.append(
                    "\(samples.ids[choice.index]) of \(method.name) isn't shown: decoded again, it came out otherwise than recorded. d3llm verify --rerun says where; another machine or another build can be the reason."
                )
                continue
            }
            traces[c][m] = trace
        }
    }

    /// How many samples there are to look at, and of how many methods.
    var count: (traces: Int, methods: Int) {
        let all = traces.joined().compactMap { $0 }
        return (all.count, samples.methods.indices.count { m in traces.contains { $0[m] != nil } })
    }

    /// What is shown beside the first decoder: the baseline, where it is there.
    private func second(beside first: Int, in shown: [[DecodedTrace?]]) -> Int? {
        samples.methods.firstIndex { $0.name == samples.roles.baseline }.flatMap { m in
            m != first && shown.contains { $0[m] != nil } ? m : nil
        }
    }

    /// As the viewer reads it; nil where there is nothing to see.
    ///
    /// - Parameter limit: Problems at most.
    func value(first limit: Int) -> JSONValue? {
        guard let words, count.traces > 0, limit > 0 else { return nil }
        let shown = Array(traces.prefix(limit))
        let tokens = shown.joined().reduce(into: Set<Int32>()) { $0.formUnion($1?.tokens ?? []) }.sorted()
        let first =
            samples.methods.firstIndex { $0.name == samples.roles.subject }.flatMap { m in
                shown.contains { $0[m] != nil } ? m : nil
            } ?? samples.methods.indices.first { m in shown.contains { $0[m] != nil } } ?? 0
        return [
            "mask": .integer(Int(words.mask)), "end": .integer(words.end.map(Int.init) ?? -1),
            "first": .integer(first),
            "second": second(beside: first, in: shown).map { .integer($0) } ?? .null,
            "kinds": .array(DecodedTrace.kinds.map { .string($0) }),
            "tokens": .object(JSONObject(tokens.map { ("\($0)", .string(words.text($0))) })),
            "methods": .array(
                zip(samples.methods, blockLengths).map { method, length in
                    [
                        "name": .string(method.name), "setting": .string(method.setting),
                        "blockLength": .integer(length),
                    ]
                }),
            "problems": .array(
                choices.prefix(limit).map { choice in
                    let id = samples.ids[choice.index]
                    return [
                        "id": .string(id), "prompt": .string(samples.prompt(id)),
                        "answer": .string(samples.answer(id)), "why": .string(choice.reason),
                    ]
                }),
            "runs": .array(shown.map { row in .array(row.map { $0?.value ?? .null }) }),
        ]
    }
}
