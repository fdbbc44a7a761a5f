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
