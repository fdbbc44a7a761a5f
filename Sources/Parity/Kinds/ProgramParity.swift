internal import Documents
internal import Evaluation
internal import JSON

/// Recorded programs that were taken out of responses with Python's parser.
struct ProgramParity: ParityKind {
    let name = "grading/programs"
    let file = "grading.json"

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let cases = try cases(in: try folder.cases(of: file))
        guard !cases.isEmpty else { return tally.skip("the file has no programs") }
        guard let parser = PythonParser() else {
            return tally.skip("no python3 from 3.9 on in PATH to parse them with")
        }
        let results = try parser.sanitize(cases.map(\.request))
        for (recorded, result) in zip(cases, results) {
            let failure =
                recorded.longest?.divergence(result.longestValid)
                ?? recorded.program.divergence(result.program)
            tally.record(failure.map { "\(recorded.id): \($0) (Python \(parser.version))" })
        }
    }

    private struct Case {
        let id: String
        let request: PythonParser.Request
        let longest: RecordedResult?
        let program: RecordedResult
    }

    private func cases(in root: CaseNode) throws -> [Case] {
        var cases: [Case] = []
        for (index, node) in try (root["sanitize"]?.elements() ?? []).enumerated() {
            let entryPoint = node["entrypoint"] == nil ? nil : try node.string("entrypoint")
            cases.append(
                Case(
                    id: "sanitize \(index)",
                    request: .init(text: try node.string("text"), entryPoint: entryPoint),
                    longest: try RecordedResult("longest_valid", of: node),
                    program: try RecordedResult("sanitized", of: node)))
        }
        for (index, node) in try (root["humaneval_postprocess"]?.elements() ?? []).enumerated() {
            let text = CodeExtraction.humanEvalText(
                prompt: try node.string("prompt"), response: try node.string("response"))
            cases.append(
                Case(
                    id: "humaneval_postprocess \(index)",
                    request: .init(text: text, entryPoint: try node.string("entry_point")),
                    longest: nil, program: try RecordedResult("completion", of: node)))
        }
        for (index, node) in try (root["mbpp_postprocess"]?.elements() ?? []).enumerated() {
            cases.append(
                Case(
                    id: "mbpp_postprocess \(index)",
                    request: .init(text: CodeExtraction.program(in: try node.string("response"))),
                    longest: nil, program: try RecordedResult("completion", of: node)))
        }
        return cases
    }
}
