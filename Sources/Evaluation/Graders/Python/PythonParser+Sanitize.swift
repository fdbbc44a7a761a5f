internal import JSON

extension PythonParser {
    /// Which names inside a definition make it need another.
    package enum Dependencies: String, Sendable, Hashable, CaseIterable {
        /// Plain names, and the attribute in `object.attribute`; the default (Fast-dLLM's `sanitize.py`, which
        /// comes with d3LLM).
        case namesAndAttributes
        /// Plain names only (D2F's `postprocess_code_humaneval.py`).
        case names
    }

    /// A text that may hold a program.
    package struct Request: Sendable, Hashable {
        /// The text, prose and fences included.
        package let text: String
        /// The function that is asked for; nil keeps every definition.
        package let entryPoint: String?

        package init(text: String, entryPoint: String? = nil) {
            self.text = text
            self.entryPoint = entryPoint
        }
    }

    /// What the parser made of a text.
    package struct Sanitized: Sendable, Hashable {
        /// The lines with the most that parse, among the first hundred; of several the first.
        package let longestValid: Result<String, UpstreamException>
        /// The imports and the definitions that the entry point needs, as `ast.unparse` writes them.
        ///
        /// A function without `return` isn't kept, nor is one that is `async`.
        package let program: Result<String, UpstreamException>
    }

    /// Takes the program out of each text.
    ///
    /// A text on which the interpreter dies, or for which it takes too long, gets the error `MemoryError` or
    /// `TimeoutError` and doesn't spoil the others.
    ///
    /// - Throws: `PythonParserError` when the interpreter doesn't work.
    package func sanitize(
        _ requests: [Request], dependencies: Dependencies = .namesAndAttributes
    ) throws -> [Sanitized] {
        var results: [Sanitized] = []
        while results.count < requests.count {
            let rest = requests[results.count...].map { request -> JSONValue in
                [
                    "text": .string(request.text),
                    "entry_point": request.entryPoint.map { .string($0) } ?? .null,
                    "attributes": .bool(dependencies == .namesAndAttributes),
                ]
            }
            let answers: [JSONNode]
            let ending: ChildProcess.Ending
            do {
                (answers, ending) = try self.answers(to: rest)
            } catch {
                throw PythonParserError("\(executable) doesn't work as a parser: \(error).")
            }
            if case .exit(let code) = ending, answers.count < rest.count {
                throw PythonParserError(
                    "\(executable) ended with code \(code) after \(answers.count) of \(rest.count) programs.")
            }
            guard ending != .starved else {
                throw PythonParserError(
                    "\(executable) got too little of a processor to clean a program: the machine is too busy to tell whether it takes too long. Run again with fewer --jobs, or when less else runs."
                )
            }
            try results += answers.prefix(rest.count).map(sanitized)
            if results.count < requests.count {
                let name = ending == .timeLimit ? "TimeoutError" : "MemoryError"
                let failure = UpstreamException(name, "the parser ended with \(ending)")
                results.append(Sanitized(longestValid: .failure(failure), program: .failure(failure)))
            }
        }
        return results
    }

    private func sanitized(_ answer: JSONNode) throws(PythonParserError) -> Sanitized {
        guard let longest = answer["longest"].flatMap(Self.result),
            let program = answer["program"].flatMap(Self.result)
        else { throw PythonParserError("\(executable) gave an answer that isn't one of the script's.") }
        return Sanitized(longestValid: longest, program: program)
    }

    private static func result(_ node: JSONNode) -> Result<String, UpstreamException>? {
        if let value = node["value"]?.string { return .success(value) }
        guard let name = node["error"]?.string else { return nil }
        return .failure(UpstreamException(name, node["reason"]?.string ?? "the parser refuses the text"))
    }
}

/// A Python interpreter that can't be used as a parser.
package struct PythonParserError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and with which interpreter.
    package let description: String

    init(_ description: String) { self.description = description }
}
