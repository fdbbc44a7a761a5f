internal import JSON

/// Questions that a user brings, each with its own grader; records as the stage `questions` keeps them.
///
/// It is no benchmark that configurations can name: nothing of it is published, and its records are made from files
/// of any form.
package struct OwnTask: BenchmarkTask {
    /// The name under which artifacts say that their questions are of this task.
    package static let name = "own"

    /// One question.
    package struct Document: Sendable, Hashable {
        package let id: String
        package let prompt: TaskPrompt
        /// A worked answer; nil where the record has none.
        package let response: String?
        /// What an answer is compared with; nil where there is nothing.
        package let answer: String?
        package let grader: OwnGrader
        /// Python code that raises unless the program before it is right, for ``OwnGrader/tests``.
        package let tests: String?
        /// The function that the tests call; nil keeps all of a program.
        package let entryPoint: String?
    }

    package var name: String { Self.name }
    package let form = TaskPrompt.Form.model
    package var stopStrings: [String] { [] }

    package init() {}

    package func document(_ record: TaskRecord) throws(TaskError) -> Document? {
        func optional(_ key: String) throws(TaskError) -> String? {
            record.has(key) ? try record.string(key) : nil
        }
        guard let form = TaskPrompt.Form(rawValue: try record.string("form")),
            let grader = OwnGrader(rawValue: try record.string("grader"))
        else { throw record.problem("the record names a form or a grader that isn't known.") }
        var turns: [TaskPrompt.Turn] = []
        for turn in record.value["turns"]?.array ?? [] {
            guard let role = turn["role"]?.string, let content = turn["content"]?.string else {
                throw record.problem("a turn of a conversation needs a role and a content.")
            }
            turns.append(.init(role: role, content: content))
        }
        return Document(
            id: try record.string("id"),
            prompt: TaskPrompt(form: form, text: try record.string("prompt"), turns: turns),
            response: try optional("response"), answer: try optional("answer"), grader: grader,
            tests: try optional("tests"), entryPoint: try optional("entryPoint"))
    }

    package func id(of document: Document, index: Int) -> String { document.id }
    package func prompt(for document: Document, examples: [Document]) -> TaskPrompt { document.prompt }
    package func target(of document: Document) -> String { document.tests ?? document.answer ?? "" }
    package func solution(of document: Document) -> String? { document.response }

    /// One extraction with the name of the grader; none where nothing is graded.
    package func extractions(_ response: String, _ document: Document) -> [TaskExtraction] {
        guard document.grader != .none else { return [] }
        return [
            TaskExtraction(
                name: document.grader.rawValue, verdict: verdict(response, document), isReported: true)
        ]
    }

    package func verdict(_ response: String, _ document: Document) -> TaskVerdict {
        guard document.grader == .tests else {
            return document.grader.verdict(response, answer: document.answer ?? "")
        }
        let text = CodeExtraction.program(in: response)
        return .untested(
            Program(
                source: .toSanitize(.init(text: text, entryPoint: document.entryPoint)),
                tests: .script(document.tests ?? "")))
    }
}

/// How answers to a user's own questions are compared with the reference, by name.
package enum OwnGrader: String, Sendable, Hashable, CaseIterable {
    /// The whole response is the reference, white space aside: tokenizers of words put spaces where there were none.
    case exact
    /// The last number of the response is that of the reference.
    case number
    /// The content of the last `\boxed{…}` is that of the reference, in one of the two spellings that count as one
    /// for MATH (`DistillationAnswer`, which decides about d3LLM's trajectories, and `HendrycksMath`).
    case boxed
    /// The response is a Python program that passes the tests of the record.
    case tests
    /// Nothing is graded.
    case none

    /// What the response's answer is and whether it is the reference.
    ///
    /// - Parameter answer: a reference for which ``problem(with:)`` gives nil.
    func verdict(_ response: String, answer: String) -> TaskVerdict {
        switch self {
        case .exact:
            let found = CodePoints(response).stripped().string
            func words(_ text: String) -> [Unicode.Scalar] {
                Array(text.unicodeScalars.filter { !$0.isPythonSpace })
            }
            return words(found) == words(answer) ? .correct(found: found) : .wrong(found: found)
        case .number:
            let found = AnswerPattern.lastNumber.extract(from: response)
            guard let number = DecimalNumber(found) else { return .wrong(found: found) }
            return number == DecimalNumber(answer) ? .correct(found: found) : .wrong(found: found)
        case .boxed:
            guard let found = DistillationAnswer.extract(from: response) else {
                return .wrong(found: AnswerPattern.invalid)
            }
            let right = Self.boxedReference(answer)
            let isSame =
                DistillationAnswer.normalize(found).utf8.elementsEqual(
                    DistillationAnswer.normalize(right).utf8)
                || HendrycksMath.isEquivalent(found, right)
            return isSame ? .correct(found: found) : .wrong(found: found)
        case .tests, .none: return .wrong(found: "")
        }
    }

    /// Why the grader can't grade against a reference, as the end of a sentence; nil where it can.
    package func problem(with answer: String?) -> String? {
        switch self {
        case .none, .tests: return nil
        case .exact:
            return Self.isBlank(answer) ? "there is no reference answer to compare with" : nil
        case .number:
            guard let answer, !Self.isBlank(answer) else {
                return "there is no reference answer to compare with"
            }
            return DecimalNumber(answer) == nil ? "the reference answer is no number" : nil
        case .boxed:
            return Self.isBlank(answer.map(Self.boxedReference))
                ? "there is no reference answer to compare with" : nil
        }
    }

    /// What a reference puts in its last `\boxed{…}`, or all of it.
    private static func boxedReference(_ answer: String) -> String {
        DistillationAnswer.extract(from: answer) ?? CodePoints(answer).stripped().string
    }

    private static func isBlank(_ text: String?) -> Bool {
        text.map { CodePoints($0).stripped().isEmpty } ?? true
    }
}

/// A decimal number, compared by value whatever zeros, commas and dollar signs it is written with.
struct DecimalNumber: Equatable {
    private let isNegative: Bool
    /// Without zeros at the front.
    private let whole: [UInt8]
    /// Without zeros at the end.
    private let fraction: [UInt8]

    /// Reads a number such as `-1,234.50`, `$18` or `3.`; nil for anything else.
    init?(_ text: String) {
        var bytes = Array(CodePoints(text).stripped().string.utf8)
        bytes.removeAll { $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "$") }
        let isSigned = bytes.first == UInt8(ascii: "-")
        if isSigned || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
        let parts = bytes.split(
            separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        let digits = parts.joined()
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let zero = UInt8(ascii: "0")
        whole = Array(parts[0].drop { $0 == zero })
        fraction = Array((parts.count > 1 ? Array(parts[1]) : []).reversed().drop { $0 == zero }.reversed())
        isNegative = isSigned && !(whole.isEmpty && fraction.isEmpty)
    }
}
