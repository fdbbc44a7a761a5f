internal import Base
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
    /// - Throws: ``SandboxError`` when only weaker levels work, or none.
    package init(
        _ pythons: [PythonInterpreter] = PythonInterpreter.all(), atMost most: Isolation = .namespaces,
        floor: Isolation = .seccomp
    ) throws(SandboxError) {
        try self.init(pythons, atMost: most, floor: floor, isTrusted: false)
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
            environment: ["PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME=/", "PYTHONHASHSEED=0"],
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
