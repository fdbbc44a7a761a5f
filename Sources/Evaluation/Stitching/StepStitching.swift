internal import Base
internal import Numerics

/// One rollout of a question: its steps, and how good a reward model finds each of them.
package struct ReasoningPath: Sendable, Hashable {
    /// What the user said in the rollout's conversation.
    package let question: String
    package let steps: [String]
    /// The scores of the steps, from 0 to 1.
    ///
    /// There may be fewer of them or more; steps without a score aren't stitched.
    package let confidences: [Float]

    /// A path of the given parts.
    package init(question: String, steps: [String], confidences: [Float]) {
        self.question = question
        self.steps = steps
        self.confidences = confidences
    }

    /// The geometric mean of the scores; of no score 1, so that an empty path is a best one.
    ///
    /// The product is taken in order and the root as a power, both in 32-bit floats, as NumPy does.
    package var mean: Float {
        let product = confidences.reduce(1, *)
        return Elementary.pow(product, Float(1 / Double(max(confidences.count, 1))))
    }

    /// The answer in the last step that has one, spelled as answers are compared; nil without any.
    package var answer: String? { spelledAnswer?.string }

    fileprivate var spelledAnswer: CodePoints? {
        for step in steps.reversed() {
            if let content = Self.boxed(in: CodePoints(step)) { return Self.spelling(of: content) }
        }
        return nil
    }

    /// The content of the last whole `\boxed {…}`, without white space at its beginning.
    ///
    /// White space may stand before the brace. Braces inside are closed before others open: a `\boxed` with deeper
    /// ones doesn't count, unlike in ``Boxed``.
    private static func boxed(in text: CodePoints) -> CodePoints? {
        let command: CodePoints = #"\boxed"#
        var found: CodePoints?
        var from = 0
        while let place = text.firstIndex(of: command, from: from) {
            from = place + 1
            let brace = text.end(from: place + command.count) { $0.isPythonSpace }
            guard text.has("{", at: brace) else { continue }
            let start = text.end(from: brace + 1) { $0.isPythonSpace }
            guard let end = closingBrace(in: text, from: start) else { continue }
            found = text[start..<end]
            from = end + 1
        }
        return found
    }

    /// The brace that closes one opened before `start`; nil where braces inside are two deep.
    private static func closingBrace(in text: CodePoints, from start: Int) -> Int? {
        var isInside = false
        for index in start..<text.count {
            switch text[index] {
            case "{" where isInside: return nil
            case "{": isInside = true
            case "}" where isInside: isInside = false
            case "}": return index
            default: break
            }
        }
        return nil
    }

    /// The answer without white space, `\left`, `\right` and dollar signs around it; `\leftarrow` becomes `arrow`.
    private static func spelling(of answer: CodePoints) -> CodePoints {
        CodePoints(answer.scalars.filter { !$0.isPythonSpace })
            .removing(#"\left"#).removing(#"\right"#).trimming { $0 == "$" }
    }
}

/// Chooses the best steps of several rollouts and asks a second model with them (arXiv 2602.22871).
///
/// The rules are those of `evaluate` in `eval/eval.py` of diffusion-stitching at commit `c87a33c`: steps with high
/// scores are kept whichever path they are of, and the best path's last step in any case.
package struct StepStitching: Sendable, Hashable {
    /// What the questions are about, which decides how the second model is asked.
    package enum Subject: Sendable, Hashable, CaseIterable {
        case mathematics
        case programming

        /// The subject of a data set by upstream's name of it; mathematics unless it is one of programs.
        package init(dataset: String) {
            let ofPrograms: [ByteText] = ["humaneval", "humanevalplus", "mbpp", "mbppplus"]
            self = ofPrograms.contains(dataset.byteText) ? .programming : .mathematics
        }
    }

    package var subject: Subject
    /// Scores above this one are high.
    package var threshold: Float = 0.9
    /// Whether steps of paths with another answer than the best path are left out.
    ///
    /// A best path without an answer agrees with none but itself.
    package var keepsAgreeingPaths = false
    /// How many steps with the same index are kept, the highest first; all where it is 0.
    ///
    /// The best path's last step may fall victim to it.
    package var mostPerIndex = 0

    /// Stitching with upstream's defaults.
    package init(_ subject: Subject) { self.subject = subject }

    /// The steps that are kept, and what the second model is asked.
    ///
    /// - Parameter paths: One or more rollouts of the same question.
    package func stitch(_ paths: [ReasoningPath]) -> StitchedSteps {
        precondition(!paths.isEmpty, "there is a path to choose from")
        let means = paths.map(\.mean)
        let best = means.indices.reduce(0) { means[$1] > means[$0] ? $1 : $0 }
        let answers = paths.map(\.spelledAnswer)
        let agreement = paths.indices.map {
            $0 == best || (answers[best] != nil && answers[$0] == answers[best])
        }
        let counts = paths.map { min($0.steps.count, $0.confidences.count) }
        var items: [StitchedSteps.Item] = []
        for index in 0..<(counts.max() ?? 0) {
            var row: [StitchedSteps.Item] = []
            for (number, path) in paths.enumerated() where index < counts[number] {
                if keepsAgreeingPaths, !agreement[number] { continue }
                let isLastOfBest = number == best && index == counts[best] - 1
                guard path.confidences[index] > threshold || isLastOfBest else { continue }
                row.append(
                    .init(
                        path: number, index: index, confidence: path.confidences[index],
                        text: path.steps[index]))
            }
            // Equal scores keep the order of the paths.
            row.sort { ($1.confidence, $0.path) < ($0.confidence, $1.path) }
            items += mostPerIndex > 0 ? row.prefix(mostPerIndex) : row[...]
        }
        return StitchedSteps(
            means: means, best: best, answers: answers.map { $0?.string }, agreement: agreement, items: items,
            messages: messages(question: CodePoints(paths[best].question), best: best, items))
    }
}

/// What stitching makes of the rollouts of a question.
package struct StitchedSteps: Sendable, Hashable {
    /// A step that is kept.
    package struct Item: Sendable, Hashable {
        /// The number of the path that it is of.
        package let path: Int
        /// Its place in that path, from 0.
        package let index: Int
        package let confidence: Float
        package let text: String
    }

    /// The mean of each path.
    package let means: [Float]
    /// The path with the highest mean, the first of several.
    package let best: Int
    /// The answer of each path, if it has one.
    package let answers: [String?]
    /// Whether each path has the answer of the best one; the best path has.
    package let agreement: [Bool]
    /// The steps that are kept, by index and then from the highest score to the lowest.
    package let items: [Item]
    /// What the second model is asked.
    package let messages: [TaskPrompt.Turn]
}

/// What the second model is asked.
extension StepStitching {
    /// The most steps that it is shown.
    private static let mostShown = 80

    /// How many code points of a question about mathematics are left out.
    ///
    /// It is the length of the instructions in front of upstream's questions. A shorter one isn't asked at all.
    private static let instructions = 212

    private static let mathematician = #"""
        You are a math expert. You will be given a question to solve. Solve the problem using the candidate \#
        steps as evidence. If steps conflict, choose a consistent subset. Wrap the final answer in a \boxed{}.
        Respond in the following format:
        <reasoning>
        Your reasoning here
        </reasoning>
        <answer>
        \boxed{...}
        </answer>

        """#

    private static let programmer = """
        You are an expert Python programmer. You will be given a Python function signature and docstring. \
        Write a correct implementation. Use the candidate steps as evidence. If steps conflict, \
        choose a consistent subset.
        """

    private static let heading = """
        Here are candidate reasoning steps from multiple traces.
        Each item: [c=conf]. Use them as evidence; ignore contradictions; prefer higher conf.
        """

    private func messages(
        question: CodePoints, best: Int, _ items: [StitchedSteps.Item]
    ) -> [TaskPrompt.Turn] {
        let system: String
        var asked: CodePoints
        switch subject {
        case .mathematics:
            system = Self.mathematician
            asked = question.suffix(from: Self.instructions)
        case .programming:
            system = Self.programmer
            asked = question
            let speaker: CodePoints = "User:"
            let start = question.end(from: 0) { $0.isPythonSpace }
            if question.has(speaker, at: start) {
                asked = question.suffix(from: start + speaker.count).stripped()
            }
            asked = "Problem: " + asked
        }
        return [
            .init(role: "system", content: system), .init(role: "user", content: asked.string),
            .init(role: "user", content: Self.list(items, best: best)),
        ]
    }

    /// The steps as lines below a heading; of equal scores the best path's comes first.
    private static func list(_ items: [StitchedSteps.Item], best: Int) -> String {
        let shown = items.sorted { a, b in
            if a.index != b.index { return a.index < b.index }
            if a.confidence != b.confidence { return a.confidence > b.confidence }
            if (a.path == best) != (b.path == best) { return a.path == best }
            return a.path < b.path
        }
        let lines = shown.prefix(mostShown).map {
            "[c=\(decimals($0.confidence))] \(CodePoints($0.text).stripped().string)"
        }
        return ([heading] + lines).joined(separator: "\n")
    }

    /// A score with three decimals, as Python's `.3f` rounds them.
    private static func decimals(_ score: Float) -> String {
        // The product is exact in 64 bits, so that only this rounds.
        let thousandths = (Double(score) * 1000).rounded(.toNearestOrEven)
        guard score.sign == .plus, let number = Int(exactly: thousandths) else { return "\(score)" }
        let digits = String(number % 1000)
        return "\(number / 1000)." + String(repeating: "0", count: 3 - digits.utf8.count) + digits
    }
}
