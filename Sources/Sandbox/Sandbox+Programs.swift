internal import JSON
internal import SystemPackage

extension Sandbox {
    /// Runs a program and its tests in one interpreter, as the reference implementation of HumanEval does.
    ///
    /// It has passed when the last line of the tests is through: the interpreter then sends a secret of this run over a
    /// channel of its own. Neither an exit code nor anything printed counts. The secret is in the interpreter's memory:
    /// a program written against this very check could find it, which no check within one process can prevent.
    /// - Throws: ``SandboxError`` when it can't be started.
    package func run(
        _ program: String, tests: String, limits: SandboxLimits = SandboxLimits()
    ) throws(SandboxError) -> ProgramOutcome {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<2).map { _ in String(generator.next(), radix: 16) }.joined()
        let outcome: ConfinedProcess.Outcome
        do {
            let request: JSONValue = ["secret": .string(secret), "source": .string("\(program)\n\(tests)")]
            outcome = try ConfinedProcess.run(
                Self.command(python, ["-S", "-s", "-B", "-c", Self.driver]),
                input: try request.compactBytes(), isolation: isolation, limits: limits, isTrusted: isTrusted)
        } catch {
            throw SandboxError("A program can't be run: \(error).")
        }
        guard outcome.ending != .starved else { throw SandboxError.busy("A program", limits) }
        if case .exit(0) = outcome.ending, let verdict = Self.verdict(outcome.output, secret: secret) {
            return verdict
        }
        return try self.outcome(of: outcome.ending)
    }

    /// How a program fared that ended without a word on its tests.
    func outcome(of ending: ConfinedProcess.Ending) throws(SandboxError) -> ProgramOutcome {
        switch ending {
        case .exit(let code): return .ended(code: code)
        case .wallTime, .starved: return .timeLimit
        // SIGXCPU; the kernel's second signal is for programs that ignore the first.
        case .signal(24), .signal(9): return .timeLimit
        case .signal(let number): return .signal(number)
        case .output: return .tampered
        case .notStarted(let step, let reason):
            throw SandboxError("A program can't be run: \(Self.stepName(step)) failed (\(reason)).")
        }
    }

    private static func verdict(_ output: [UInt8], secret: String) -> ProgramOutcome? {
        guard !output.isEmpty else { return nil }
        guard let root = try? JSONDocument(parsing: output, name: "result").root,
            root["secret"]?.string == secret
        else { return .tampered }
        if let name = root["raised"]?.string {
            return .raised(name, message: root["message"]?.string ?? "")
        }
        return root["passed"]?.bool == true ? .passed : .tampered
    }

    /// Reads program and tests, runs them with empty globals, tells how it went.
    ///
    /// What it needs after the program it keeps from before, because the program may replace anything.
    private static let driver = """
        def main():
            import json, os, sys
            write, leave, dumps = os.write, os._exit, json.dumps
            base, text_of = BaseException, str
            parts = []
            while part := os.read(0, 65536):
                parts.append(part)
            request = json.loads(b"".join(parts))
            secret, source = request["secret"], request["source"]
            request = parts = part = None
            kind, text, passed = None, "", False
            try:
                exec(compile(source, "<program>", "exec"), {})
                passed = True
            except base as error:
                try:
                    kind = text_of(type(error).__name__)[:100]
                    text = text_of(error)[:200]
                except base:
                    kind = kind or "BaseException"
            if passed:
                answer = {"secret": secret, "passed": True}
            else:
                answer = {"secret": secret, "raised": kind, "message": text}
            write(3, dumps(answer).encode("ascii", "replace"))
            leave(0)
        main()
        """
}
