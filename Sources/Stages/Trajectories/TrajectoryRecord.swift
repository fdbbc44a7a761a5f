internal import JSON

/// One line of a trajectories artifact.
struct TrajectoryRecord: Sendable {
    var id: String
    /// Whether the answer is right; nil where nothing says what would be.
    var isCorrect: Bool?
    /// The try that this is, from 0.
    var attempt: Int
    /// Forward evaluations of all tries.
    var evaluations: Int
    /// The response, padding included.
    var response: [Int32]
    /// For each position of the response the forward that decoded it.
    var unmaskStep: [Int32]
    /// The prompt's tokens, of answers that were imported and of those to questions of tasks; those of other answers follow
    /// from the data set.
    var prompt: [Int32]?
    /// Whether a student is to learn from it, where the record says so.
    var used: Bool?

    /// Whether a student learns from it: as the record says, else from right answers and from all that an import has let in.
    var isUsed: Bool { used ?? (isCorrect ?? true || prompt != nil) }

    var value: JSONValue {
        var value: JSONObject = [
            "id": .string(id), "correct": isCorrect.map { .bool($0) } ?? .null, "attempt": .integer(attempt),
            "nfe": .integer(evaluations), "response": .array(response.map { .integer(Int($0)) }),
            "unmaskStep": .array(unmaskStep.map { .integer(Int($0)) }),
        ]
        if let prompt { value["prompt"] = .array(prompt.map { .integer(Int($0)) }) }
        if let used { value["used"] = .bool(used) }
        return .object(value)
    }

    init(
        id: String, isCorrect: Bool?, attempt: Int, evaluations: Int, response: [Int32], unmaskStep: [Int32],
        prompt: [Int32]? = nil, used: Bool? = nil
    ) {
        self.id = id
        self.isCorrect = isCorrect
        self.attempt = attempt
        self.evaluations = evaluations
        self.response = response
        self.unmaskStep = unmaskStep
        self.prompt = prompt
        self.used = used
    }

    init?(_ value: JSONValue) {
        func ids(_ key: String) -> [Int32]? {
            guard let values = value[key]?.array else { return nil }
            let ids = values.compactMap { $0.int.flatMap { Int32(exactly: $0) } }
            return ids.count == values.count ? ids : nil
        }
        guard let id = value["id"]?.string, let verdict = value["correct"],
            verdict == .null || verdict.bool != nil,
            let attempt = value["attempt"]?.int,
            let nfe = value["nfe"]?.int, let response = ids("response"), let steps = ids("unmaskStep"),
            response.count == steps.count, steps.allSatisfy({ (-1...(1 << 20)).contains($0) }),
            // What a journal says is added up; no sample of any model comes near this.
            (0...(1 << 40)).contains(nfe), attempt >= 0
        else { return nil }
        let prompt = ids("prompt")
        let used = value["used"]?.bool
        guard prompt != nil || value["prompt"] == nil, used != nil || value["used"] == nil else { return nil }
        self.init(
            id: id, isCorrect: verdict.bool, attempt: attempt, evaluations: nfe, response: response,
            unmaskStep: steps, prompt: prompt, used: used)
    }
}
