/// Finds the program in a response to a programming problem.
package enum CodeExtraction {
    /// What stands behind the first line "```python" and before the next fence, or before the first fence.
    ///
    /// - Note: upstream `postprocess_code_humaneval.py` and `postprocess_code_mbpp.py`.
    package static func program(in response: String) -> String {
        let text = CodePoints(response)
        let opening: CodePoints = "```python\n"
        let start = text.firstIndex(of: opening).map { $0 + opening.count } ?? 0
        return text.suffix(from: start).prefix(before: "```").string
    }

    /// The text from which a HumanEval program is sanitized: the prompt, and below it ``program(in:)``.
    package static func humanEvalText(prompt: String, response: String) -> String {
        prompt + "\n" + program(in: response)
    }

    /// The program of a response that goes on after `prompt`: all of it before the first fence.
    ///
    /// - Note: `build_predictions_instruct` of humaneval_instruct in the harness that comes with Dream.
    package static func humanEvalInstruct(prompt: String, response: String) -> String {
        prompt + CodePoints(response).prefix(before: "```").string
    }

    /// The content of the first fenced block of a response whose opening fence belongs to the prompt.
    ///
    /// A word right after the fence is taken for the name of a language, also where it is the program's first.
    /// - Returns: nothing when no block is closed.
    /// - Note: `extract_code_blocks` of mbpp_instruct in lm-evaluation-harness.
    package static func firstBlock(in response: String) -> String {
        let text = CodePoints(response)
        let block =
            firstBlock(of: "```" + text) ?? firstBlock(of: text.replacing("```python", with: "```"))
        return block?.string ?? ""
    }

    private static func firstBlock(of text: CodePoints) -> CodePoints? {
        guard let fence = text.firstIndex(of: "```") else { return nil }
        var start = text.end(from: fence + 3) { $0.isPythonWord }
        if start < text.count, text[start] == "\n" { start += 1 }
        guard var end = text.firstIndex(of: "```", from: start) else { return nil }
        if end > start, text[end - 1] == "\n" { end -= 1 }
        return text[start..<end]
    }

    /// The response without its fences and without white space at its ends.
    ///
    /// - Note: `remove_code_blocks` of the harness that comes with Dream, as far as its recorded results tell.
    package static func withoutFences(_ response: String) -> String {
        CodePoints(response).removing("```").stripped().string
    }
}
