package import JSON
internal import ModelStages

/// One line of a trajectories artifact.
package struct TrajectoryRecord: Sendable {
    package var id: String
    /// Whether the answer is right; nil where nothing says what would be.
    var isCorrect: Bool?
    /// The try that this is, from 0.
    var attempt: Int
    /// Forward evaluations of all tries.
    var evaluations: Int
    /// The response, padding included.
    package var response: [Int32]
    /// For each position of the response the forward that decoded it.
    package var unmaskStep: [Int32]
    /// The prompt's tokens, of answers that were imported and of those to questions of tasks; those of other answers follow
    /// from the data set.
    package var prompt: [Int32]?
    /// Whether a student is to learn from it, where the record says so.
    var used: Bool?

    /// Whether a student learns from it: as the record says, else from right answers and from all that an import has let in.
    package var isUsed: Bool { used ?? (isCorrect ?? true || prompt != nil) }

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

    package init?(_ value: JSONValue) {
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

/// A row that no decoding can have given, and why.
struct ImpossibleTrajectory: Error {
    /// What the data set calls the row.
    let row: String?
    let description: String
}

/// One row of a published data set of trajectories, converted.
///
/// Fields, as the scripts of d3LLM write them (`d3llm_llada_generate_partly.py`): `prompt_ids`; `trajectory`, which holds
/// prompt and response after each forward; and, not needed, `idx`, `question`, `final_output`, `generated_text`,
/// `llm_answer`, `gt_answer`, `is_correct`, `nfe`.
struct PublishedTrajectory {
    /// What is made of a row.
    struct Options: Sendable, Hashable {
        var blockLength: Int?
        var maximumResponse: Int?
        var maximumLength: Int?
    }

    let id: String?
    let prompt: [Int32]
    /// All of it, padding included.
    let response: [Int32]
    /// For each position of the response the first state, from 0, in which it is decoded.
    let unmaskStep: [Int32]
    let states: Int
    let isCorrect: Bool?
    /// What only rows of ``ExportTrajectoriesStage`` say; nil for those that others made.
    let own: Own?

    /// What the published form has no place for.
    struct Own {
        let attempt: Int
        /// Forwards of all tries.
        let evaluations: Int
        let used: Bool
    }

    /// The columns that are read: those of the published form, and `question` to compare tokenizers by.
    static let columns: Set<String> = [
        "idx", "prompt_ids", "trajectory", "final_output", "is_correct", "attempt", "evaluations", "used",
        "question",
    ]

    /// Converts and checks a row.
    ///
    /// Positions in errors count from the first token of the prompt, from 0, as the states do.
    init(_ row: JSONObject, _ tokens: ModelTokens, _ options: Options) throws(ImpossibleTrajectory) {
        let id = row["idx"].flatMap { $0.string ?? $0.int.map(String.init) }
        func problem(_ text: String) -> ImpossibleTrajectory {
            ImpossibleTrajectory(row: id, description: text)
        }
        let legal = 0..<tokens.vocabulary
        func ids(_ value: JSONValue?, _ name: String) throws(ImpossibleTrajectory) -> [Int32] {
            guard let values = value?.array else {
                throw problem("\(name) should be a list of tokens' numbers.")
            }
            var ids: [Int32] = []
            ids.reserveCapacity(values.count)
            for (position, value) in values.enumerated() {
                guard let id = value.int, legal.contains(id) else {
                    throw problem(
                        "\(name) has at position \(position) what is no token of the model, whose tokens are 0 to \(tokens.vocabulary - 1)."
                    )
                }
                ids.append(Int32(id))
            }
            return ids
        }
        let prompt = try ids(row["prompt_ids"], "prompt_ids")
        if let position = prompt.firstIndex(of: tokens.mask) {
            throw problem("prompt_ids has the mask token at position \(position).")
        }
        guard let sequences = row["trajectory"]?.array, !sequences.isEmpty else {
            throw problem("trajectory should be a list of sequences, one per step, and has none.")
        }
        var response: [Int32] = []
        var steps: [Int32] = []
        for (state, sequence) in sequences.enumerated() {
            let sequence = try ids(sequence, "State \(state) of the trajectory")
            if state == 0 {
                guard sequence.count > prompt.count else {
                    throw problem(
                        "State 0 of the trajectory has \(sequence.count) tokens, and the prompt alone \(prompt.count): states hold prompt and response."
                    )
                }
                response = Array(repeating: tokens.mask, count: sequence.count - prompt.count)
                steps = Array(repeating: -1, count: response.count)
            }
            guard sequence.count == prompt.count + response.count else {
                throw problem(
                    "State \(state) of the trajectory has \(sequence.count) tokens, and the states before it \(prompt.count + response.count)."
                )
            }
            for (position, token) in prompt.enumerated() where sequence[position] != token {
                throw problem(
                    "State \(state) of the trajectory has token \(sequence[position]) at position \(position), and the prompt has \(token) there."
                )
            }
            for position in response.indices {
                let token = sequence[prompt.count + position]
                if steps[position] < 0 {
                    guard token != tokens.mask else { continue }
                    response[position] = token
                    steps[position] = Int32(clamping: state)
                } else if token != response[position] {
                    throw problem(
                        "The token at position \(prompt.count + position) changes in state \(state) from \(response[position]) to \(token == tokens.mask ? "the mask" : "\(token)"), although it was decoded in state \(steps[position])."
                    )
                }
            }
        }
        if let position = steps.firstIndex(of: -1) {
            throw problem(
                "Position \(prompt.count + position) is never decoded: it is the mask also in the last state, \(sequences.count - 1)."
            )
        }
        if let block = options.blockLength {
            var latest: Int32 = 0
            for start in stride(from: 0, to: steps.count, by: block) {
                let range = start..<min(steps.count, start + block)
                // Blocks follow one another; a step may at most end one and begin the next.
                if let position = range.first(where: { steps[$0] < latest }) {
                    throw problem(
                        "Position \(prompt.count + position) is decoded in state \(steps[position]), before the block of \(block) in front of it is finished in state \(latest)."
                    )
                }
                latest = range.reduce(latest) { max($0, steps[$1]) }
            }
        }
        if let last = row["final_output"], last.array != nil {
            let last = try ids(last, "final_output")
            guard last == response || last == prompt + response else {
                throw problem("final_output isn't what the last state of the trajectory holds.")
            }
        }
        (self.id, self.prompt, self.response, unmaskStep) = (id, prompt, response, steps)
        states = sequences.count
        isCorrect = row["is_correct"]?.bool
        if let attempt = row["attempt"]?.int, let evaluations = row["evaluations"]?.int,
            let used = row["used"]?.bool
        {
            guard attempt >= 0, (0...(1 << 40)).contains(evaluations) else {
                throw problem("attempt and evaluations should be counts.")
            }
            own = Own(attempt: attempt, evaluations: evaluations, used: used)
        } else {
            own = nil
        }
    }

    /// As a record of a trajectories artifact, cut to its lengths; nil where no response is left.
    ///
    /// - Parameter number: Stands for the id of a row that has none.
    func record(number: Int, _ options: Options) -> TrajectoryRecord? {
        let room = options.maximumLength.map { $0 - prompt.count } ?? response.count
        let length = min(response.count, options.maximumResponse ?? response.count, room)
        guard length > 0 else { return nil }
        return TrajectoryRecord(
            id: id ?? "row-\(number)", isCorrect: own == nil ? isCorrect ?? true : isCorrect,
            attempt: own?.attempt ?? 0, evaluations: own?.evaluations ?? states,
            response: Array(response.prefix(length)), unmaskStep: Array(unmaskStep.prefix(length)),
            prompt: prompt, used: own?.used)
    }
}
