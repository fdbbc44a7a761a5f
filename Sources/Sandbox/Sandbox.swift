package import Base
internal import JSON
internal import SystemPackage

/// Runs Python that a model wrote, kept from everything else as far as this kernel allows.
package struct Sandbox: Sendable {
    package let python: PythonInterpreter
    /// The level by which programs are run.
    package let isolation: Isolation
    /// Why stronger levels can't be had, strongest first.
    package let obstacles: [String]

    /// Whether what it runs may stay root.
    let isTrusted: Bool

    /// Finds the interpreter and the strongest level that work here, by running a program that tries to break out.
    ///
    /// - Parameters:
    ///   - pythons: in the order in which they are preferred among those of the same level.
    ///   - most: no stronger level than this, for tests.
    ///   - floor: the weakest level that will do.
    ///   - packages: names of modules that programs may import beside the standard library.
    /// - Throws: ``SandboxError`` when only weaker levels work, or none, or no interpreter has the packages.
    package init(
        _ pythons: [PythonInterpreter] = PythonInterpreter.all(), atMost most: Isolation = .namespaces,
        floor: Isolation = .seccomp, packages: [String] = []
    ) throws(SandboxError) {
        var fitting = pythons
        if !packages.isEmpty {
            fitting = pythons.compactMap { $0.with(packages: packages) }
            guard pythons.isEmpty || !fitting.isEmpty else {
                let names = packages.joined(separator: " ")
                throw SandboxError(
                    "Programs may import \(names), which no python3 in PATH has: \(pythons.map(\.executable).joined(separator: ", ")). Install it for one of them (pip install \(names)), or leave \"packages\" out."
                )
            }
        }
        try self.init(fitting, atMost: most, floor: floor, isTrusted: false)
    }

    init(
        _ pythons: [PythonInterpreter], atMost most: Isolation, floor: Isolation, isTrusted: Bool
    ) throws(SandboxError) {
        guard !pythons.isEmpty else {
            throw SandboxError("There is no python3 in PATH. Install it: sudo apt-get install python3")
        }
        var obstacles: [String] = []
        for level in Isolation.allCases.reversed() where level <= most {
            for python in pythons {
                if let obstacle = Self.obstacle(to: level, python, isTrusted: isTrusted) {
                    obstacles.append("\(level.rawValue) with \(python.executable): \(obstacle)")
                    continue
                }
                guard level >= floor else {
                    throw SandboxError(
                        "Programs would run under \"\(level.rawValue)\" here (\(level.summary)), and \"\(floor.rawValue)\" is asked for at least. \(obstacles.joined(separator: "; ")). --isolation-floor \(level.rawValue) runs them all the same."
                    )
                }
                self.python = python
                isolation = level
                self.isTrusted = isTrusted
                self.obstacles = obstacles.filter { !$0.byteText.hasPrefix("\(level.rawValue) ") }
                return
            }
        }
        throw SandboxError("Programs can't be run here: \(obstacles.joined(separator: "; ")).")
    }

    /// Why a level doesn't work; nil where it does.
    private static func obstacle(
        to level: Isolation, _ python: PythonInterpreter, isTrusted: Bool
    ) -> String? {
        let outcome: ConfinedProcess.Outcome
        do throws(Errno) {
            outcome = try ConfinedProcess.run(
                command(python, ["-S", "-s", "-B", "-c", escape(level)]), input: [], isolation: level,
                limits: SandboxLimits(cpuSeconds: 20, wallSeconds: 120), isTrusted: isTrusted)
        } catch {
            return "no process can be made (\(error))"
        }
        switch outcome.ending {
        case .exit(0) where outcome.output == Array("held".utf8): return nil
        case .exit(0):
            return "a test program reached \(String(decoding: outcome.output.prefix(200), as: UTF8.self))"
        case .notStarted(let step, let reason): return "\(stepName(step)) failed (\(reason))"
        case let ending: return "a test program ended with \(ending)"
        }
    }

    /// Tries what the level is to keep out; writes what it reached, or "held".
    private static func escape(_ level: Isolation) -> String {
        """
        import os
        reached = []
        def attempt(name, action):
            try:
                action()
                reached.append(name)
            except OSError:
                pass
        if \(level >= .seccomp ? "True" : "False"):
            import _socket
            attempt("the network", lambda: _socket.socket(2, 1))
            attempt("other processes", lambda: os.fork() or os._exit(0))
            attempt("signals", lambda: os.kill(os.getppid() or 1, 0))
        if \(level >= .namespaces ? "True" : "False"):
            attempt("files of processes", lambda: os.listdir("/proc"))
            attempt("system settings", lambda: os.stat("/etc/passwd"))
            attempt("the system's folders", lambda: open("/usr/d3llm", "w"))
        elif \(level >= .seccomp ? "True" : "False"):
            attempt("files", lambda: open("file", "w"))
        os.write(3, (", ".join(reached) or "held").encode())
        """
    }

    static func command(_ python: PythonInterpreter, _ arguments: [String]) -> ConfinedProcess.Command {
        ConfinedProcess.Command(
            executable: python.executable, arguments: arguments,
            // Sets of strings have the same order in each run.
            environment: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/", "PYTHONHASHSEED=0"]
                + python.environment,
            readable: python.readable)
    }

    static func stepName(_ step: Int) -> String {
        switch step {
        case 1: "starting"
        case 2: "becoming another user"
        case 3: "making namespaces"
        case 4: "making a root file system"
        case 5: "setting limits"
        case 6: "setting a seccomp filter"
        default: "executing the interpreter"
        }
    }
}

extension Sandbox {
    /// All answers of one program together, as they are sent; inputs of some problems give megabytes.
    private static let answerBytes = 64 << 20

    /// Asks a program's function for its answers in one process, and compares them in another.
    ///
    /// - Parameter limits: of the program; the other has three times its time, because it reads the answers besides.
    /// - Returns: how the comparison went where an answer is wrong or all are right, else how the program ended.
    /// - Throws: ``SandboxError`` when one of them can't be run.
    package func run(
        _ program: String, comparing function: ComparedFunction, limits: SandboxLimits = .comparison
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
            followedBy: answers.output,
            limits: SandboxLimits(
                cpuSeconds: 3 * limits.cpuSeconds, wallSeconds: 3 * limits.wallSeconds, memory: limits.memory,
                files: limits.files, output: limits.output))
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
                Self.command(python, ["-S", "-s", "-B", "-c", python.prelude + script]),
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
                Self.command(python, ["-S", "-s", "-B", "-c", python.prelude + Self.driver]),
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

/// Why programs can't be run in isolation here.
package struct SandboxError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .unavailable }

    /// What is wrong, and what would help.
    package let description: String

    init(_ description: String) { self.description = description }

    /// No verdict on a program: it didn't get enough of the processors.
    static func busy(_ what: String, _ limits: SandboxLimits) -> SandboxError {
        SandboxError(
            "\(what) got less than \(limits.cpuSeconds) s of a processor in \(limits.busySeconds) s, twice: the machine is too busy to tell whether it takes too long. Run again with fewer --jobs, or when less else runs."
        )
    }
}

/// What a confined program may use.
package struct SandboxLimits: Sendable, Hashable {
    /// Processor time in seconds.
    package var cpuSeconds: Int
    /// Time by the clock, without what it waits for a processor that others use: computing, sleeping, reading.
    package var wallSeconds: Int
    /// Time by the clock after which the machine is held to be too busy to say how the program does.
    package var busySeconds: Int
    /// Address space in bytes.
    package var memory: Int
    /// Bytes of one file; of all files together where the program has a file system of its own.
    package var files: Int
    /// Bytes that it may send as its result.
    package var output: Int

    /// Those of EvalPlus 0.3.1 for all inputs of a problem together: 60 s (`EVALPLUS_TIMEOUT_PER_TASK`) and 4 GiB
    /// (`EVALPLUS_MAX_MEMORY_BYTES`).
    ///
    /// MBPP+ has a problem whose right answer alone is a list of more than 1 GB (Mbpp/255). What EvalPlus has besides, 4 s or
    /// four times the reference's time for each input, is left out: it makes slow programs wrong, which these limits let pass.
    package static let comparison = SandboxLimits(cpuSeconds: 60, wallSeconds: 60, memory: 4 << 30)

    /// - Parameter busySeconds: 20 times the processor time and at least a minute unless it is given.
    package init(
        cpuSeconds: Int = 10, wallSeconds: Int = 40, busySeconds: Int? = nil, memory: Int = 2 << 30,
        files: Int = 16 << 20, output: Int = 64 << 10
    ) {
        self.cpuSeconds = cpuSeconds
        self.wallSeconds = wallSeconds
        self.busySeconds = busySeconds ?? max(60, 20 * cpuSeconds, wallSeconds)
        self.memory = memory
        self.files = files
        self.output = output
    }
}

/// How a program that a model wrote is kept from everything else; each level has what the ones below have.
package enum Isolation: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Limits of time, memory, file sizes and processes; no new privileges; clean environment, closed descriptors; all
    /// that it starts is killed with it.
    ///
    /// It can read and write what its user can, and reach the network; where this program runs as root that user is
    /// nobody (65534), here and at all levels.
    case limits
    /// A seccomp filter besides: no sockets, no processes, no signals to others, nothing written to any file.
    ///
    /// It can read what its user can.
    case seccomp
    /// Own user, mount, process, network and IPC namespaces besides, with a root file system that has the interpreter,
    /// the system's libraries and an empty folder in memory.
    case namespaces

    package static func < (a: Isolation, b: Isolation) -> Bool { a.rank < b.rank }

    /// The number of the level in the C part.
    var rank: Int32 {
        switch self {
        case .limits: 0
        case .seccomp: 1
        case .namespaces: 2
        }
    }

    /// What the level keeps out, for people.
    package var summary: String {
        switch self {
        case .limits: "resource limits only: files and network of the user can be reached"
        case .seccomp:
            "resource limits and a seccomp filter: no network, no processes, nothing written; files can be read"
        case .namespaces: "namespaces, a root of its own, resource limits and a seccomp filter"
        }
    }
}
