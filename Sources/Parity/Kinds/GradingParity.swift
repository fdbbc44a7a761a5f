internal import Documents
internal import Evaluation
internal import JSON

/// Recorded verdicts and normal forms of the graders of answers, and the extraction of programs from responses.
struct GradingParity: ParityKind {
    let name = "grading/answers"
    let file = "grading.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let root = try folder.cases(of: file)
        try checkPatterns(root)
        var sections = 0
        for (section, check) in Self.checks {
            guard let cases = try root[section]?.elements() else { continue }
            sections += 1
            for (index, node) in cases.enumerated() {
                tally.record(try check(node).map { "\(section) \(index): \($0)" })
            }
        }
        if sections == 0 { tally.skip("the file has no answers") }
    }

    /// The expressions are part of the code here, so other ones than it knows would go unnoticed.
    private func checkPatterns(_ root: CaseNode) throws {
        guard let patterns = root["gsm8k_patterns"] else { return }
        for (key, pattern) in Self.patterns {
            let recorded = try patterns.string(key)
            guard recorded.utf8.elementsEqual(pattern.expression.utf8) else {
                throw patterns.problem(
                    "\"\(key)\" is \(recorded), but the grader is for \(pattern.expression)")
            }
        }
        let ignored = try patterns.elements("regexes_to_ignore").map { try $0.string() }
        guard ignored == ExactMatch.ignored else {
            throw patterns.problem(
                "\"regexes_to_ignore\" isn't what the grader ignores: \(ExactMatch.ignored)")
        }
    }

    private static let patterns: [(String, AnswerPattern)] = [
        ("strict_cot_zeroshot", .theAnswerIs), ("flexible", .lastNumber), ("strict_gsm8k", .fourHashes),
    ]

    private typealias Check = @Sendable (CaseNode) throws -> String?

    private static let checks: [(String, Check)] = [
        ("gsm8k", numbers), ("boxed", boxed), ("normalize", normalForms), ("hendrycks_is_equiv", equivalence),
        ("hendrycks_process_results", hendrycks), ("minerva_final_answer", minerva),
        ("distill_check", distillation), ("humaneval_postprocess", humanEval), ("mbpp_postprocess", mbpp),
    ]

    @Sendable private static func numbers(_ node: CaseNode) throws -> String? {
        let (response, target) = (try node.string("response"), try node.string("target"))
        for (key, pattern) in patterns {
            let answer = pattern.extract(from: response)
            let score = ExactMatch.matches(answer, target) ? 1 : 0
            if let text = try RecordedResult(key, of: node).divergence({ .string(answer) })
                ?? RecordedResult("em_\(key)", of: node).divergence({ .integer(score) })
            {
                return text
            }
        }
        return nil
    }

    @Sendable private static func boxed(_ node: CaseNode) throws -> String? {
        let text = try node.string("text")
        let expression = Boxed.lastExpression(in: text)
        return try RecordedResult("distill_extract", of: node)
            .divergence { JSONValue(optional: DistillationAnswer.extract(from: text)) }
            ?? RecordedResult("last_boxed_only_string", of: node)
            .divergence { JSONValue(optional: expression) }
            ?? RecordedResult("remove_boxed_of_it", of: node)
            .divergence { .string(try Boxed.content(of: expression)) }
    }

    @Sendable private static func normalForms(_ node: CaseNode) throws -> String? {
        let text = try node.string("text")
        return try RecordedResult("distill_normalize", of: node)
            .divergence { .string(DistillationAnswer.normalize(text)) }
            ?? RecordedResult("hendrycks_strip", of: node)
            .divergence { .string(try HendrycksMath.strip(text)) }
            ?? RecordedResult("minerva_normalize", of: node)
            .divergence { .string(MinervaMath.normalize(text)) }
    }

    @Sendable private static func equivalence(_ node: CaseNode) throws -> String? {
        let (a, b) = (try node.member("a").node.string, try node.member("b").node.string)
        return RecordedResult(node, label: "is_equiv")
            .divergence { .bool(HendrycksMath.isEquivalent(a, b)) }
    }

    @Sendable private static func hendrycks(_ node: CaseNode) throws -> String? {
        let (response, solution) = (try node.string("response"), try node.string("solution"))
        return try RecordedResult(node, label: "process_results")
            .divergence { .integer(try HendrycksMath.isCorrect(response, solution: solution) ? 1 : 0) }
    }

    @Sendable private static func minerva(_ node: CaseNode) throws -> String? {
        let text = try node.string("text")
        return RecordedResult(node, label: "the final answer")
            .divergence { .string(MinervaMath.finalAnswer(in: text)) }
    }

    @Sendable private static func distillation(_ node: CaseNode) throws -> String? {
        let (generated, truth) = (try node.string("generated"), node["truth"]?.node.string)
        return RecordedResult(node, label: "the check")
            .divergence { .bool(DistillationAnswer.isCorrect(generated, truth: truth)) }
    }

    @Sendable private static func humanEval(_ node: CaseNode) throws -> String? {
        let (prompt, response) = (try node.string("prompt"), try node.string("response"))
        return try RecordedResult("extracted", of: node)
            .divergence { .string(CodeExtraction.humanEvalText(prompt: prompt, response: response)) }
            ?? RecordedResult("instruct_prediction", of: node)
            .divergence { .string(CodeExtraction.humanEvalInstruct(prompt: prompt, response: response)) }
    }

    @Sendable private static func mbpp(_ node: CaseNode) throws -> String? {
        let response = try node.string("response")
        return try RecordedResult("extracted", of: node)
            .divergence { .string(CodeExtraction.program(in: response)) }
            ?? RecordedResult("extract_code_blocks", of: node)
            .divergence { .string(CodeExtraction.firstBlock(in: response)) }
            ?? RecordedResult("remove_code_blocks", of: node)
            .divergence { .string(CodeExtraction.withoutFences(response)) }
    }
}

extension JSONValue {
    fileprivate init(optional text: String?) { self = text.map { .string($0) } ?? .null }
}
