internal import JSON
internal import SystemPackage

extension Sandbox {
    /// All answers of one program together; inputs of some problems give megabytes.
    private static let answerBytes = 64 << 20

    /// Asks a program's function for its answers in one process, and compares them in another.
    ///
    /// - Returns: how the comparison went where an answer is wrong or all are right, else how the program ended.
    /// - Throws: ``SandboxError`` when one of them can't be run.
    package func run(
        _ program: String, comparing function: ComparedFunction, limits: SandboxLimits = SandboxLimits()
    ) throws(SandboxError) -> ProgramOutcome {
        var generous = limits
        generous.output = max(limits.output, Self.answerBytes)
        let answers = try execute(
            AnswerScripts.program,
            [
                "source": .string(program), "entry": .string(function.entryPoint),
                "inputs": .string(function.inputs), "iterators": .bool(function.takesIterators),
            ], limits: generous)
        let verdict = try execute(
            AnswerScripts.grader, ["grader": .string(function.grader)],
            followedBy: answers.output, limits: limits)
        guard case .exit(0) = verdict.ending,
            let root = try? JSONDocument(parsing: verdict.output, name: "verdict").root
        else { return try outcome(of: verdict.ending) }
        if let raised = Self.raised(root) { return raised }
        if root["complete"]?.bool == true { return .passed }
        // Right as far as it went: how the program ended is what is wrong.
        if case .exit(0) = answers.ending, let last = Self.lastWord(answers.output) { return last }
        return try outcome(of: answers.ending)
    }

    private func execute(
        _ script: String, _ request: JSONValue, followedBy rest: [UInt8] = [], limits: SandboxLimits
    ) throws(SandboxError) -> ConfinedProcess.Outcome {
        let outcome: ConfinedProcess.Outcome
        do {
            outcome = try ConfinedProcess.run(
                Self.command(python, ["-S", "-s", "-B", "-c", script]),
                input: try request.compactBytes() + [UInt8(ascii: "\n")] + rest, isolation: isolation,
                limits: limits, isTrusted: isTrusted)
        } catch {
            throw SandboxError("A program can't be run: \(error).")
        }
        guard outcome.ending != .starved else { throw SandboxError.busy("A program", limits) }
        return outcome
    }

    /// What the program's process says of an exception, behind the last answer.
    private static func lastWord(_ output: [UInt8]) -> ProgramOutcome? {
        guard let line = output.split(separator: UInt8(ascii: "\n")).last, line.first == UInt8(ascii: "!"),
            let root = try? JSONDocument(parsing: Array(line.dropFirst()), name: "exception").root
        else { return nil }
        return raised(root)
    }

    private static func raised(_ root: JSONNode) -> ProgramOutcome? {
        root["raised"]?.string.map { .raised($0, message: root["message"]?.string ?? "") }
    }
}
