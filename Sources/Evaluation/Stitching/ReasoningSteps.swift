internal import Base

/// Steps of a reasoning as reward-guided stitching cuts them (arXiv 2602.22871).
///
/// The rules are those of `eval/misc_utils.py` of diffusion-stitching at commit `c87a33c`, with their surprises: what
/// they cut is what a reward model scores, so that a better rule would be another method.
package enum ReasoningSteps {
    // What stands for a dot or a parenthesis that ends no sentence while sentences are looked for.
    private static let listDot: CodePoints = "<LIST_DOT>"
    private static let decimalDot: CodePoints = "<DECIMAL_DOT>"
    private static let listParenthesis: CodePoints = "<LIST_RPAREN>"

    /// The most digits that the number of a list's item has.
    private static let mostDigits = 3

    /// The sentences and list items of a text, with single spaces for white space.
    ///
    /// A step ends behind a `.`, `!` or `?` before white space or the end, and before the number of a list's item
    /// (`2.`). A step that ends in a colon takes a list item that follows it. In `3) ` the parenthesis becomes
    /// `<LIST_RPAREN>` and remains so, since upstream never turns it back.
    package static func split(_ text: String) -> [String] { split(CodePoints(text)).map(\.string) }

    static func split(_ text: CodePoints) -> [CodePoints] {
        var text = protectingDecimals(text.collapsingSpace())
        text = protectingNumbers(text, before: ".", with: listDot)
        text = protectingNumbers(text, before: ")", with: listParenthesis)
        let parts: [CodePoints] = sentences(text)
        var steps: [CodePoints] = []
        for part in parts {
            let step = part.replacing(listDot, with: ".").replacing(decimalDot, with: ".")
            if let last = steps.last, last.scalars.last == ":", isListItem(step) {
                steps[steps.count - 1] = last + " " + step
            } else {
                steps.append(step)
            }
        }
        return steps
    }

    /// The parts of a protected text that aren't empty.
    private static func sentences(_ text: CodePoints) -> [CodePoints] {
        var parts: [CodePoints] = []
        var (start, end) = (0, 0)
        while end < text.count {
            let isLast = end + 1 == text.count
            if text[end].endsSentence, isLast || text[end + 1].isPythonSpace {
                parts.append(text[start..<(end + 1)])
                start = end + 1
            } else if end > start, hasListNumber(text, behindSpaceAt: end) {
                parts.append(text[start..<end])
                start = end
            }
            end += 1
        }
        parts.append(text.suffix(from: start))
        return parts.map { $0.stripped() }.filter { !$0.isEmpty }
    }

    /// A dot between two digits no longer looks like the end of a sentence.
    private static func protectingDecimals(_ text: CodePoints) -> CodePoints {
        var result: CodePoints = ""
        for index in 0..<text.count {
            if text[index] == ".", index > 0, index + 1 < text.count, text[index - 1].isPythonDecimal,
                text[index + 1].isPythonDecimal
            {
                result += decimalDot
            } else {
                result.scalars.append(text[index])
            }
        }
        return result
    }

    /// Replaces `mark` behind a number that begins a word, if white space follows; the end of the text doesn't count.
    private static func protectingNumbers(
        _ text: CodePoints, before mark: Unicode.Scalar, with replacement: CodePoints
    ) -> CodePoints {
        var result: CodePoints = ""
        var index = 0
        while index < text.count {
            let digits =
                index == 0 || text[index - 1].isPythonSpace ? text.digits(at: index, most: mostDigits) : 0
            let end = index + digits
            if digits > 0, end + 1 < text.count, text[end] == mark, text[end + 1].isPythonSpace {
                result += text[index..<end] + replacement
                index = end + 1
            } else {
                result.scalars.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func hasListNumber(_ text: CodePoints, behindSpaceAt index: Int) -> Bool {
        let start = text.end(from: index) { $0.isPythonSpace }
        guard start > index else { return false }
        let digits = text.digits(at: start, most: mostDigits)
        return digits > 0 && text.has(listDot, at: start + digits)
    }

    /// Whether a step is a number, a dot and more; a number and a dot alone aren't.
    private static func isListItem(_ step: CodePoints) -> Bool {
        let digits = step.digits(at: 0, most: mostDigits)
        return digits > 0 && step.count > digits + 1 && step[digits] == "."
            && step[digits + 1].isPythonSpace
    }
}

/// The steps that comments of a program, or lines in front of it, give.
extension ReasoningSteps {
    /// The first lines of what a response says before its program.
    ///
    /// They stand between `<comments>` and `<tests>`, else between `<reasoning>` and `<implementation>`, else the
    /// whole text has them. Of two lines or fewer the sentences are taken instead. Fenced code is left out, and so
    /// are lines with `def `, `class ` or `import `.
    ///
    /// - Parameter most: How many lines are given.
    package static func hints(in text: String, most: Int = 10) -> [String] {
        let text = CodePoints(text)
        let content =
            between("<comments>", "<tests>", in: text)
            ?? between("<reasoning>", "<implementation>", in: text) ?? text
        let prose = removingFences(content.stripped())
        var lines = prose.pythonLines.map { $0.stripped() }.filter { !$0.isEmpty }
            .map { withoutBullet($0).collapsingSpace() }
        // A bullet with nothing behind it counts, and the sentences keep their bullets.
        if lines.count <= 2 { lines = splitBehindSentences(prose).map { $0.collapsingSpace() } }
        let signsOfCode: [CodePoints] = ["```", "def ", "class ", "import "]
        return lines.filter { line in !line.isEmpty && !signsOfCode.contains { line.contains($0) } }
            .prefix(most).map(\.string)
    }

    /// What stands behind the first `tag`, up to the next `stop` or to the end; nil without a tag.
    ///
    /// Both may have capital letters. Of letters beyond ASCII, upstream also takes `ſ` for the s of a tag.
    private static func between(_ tag: CodePoints, _ stop: CodePoints, in text: CodePoints) -> CodePoints? {
        let lower = CodePoints(text.string.byteText.asciiLowercased.text)
        guard let found = lower.firstIndex(of: tag) else { return nil }
        let start = found + tag.count
        return text[start..<(lower.firstIndex(of: stop, from: start) ?? text.count)]
    }

    /// The text without what stands between two fences; one without a second stays.
    private static func removingFences(_ text: CodePoints) -> CodePoints {
        let fence: CodePoints = "```"
        let parts = text.split(by: fence)
        var result: CodePoints = ""
        for index in stride(from: 0, to: parts.count, by: 2) { result += parts[index] }
        if parts.count.isMultiple(of: 2), let last = parts.last { result += fence + last }
        return result
    }

    /// The line without a beginning of hyphens, asterisks and digits that a `.` or `)` ends.
    ///
    /// So `- x` keeps its hyphen, and `1.5 x` becomes `5 x`.
    private static func withoutBullet(_ line: CodePoints) -> CodePoints {
        let sign = line.end(from: 0) { $0 == "-" || $0 == "*" || $0.isPythonDecimal }
        let end = line.end(from: sign) { $0.isPythonSpace }
        guard sign > 0, end < line.count, line[end] == "." || line[end] == ")" else { return line }
        return line.suffix(from: line.end(from: end + 1) { $0.isPythonSpace })
    }

    private static func splitBehindSentences(_ text: CodePoints) -> [CodePoints] {
        var parts: [CodePoints] = []
        var (start, index) = (0, 1)
        while index < text.count {
            if text[index].isPythonSpace, text[index - 1].endsSentence {
                parts.append(text[start..<index])
                start = text.end(from: index) { $0.isPythonSpace }
                index = start
            } else {
                index += 1
            }
        }
        return parts + [text.suffix(from: start)]
    }
}

/// What a rollout of stitching says, taken out of a conversation in ChatML.
package struct ReasonedResponse: Sendable, Hashable {
    /// What the user said last.
    package let question: String
    /// The part of the last answer that is reasoning.
    package let reasoning: String
    /// The program with the fence before it, or what there is instead; empty unless one is looked for.
    package let code: String
    /// The steps of ``reasoning``.
    package let steps: [String]

    private init(question: CodePoints, reasoning: CodePoints, code: CodePoints = "") {
        self.question = question.string
        self.reasoning = reasoning.string
        self.code = code.string
        steps = ReasoningSteps.split(reasoning).map(\.string)
    }

    /// The whole answer without tags and the beginnings of `\boxed{…}`, whose closing braces stay.
    package init(chat: String) {
        let chat = ChatText(chat)
        var reasoning = chat.answer
        for tag: CodePoints in ["<reasoning>", "</reasoning>", "<answer>", "</answer>", #"\boxed{"#] {
            reasoning = reasoning.removing(tag)
        }
        self.init(question: chat.question, reasoning: reasoning.trimming { $0 == "\n" })
    }

    /// The answer in two: what stands before the first block of Python, and that block without its closing fence.
    ///
    /// Without reasoning or a block all is code, less any of the letters of `<reasoning>` at its ends: upstream
    /// strips a set of characters where a prefix was meant.
    ///
    /// - Throws: `IndexError` when the block isn't between the first `<reasoning>` and the next.
    package init(chatWithCode chat: String) throws(UpstreamException) {
        let chat = ChatText(chat)
        let (tag, fence): (CodePoints, CodePoints) = ("<reasoning>", "```python")
        guard chat.answer.contains(tag), chat.answer.contains(fence) else {
            let code = chat.answer.trimming { tag.scalars.contains($0) }.stripped()
            self.init(question: chat.question, reasoning: "", code: code)
            return
        }
        let parts = chat.answer.split(by: tag)[1].split(by: fence)
        guard parts.count > 1 else {
            throw UpstreamException("IndexError", "the program isn't behind the reasoning")
        }
        var reasoning = parts[0].suffix(from: parts[0].end(from: 0) { $0 == "\n" })
        while true {
            if reasoning.scalars.last == "\n" {
                reasoning.scalars.removeLast()
            } else if reasoning.scalars.suffix(2).elementsEqual(["<", ">"]) {
                reasoning.scalars.removeLast(2)
            } else {
                break
            }
        }
        self.init(question: chat.question, reasoning: reasoning, code: fence + parts[1].prefix(before: "```"))
    }
}

/// The last question and answer of a conversation in ChatML.
private struct ChatText {
    var question: CodePoints = ""
    var answer: CodePoints = ""

    /// - Parameter raw: Messages behind `<|im_start|>`, each up to the next; line feeds may be written `\n`.
    init(_ raw: String) {
        var text = CodePoints(raw)
        let written: CodePoints = #"\n"#
        // Commands of TeX that begin with n break too.
        if text.contains(written), text.scalars.count(where: { $0 == "\n" }) < 2 {
            text = text.replacing(written, with: "\n")
        }
        for part in text.split(by: "<|im_start|>").dropFirst() {
            let message = part.suffix(from: part.end(from: 0) { $0.isPythonSpace })
            // A role is what the message begins with: "users" is the user, who says "s".
            if let said = Self.content(of: message, by: "user") { question = said }
            if let said = Self.content(of: message, by: "assistant") { answer = said }
        }
    }

    private static func content(of message: CodePoints, by role: CodePoints) -> CodePoints? {
        guard message.hasPrefix(role) else { return nil }
        return message.suffix(from: role.count).removing("<|im_end|>").stripped()
    }
}

/// Python's ways to take texts apart that only stitching needs.
extension CodePoints {
    /// `str.split()`: the parts between white space.
    var words: [CodePoints] {
        // not text: scalars
        scalars.split { $0.isPythonSpace }.map { CodePoints($0) }
    }

    /// The words with single spaces between them.
    func collapsingSpace() -> CodePoints { CodePoints(words.map(\.scalars).joined(separator: [" "])) }

    /// `str.splitlines()`.
    fileprivate var pythonLines: [CodePoints] {
        var lines: [CodePoints] = []
        var (start, index) = (0, 0)
        while index < count {
            if self[index].endsPythonLine {
                lines.append(self[start..<index])
                if has("\r\n", at: index) { index += 1 }
                start = index + 1
            }
            index += 1
        }
        return start < count ? lines + [suffix(from: start)] : lines
    }

    /// `str.strip(…)`: without the code points at both ends that fulfil a condition.
    func trimming(_ isDropped: (Unicode.Scalar) -> Bool) -> CodePoints {
        guard let first = scalars.firstIndex(where: { !isDropped($0) }),
            let last = scalars.lastIndex(where: { !isDropped($0) })
        else { return "" }
        return self[first..<(last + 1)]
    }

    /// How many decimal digits stand at an index that isn't beyond the end, but at most `most`.
    fileprivate func digits(at index: Int, most: Int) -> Int {
        scalars[index...].prefix(most).prefix { $0.isPythonDecimal }.count
    }
}

extension Unicode.Scalar {
    fileprivate var endsSentence: Bool { self == "." || self == "!" || self == "?" }

    /// Whether `str.splitlines` takes it for the end of a line.
    fileprivate var endsPythonLine: Bool {
        switch value {
        case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
        default: false
        }
    }
}
