internal import Base
internal import Numerics

/// What a search needs of a tokenizer: its answers are judged as texts.
package protocol SearchText: Sendable {
    /// Token ids of a text, without tokens that a tokenizer puts around texts.
    func tokens(of text: String) throws -> [Int32]
    /// The text of some tokens; special tokens, the mask among them, have none.
    func text(of tokens: [Int32]) -> String
}

/// What an answer is worth to ``TrajectorySearch``: a reward, and a bonus for what answers of its subject look like.
///
/// Lengths are in Unicode scalars, and white space is what Python's `strip` takes for it.
struct SearchScoring: Sendable {
    typealias Form = TrajectorySearchOptions.Form
    typealias Subject = TrajectorySearchOptions.Subject

    let form: Form
    let subject: Subject
    let reward: TrajectorySearchOptions.Reward
    /// The question as the verifier reads it.
    let question: String
    let text: any SearchText

    /// The bonus for a text's form.
    func bonus(_ text: String) -> Double {
        let count = Self.stripped(text).count
        let stripped = ByteText(Self.string(Self.stripped(text)))
        var bonus = 0.0
        switch subject {
        case .code:
            if count < 5 { return -0.1 }
            let words: [ByteText] = ["return", "print", "yield", "lambda", "class ", "def "]
            if words.contains(where: { stripped.contains($0) }) { bonus += 0.05 }
            if stripped.contains(":") { bonus += 0.02 }
            // The blanks in front of the first line count as well.
            if text.byteText.contains("    ") { bonus += 0.03 }
        case .math:
            if stripped.contains(#"\boxed{"#) { bonus += 0.1 }
            if stripped.contains("The answer is") { bonus += 0.05 }
            guard form == .llada else { break }
            // A short text loses its bonuses too.
            if count < 10 { return -0.1 }
            if stripped.split("Step", keepingEmpty: true).count - 1 > 15 { bonus -= 0.2 }
        case .reasoning, .other: break
        }
        return bonus
    }

    /// Whether a text has all that an answer needs, so that nothing need follow.
    func isComplete(_ text: String) -> Bool {
        switch subject {
        case .reasoning: text.byteText.contains("###")
        case .math: text.byteText.cut(atLast: #"\boxed{"#)?.after.contains("}") ?? false
        case .code, .other: false
        }
    }

    /// What equal texts have in common: their beginnings and ends without blanks and line feeds; nil for a text that
    /// equals none.
    func key(_ text: String) -> [Unicode.Scalar]? {
        let scalars = Self.stripped(text).filter { $0 != " " && $0 != "\n" }
        let length = form == .llada ? 200 : 150
        if scalars.isEmpty, form == .dream { return nil }
        return Array(scalars.prefix(length) + scalars.suffix(length))
    }

    /// The reward of a text.
    ///
    /// - Parameters:
    ///   - confidences: the largest probability at each generated position; nil where no forward tells, as at the end.
    ///   - ask: answers the verifier's prompt with the logits (V) of its last position.
    func reward(
        of answer: String, confidences: [Float]?, _ ask: ([Int32]) throws -> [Float]
    ) throws -> Double {
        switch reward {
        case .verifier:
            let logits = try ask(try text.tokens(of: prompt(answer)))
            let yes = try Self.largest(["Yes", " Yes", "YES"], logits, text)
            let no = try Self.largest(["No", " No", "NO"], logits, text)
            guard max(yes, no) > -.infinity else { return 0.5 }
            func weight(_ logit: Float) -> Float { Float(Elementary.exp(Double(logit - max(yes, no)))) }
            return Double(weight(yes) / (weight(yes) + weight(no)))
        case .confidence:
            guard let confidences, !confidences.isEmpty else { return 0 }
            let sum = confidences.reduce(0) { $0 + Double(Float(Elementary.log(Double($1 + 1e-10)))) }
            return Double(Float(Elementary.exp(Double(Float(sum / Double(confidences.count))))))
        }
    }

    /// The largest logit of the words' last tokens.
    private static func largest(
        _ words: [String], _ logits: [Float], _ text: any SearchText
    ) throws -> Float {
        let tokens = try words.compactMap { try text.tokens(of: $0).last }
        return tokens.compactMap { logits.indices.contains(Int($0)) ? logits[Int($0)] : nil }.max()
            ?? -.infinity
    }
}

// MARK: - The verifier's prompt

extension SearchScoring {
    /// How a prompt asks about answers of a subject.
    private struct Template {
        let role: String
        let question: (opening: String, closing: String)
        let answer: (opening: String, closing: String)
        var heading = "**Analysis Steps:**"
        let points: [String]
        let conclusion: String

        static let code = Template(
            role:
                "You are an expert programming contest judge. Your task is to evaluate a generated solution for a given problem based on correctness, efficiency, and adherence to constraints.",
            question: ("[Problem Statement]", "[/Problem Statement]"),
            answer: (
                "[Proposed Python Solution]\n\(indent)```python", "```\n\(indent)[/Proposed Python Solution]"
            ),
            points: [
                "1. Correctness: Does the core algorithm correctly solve the problem?",
                "2. Efficiency: Is the time complexity acceptable for the given constraints?",
                "3. Edge Cases & Constraints: Does the code handle all rules and edge cases?",
            ], conclusion: "is the solution likely to be fully correct?")

        static let math = Template(
            role:
                "You are an expert mathematician and competition judge. Your task is to evaluate a proposed mathematical solution for a given problem based on its logical rigor and accuracy.",
            question: ("[Math Problem]", "[/Math Problem]"),
            answer: ("[Proposed Mathematical Solution]", "[/Proposed Mathematical Solution]"),
            points: [
                "1. Reasoning Validity: Are the logical steps and mathematical properties applied correctly?",
                "2. Calculation Accuracy: Are the intermediate calculations or algebraic manipulations accurate?",
                "3. Goal Alignment: Does the current reasoning path directly lead toward the final answer required by the problem?",
            ], conclusion: "is this solution path sound and likely to result in the correct final answer?")

        // Two blanks of it aren't slips of ours: that before the heading's colon and that behind the last point.
        static let reasoning = Template(
            role:
                "You are an expert reading comprehension and faithfulness judge. Your task is to evaluate a generated answer based on the provided context and question.",
            question: ("[Context and Question]", "[/Context and Question]"),
            answer: ("[Proposed Answer]", "[/Proposed Answer]"),
            heading: "**Analysis Steps :**",
            points: [
                "1. Faithfulness: Is the answer an exact, literal span from the context?",
                "2. Relevance: Does the answer directly address the specific question asked without hallucinating external information?",
                "3. Accuracy: Does the provided context strictly support this answer? ",
            ], conclusion: "is the answer fully faithful to the context and correct?")

        static let indent = "        "
    }

    /// What the verifier is asked about an answer.
    ///
    /// Upstream indents its templates and takes the margin away once the texts are in, so that a line of the question
    /// or the answer that begins without blanks keeps every margin.
    func prompt(_ answer: String) -> String {
        let answer = shortened(answer)
        let template: Template
        switch subject {
        case .code: template = .code
        case .math: template = .math
        case .reasoning: template = .reasoning
        case .other:
            return "Is the following answer correct?\nQuestion: \(question)\nAnswer: \(answer)\n"
                + "Answer Yes or No.\nAnswer:"
        }
        let lines =
            [
                template.role, "", template.question.opening, question, template.question.closing, "",
                template.answer.opening, answer, template.answer.closing, "", template.heading,
            ] + template.points + [
                "",
                "**Conclusion**: Based on your analysis, \(template.conclusion) Answer with a single word: Yes or No.",
                "**Answer:** ",
            ]
        let indented = lines.map { $0.utf8.isEmpty ? "" : Template.indent + $0 }.joined(separator: "\n")
        return Self.string(Self.stripped(Self.dedented(indented)))
    }

    /// At most 2,000 scalars of an answer: its end, or in reasoning its beginning and its end.
    private func shortened(_ answer: String) -> String {
        let scalars = Array(answer.unicodeScalars)
        guard scalars.count > 2000 else { return answer }
        guard subject == .reasoning else { return Self.string(scalars.suffix(2000)) }
        return Self.string(scalars.prefix(500)) + "\n...[truncated]...\n" + Self.string(scalars.suffix(1500))
    }

    /// Python's `textwrap.dedent`: without the blanks and tabs that all lines begin with.
    private static func dedented(_ text: String) -> String {
        func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            (line) -> [UInt8] in line.allSatisfy(isBlank) ? [] : Array(line)
        }
        var margin: [UInt8]?
        for line in lines where !line.isEmpty {
            let blanks = line.prefix(while: isBlank)
            margin = margin.map { zip($0, blanks).prefix { $0 == $1 }.map(\.0) } ?? Array(blanks)
        }
        let width = margin?.count ?? 0
        let bytes = lines.map { $0.dropFirst(width) }.joined(separator: [UInt8(ascii: "\n")])
        return String(decoding: Array(bytes), as: UTF8.self)
    }

    /// Python's `str.strip`.
    private static func stripped(_ text: String) -> ArraySlice<Unicode.Scalar> {
        func isSpace(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.isWhitespace || 0x1C...0x1F ~= scalar.value
        }
        let scalars = Array(text.unicodeScalars)
        guard let first = scalars.firstIndex(where: { !isSpace($0) }),
            let last = scalars.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return scalars[first...last]
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}

// MARK: - The order of equals

/// The smallest of some numbers, equals in the order in which PyTorch's `topk` leaves them on a CPU.
///
/// That order is neither ascending nor random: it is what `nth_element` and `sort` of GCC's standard library do, and a
/// search replays a recorded one only if it masks the same positions again. Where PyTorch would use a heap instead (64
/// or more numbers for each one that is wanted) equals are in ascending order.
enum SmallestFirst {
    /// Places of the `count` smallest values, the smallest first.
    static func places(of values: [Float], count: Int) -> [Int] {
        let ascending = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
        let near = ascending.prefix(count + 1)
        // Without equals there is one order only, and without a number none.
        guard zip(near, near.dropFirst()).contains(where: { values[$0] == values[$1] }),
            0..<values.count ~= count - 1, count * 64 > values.count, !values.contains(where: \.isNaN),
            let selected = selected(values, count)
        else { return Array(ascending.prefix(count)) }
        return selected
    }

    /// Nil where the algorithms would give up halving and use a heap.
    private static func selected(_ values: [Float], _ count: Int) -> [Int]? {
        var places = Array(values.indices)
        func isLess(_ a: Int, _ b: Int) -> Bool { values[places[a]] < values[places[b]] }

        /// Puts the median of three in front, then all that is less than it; returns where the rest starts.
        func partition(_ range: Range<Int>) -> Int {
            let (first, a, b) = (range.lowerBound, range.lowerBound + 1, range.lowerBound + range.count / 2)
            let c = range.upperBound - 1
            let median =
                isLess(a, b)
                ? (isLess(b, c) ? b : isLess(a, c) ? c : a) : (isLess(a, c) ? a : isLess(b, c) ? c : b)
            places.swapAt(first, median)
            var (low, high) = (first + 1, range.upperBound)
            while true {
                while isLess(low, first) { low += 1 }
                high -= 1
                while isLess(first, high) { high -= 1 }
                guard low < high else { return low }
                places.swapAt(low, high)
                low += 1
            }
        }

        func insertionSort(_ range: Range<Int>) {
            for index in range.dropFirst() {
                var place = index
                while place > range.lowerBound, isLess(place, place - 1) {
                    places.swapAt(place, place - 1)
                    place -= 1
                }
            }
        }

        func limit(_ count: Int) -> Int { 2 * (Int.bitWidth - 1 - count.leadingZeroBitCount) }

        func sort(_ range: Range<Int>, _ depth: Int) -> Bool {
            var (range, depth) = (range, depth)
            while range.count > 16 {
                guard depth > 0 else { return false }
                depth -= 1
                let cut = partition(range)
                guard sort(cut..<range.upperBound, depth) else { return false }
                range = range.lowerBound..<cut
            }
            return true
        }

        var (range, depth) = (places.indices, limit(places.count))
        while range.count > 3 {
            guard depth > 0 else { return nil }
            depth -= 1
            let cut = partition(range)
            range = cut <= count - 1 ? cut..<range.upperBound : range.lowerBound..<cut
        }
        insertionSort(range)
        let head = 0..<count - 1
        guard sort(head, limit(max(1, head.count))) else { return nil }
        insertionSort(head)
        return Array(places.prefix(count))
    }
}
