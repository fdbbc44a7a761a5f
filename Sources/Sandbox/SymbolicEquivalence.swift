internal import JSON
internal import SystemPackage

/// Asks sympy whether two answers are equal as expressions, as minerva_math of lm-evaluation-harness 0.4.9 does.
///
/// Only text reaches it: sympy's LaTeX parser makes expressions of it and nothing evaluates it as code. It is confined
/// all the same, because parser and simplifier can take any time and memory.
package struct SymbolicEquivalence: Sendable {
    private let sandbox: Sandbox
    /// The version of sympy.
    package let version: String

    /// - Returns: nil when no interpreter has sympy with antlr 4.11, or can be started with limits.
    package init?(_ pythons: [PythonInterpreter] = PythonInterpreter.all()) {
        let able = pythons.filter { $0.sympy != nil }
        guard !able.isEmpty,
            let sandbox = try? Sandbox(able, atMost: .namespaces, floor: .limits, isTrusted: true),
            let version = sandbox.python.sympy
        else { return nil }
        self.sandbox = sandbox
        self.version = version
    }

    /// Whether each pair of normal forms is equal; false where one can't be parsed or it takes too long.
    ///
    /// - Throws: ``SandboxError`` when sympy can't be run.
    package func areEqual(_ pairs: [(String, String)]) throws(SandboxError) -> [Bool] {
        var verdicts: [Bool] = []
        while verdicts.count < pairs.count {
            let rest = pairs[verdicts.count...]
            let outcome: ConfinedProcess.Outcome
            let limits = SandboxLimits(
                cpuSeconds: 20 + 6 * rest.count, wallSeconds: 120 + 30 * rest.count)
            do {
                let request = JSONValue.array(rest.map { [.string($0.0), .string($0.1)] })
                outcome = try ConfinedProcess.run(
                    Sandbox.command(sandbox.python, ["-s", "-B", "-W", "ignore", "-c", Self.script]),
                    input: try request.compactBytes(), isolation: sandbox.isolation, limits: limits,
                    isTrusted: true)
            } catch {
                throw SandboxError("sympy can't be run: \(error).")
            }
            guard outcome.ending != .starved else { throw SandboxError.busy("sympy", limits) }
            guard outcome.output.first == UInt8(ascii: ">") else {
                throw SandboxError(
                    "sympy of \(sandbox.python.executable) doesn't work (\(outcome.ending)).")
            }
            verdicts += outcome.output.dropFirst().prefix(rest.count).map { $0 == UInt8(ascii: "1") }
            // The pair at which it died isn't equal, as upstream has it; the others get their turn.
            if verdicts.count < pairs.count { verdicts.append(false) }
        }
        return verdicts
    }

    /// Writes one digit for each pair.
    private static let script = """
        import json, os, signal, sys
        pairs = json.loads(sys.stdin.buffer.read())
        import sympy
        from sympy.parsing.latex import parse_latex
        os.write(3, b">")

        def expire(number, frame):
            raise TimeoutError

        # Time of the processor, as much as upstream gives by the clock: other programs may be running.
        signal.signal(signal.SIGPROF, expire)
        for first, second in pairs:
            equal = False
            signal.setitimer(signal.ITIMER_PROF, 5)
            try:
                difference = parse_latex(first) - parse_latex(second)
                equal = bool(sympy.simplify(difference) == 0)
            except Exception:
                pass
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            os.write(3, b"1" if equal else b"0")
        """
}
