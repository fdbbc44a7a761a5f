internal import Documents
internal import Evaluation
internal import JSON

/// Recorded texts of reward-guided stitching: steps, chat and code responses, hints, and stitched paths.
struct StitchingParity: ParityKind {
    let name = "stitching/text"
    let file = "stitching.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        var sections = 0
        for (section, check) in Self.checks where root[section] != nil {
            sections += 1
            do {
                for (id, node) in try root.identified(section) {
                    do {
                        tally.record(try check(node).map { "\(id): \($0)" })
                    } catch {
                        tally.record("\(id): \(error)")
                    }
                }
            } catch {
                tally.record("\(section): \(error)")
            }
        }
        if sections == 0 { tally.skip("the file has no such cases") }
    }

    private typealias Check = @Sendable (CaseNode) throws -> String?

    private static let checks: [(String, Check)] = [
        ("split_steps", steps), ("chat_steps", chat), ("code_steps", code), ("hints", hints),
        ("stitch", stitching),
    ]

    @Sendable private static func steps(_ node: CaseNode) throws -> String? {
        try node.allow(["id", "text", "steps"])
        let text = try node.string("text")
        return try RecordedResult("steps", of: node).divergence { .texts(ReasoningSteps.split(text)) }
    }

    @Sendable private static func hints(_ node: CaseNode) throws -> String? {
        try node.allow(["id", "text", "hints"])
        let text = try node.string("text")
        return try RecordedResult("hints", of: node).divergence { .texts(ReasoningSteps.hints(in: text)) }
    }

    @Sendable private static func chat(_ node: CaseNode) throws -> String? {
        try node.allow(["id", "raw", "result"])
        let raw = try node.string("raw")
        return try RecordedResult("result", of: node).divergence {
            let found = ReasonedResponse(chat: raw)
            return [
                "question": .string(found.question), "reasoning": .string(found.reasoning),
                "steps": .texts(found.steps),
            ]
        }
    }

    @Sendable private static func code(_ node: CaseNode) throws -> String? {
        try node.allow(["id", "raw", "result"])
        let raw = try node.string("raw")
        return try RecordedResult("result", of: node).divergence {
            let found = try ReasonedResponse(chatWithCode: raw)
            return [
                "question": .string(found.question), "reasoning": .string(found.reasoning),
                "code": .string(found.code), "steps": .texts(found.steps),
            ]
        }
    }
}

extension StitchingParity {
    /// What recorded means and scores may be off: both are 32-bit floats, written with all of their digits.
    private static let tolerance = 1e-6

    @Sendable private static func stitching(_ node: CaseNode) throws -> String? {
        try node.allow([
            "id", "params", "steps", "confidences", "questions", "path_means", "best_path", "path_answers",
            "agree", "stitched", "messages",
        ])
        let found = try options(node.member("params")).stitch(paths(node))
        return try means(found, node)
            ?? RecordedResult("best_path", of: node).divergence { .integer(found.best) }
            ?? RecordedResult("path_answers", of: node)
            .divergence { .array(found.answers.map { $0.map { .string($0) } ?? .null }) }
            ?? RecordedResult("agree", of: node).divergence { .array(found.agreement.map { .bool($0) }) }
            ?? items(found, node)
            ?? RecordedResult("messages", of: node).divergence {
                .array(found.messages.map { ["role": .string($0.role), "content": .string($0.content)] })
            }
    }

    private static func options(_ node: CaseNode) throws -> StepStitching {
        try node.allow([
            "dataset", "stitching_confidence", "keep_steps_in_agreement", "max_steps_per_step",
        ])
        var options = StepStitching(.init(dataset: try node.string("dataset")))
        options.threshold = Float(try node.number("stitching_confidence"))
        options.keepsAgreeingPaths = try node.flag("keep_steps_in_agreement")
        options.mostPerIndex = try node.integer("max_steps_per_step")
        return options
    }

    private static func paths(_ node: CaseNode) throws -> [ReasoningPath] {
        let steps = try node.elements("steps").map { try $0.elements().map { try $0.string() } }
        let confidences = try node.elements("confidences").map { try $0.numbers() }
        let questions = try node.elements("questions").map { try $0.string() }
        guard !steps.isEmpty, confidences.count == steps.count, questions.count == steps.count else {
            throw node.problem("it has no paths, or lacks the scores or the question of one")
        }
        guard confidences.allSatisfy({ $0.allSatisfy { (0...1).contains($0) } }) else {
            throw node.problem("a score isn't from 0 to 1")
        }
        return steps.indices.map {
            ReasoningPath(
                question: questions[$0], steps: steps[$0], confidences: confidences[$0].map { Float($0) })
        }
    }

    private static func means(_ found: StitchedSteps, _ node: CaseNode) throws -> String? {
        Compare.elements(
            "path_means", found.means, try node.numbers("path_means").map { Float($0) }, tolerance: tolerance)
    }

    private static func items(_ found: StitchedSteps, _ node: CaseNode) throws -> String? {
        let recorded = try node.elements("stitched")
        guard recorded.count == found.items.count else {
            return "stitched: \(found.items.count) steps, expected \(recorded.count)"
        }
        for (place, (item, node)) in zip(found.items, recorded).enumerated() {
            let values = try node.numbers()
            guard values.count == 3 else {
                throw node.problem("a step needs its path, its index and its score")
            }
            guard values[0] == Double(item.path), values[1] == Double(item.index) else {
                return "stitched: step \(place) is \(item.index) of path \(item.path),"
                    + " expected \(values[1]) of path \(values[0])"
            }
            let failure = Compare.number(
                "the score of stitched step \(place)", Double(item.confidence), values[2], absolute: tolerance
            )
            if let failure { return failure }
        }
        return nil
    }
}

extension JSONValue {
    fileprivate static func texts(_ texts: [String]) -> JSONValue { .array(texts.map { .string($0) }) }
}
