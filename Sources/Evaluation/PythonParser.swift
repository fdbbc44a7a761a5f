internal import Base
internal import JSON

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Python's own parser, in a process of its own: it takes programs apart and never runs them.
///
/// What a sanitized program looks like is defined by `ast.parse` and `ast.unparse`, so nothing else than Python can
/// do it. The process gets no environment but `PATH`, a limit of time and one of memory.
package struct PythonParser: Sendable {
    /// The path of the interpreter.
    package let executable: String
    /// Its version, for example `3.11`.
    ///
    /// The spelling of a sanitized program and a few rules of syntax depend on it; upstream's results are of 3.11.
    package let version: String
    /// How long one program may take.
    package let limit: Duration

    private let path: String

    /// The first `python3` of `PATH` that works and is at least 3.9, which brought `ast.unparse`.
    ///
    /// - Parameters:
    ///   - path: folders with colons between them; `PATH` of this process when nil.
    ///   - limit: how long one program may take.
    /// - Returns: nil when there is none.
    package init?(path: String? = nil, limit: Duration = .seconds(20)) {
        let path = path ?? getenv("PATH").map { String(cString: $0) } ?? ""
        for folder in path.byteText.split(":") {
            let candidate = "\(folder)/python3"
            guard access(candidate, X_OK) == 0,
                let version = Self.version(of: candidate, path: path, limit: limit)
            else { continue }
            (executable, self.version, self.limit, self.path) = (candidate, version, limit, path)
            return
        }
        return nil
    }

    private static func version(of executable: String, path: String, limit: Duration) -> String? {
        let question = "import sys; print('%d.%d' % sys.version_info[:2], end='')"
        guard
            let outcome = try? ChildProcess.run(
                executable, ["-I", "-S", "-c", question], environment: ["PATH=\(path)"], input: [],
                limit: limit),
            outcome.ending == .exit(0)
        else { return nil }
        let version = String(decoding: outcome.output, as: UTF8.self)
        let parts = version.byteText.split(".").compactMap { Int($0.text) }
        return parts.count == 2 && (parts[0], parts[1]) >= (3, 9) ? version : nil
    }

    /// Runs the script on a list of requests; its answers come line by line, in order.
    ///
    /// - Returns: the answers, and why there are fewer than requests, if there are.
    func answers(to requests: [JSONValue]) throws -> ([JSONNode], ChildProcess.Ending) {
        let outcome = try ChildProcess.run(
            executable, ["-I", "-S", "-W", "ignore", "-c", Self.script], environment: ["PATH=\(path)"],
            input: try JSONValue.array(requests).compactBytes(), limit: limit)
        let lines = outcome.output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let answers = try lines.dropLast().map { try JSONDocument(parsing: Array($0), name: "python3").root }
        return (answers, outcome.ending)
    }
}

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

extension PythonParser {
    /// What the interpreter runs: reads a list of requests, writes one line for each.
    ///
    /// Only `ast.parse` and `ast.unparse` see the programs; nothing compiles or executes them.
    static let script = #"""
        import ast
        import json
        import resource
        import sys

        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


        def attempt(function, *arguments):
            try:
                return {"value": function(*arguments)}
            except Exception as error:
                return {"error": type(error).__name__, "reason": str(error)}


        def parses(lines):
            code = "\n".join(lines)
            try:
                ast.parse(code)
                return True
            except (SyntaxError, MemoryError):
                return False
            except ValueError:
                # Before 3.11.4 zero bytes weren't an error of syntax.
                if "\0" in code:
                    return False
                raise


        def longest_valid(text):
            lines = text.splitlines()[:100]
            weights = [1 if line.strip() else 0 for line in lines]
            best, found = 0, ""
            for start in range(len(lines)):
                if sum(weights[start:]) <= best:
                    break
                # The reference tries the ends upwards and keeps the first of the greatest weight. Downwards the
                # first that parses has that weight, and behind it only ends that drop blank lines can be earlier.
                wanted, winner = best + 1, None
                for end in range(len(lines), start, -1):
                    weight = sum(weights[start:end])
                    if weight < wanted:
                        break
                    if parses(lines[start:end]):
                        wanted, winner = weight, end
                if winner:
                    best, found = wanted, "\n".join(lines[start:winner])
            return found


        def refined(text):
            text = text.replace("\t", "    ")
            return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


        def needs(node, attributes):
            names, stack = set(), [node]
            while stack:
                for child in ast.iter_child_nodes(stack.pop()):
                    if isinstance(child, ast.Name):
                        names.add(child.id)
                    elif isinstance(child, ast.Attribute):
                        # What stands before the dot isn't looked at.
                        if attributes:
                            names.add(child.attr)
                    else:
                        stack.append(child)
            return names


        def defined_name(node):
            if isinstance(node, ast.ClassDef):
                return node.name
            if isinstance(node, ast.FunctionDef):
                if any(isinstance(inner, ast.Return) for inner in ast.walk(node)):
                    return node.name
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                return node.targets[0].id
            return None


        def program(code, entry_point, attributes):
            imports, definitions = [], {}
            for node in ast.parse(code).body:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    imports.append(node)
                elif defined_name(node):
                    # A later definition takes the place of an earlier one.
                    definitions[defined_name(node)] = node
            kept = set(definitions)
            if entry_point:
                kept, waiting = set(), [entry_point]
                while waiting:
                    name = waiting.pop()
                    if name not in kept:
                        kept.add(name)
                        if name in definitions:
                            waiting.extend(needs(definitions[name], attributes))
            nodes = imports + [node for name, node in definitions.items() if name in kept]
            return "\n".join(ast.unparse(node) for node in nodes)


        for request in json.loads(sys.stdin.buffer.read()):
            longest = attempt(longest_valid, refined(request["text"]))
            made = longest
            if "value" in longest:
                made = attempt(program, longest["value"], request["entry_point"], request["attributes"])
            print(json.dumps({"longest": longest, "program": made}), flush=True)
        """#
}
