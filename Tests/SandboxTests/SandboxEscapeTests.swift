import Files
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// Programs that try to get out or to pass without being right, at every level that this kernel allows.
@Suite(.serialized)
struct SandboxEscapeTests {
    /// The levels that work here; fewer where the kernel forbids some.
    static let levels: [Sandbox] = {
        let pythons = PythonInterpreter.all()
        return Isolation.allCases.compactMap { level in
            guard let sandbox = try? Sandbox(pythons, atMost: level, floor: .limits) else { return nil }
            return sandbox.isolation == level ? sandbox : nil
        }
    }()
    static let filtered = levels.filter { $0.isolation >= .seccomp }

    private func run(_ sandbox: Sandbox, _ program: String, _ limits: SandboxLimits = .init()) throws
        -> ProgramOutcome
    {
        try sandbox.run(program, tests: "check()", limits: limits)
    }

    private static let quick = SandboxLimits(cpuSeconds: 2, wallSeconds: 20)

    @Test func aLevelWithAFilterWorksHere() {
        #expect(!Self.filtered.isEmpty, "no python3, or a kernel without seccomp")
    }

    @Test(arguments: levels) func rightProgramsPassAndWrongOnesDont(_ sandbox: Sandbox) throws {
        #expect(try run(sandbox, "def check(): assert sum(range(10)) == 45") == .passed)
        #expect(
            try run(sandbox, "def check(): assert 1 == 2, 'no'") == .raised("AssertionError", message: "no"))
        guard case .raised("SyntaxError", _) = try run(sandbox, "def check(:") else {
            Issue.record("code that doesn't parse")
            return
        }
    }

    @Test(arguments: levels) func leavingBeforeTheTestsIsNoPass(_ sandbox: Sandbox) throws {
        #expect(try run(sandbox, "import sys\nsys.exit(0)") == .raised("SystemExit", message: "0"))
        #expect(try run(sandbox, "import os\nos._exit(0)") == .ended(code: 0))
        #expect(
            try run(sandbox, "import os\ndef check():\n  os.execv('/bin/true', ['true'])").hasPassed == false)
    }

    /// A thread that executes another program would leave the process that watches it behind.
    @Test(arguments: filtered) func nothingElseIsExecuted(_ sandbox: Sandbox) throws {
        let program = #"""
            import ctypes, os, threading
            libc = ctypes.CDLL(None, use_errno=True)
            call, execve = {"x86_64": (322, 59), "aarch64": (281, 221)}[os.uname().machine]
            reasons = set()
            def go():
                path = b"/bin/true"
                words, none = (ctypes.c_char_p * 2)(path, None), (ctypes.c_char_p * 1)(None)
                for number in [-100, *range(110)]:
                    for name in path, b"":
                        for flags in 0, 0x1000, 0x1100:
                            libc.syscall(call, number, name, words, none, flags)
                            reasons.add(ctypes.get_errno())
                libc.syscall(execve, path, words, none)
                reasons.add(ctypes.get_errno())
            def check():
                thread = threading.Thread(target=go); thread.start(); thread.join()
                go()
                assert reasons == {1}, reasons
            """#
        #expect(try run(sandbox, program) == .passed)
    }

    @Test(arguments: levels) func printingOrSendingAMarkerIsNoPass(_ sandbox: Sandbox) throws {
        #expect(try run(sandbox, "print('passed')\nraise ValueError").hasPassed == false)
        let forged = #"import os; os.write(3, b'{"passed": true}'); os._exit(0)"#
        #expect(try run(sandbox, forged) == .tampered)
        let replaced = "import os, json\nos.write = json.dumps = lambda *a: None\ndef check(): assert False"
        #expect(try run(sandbox, replaced).hasPassed == false)
    }

    @Test(arguments: levels) func endlessProgramsAreStopped(_ sandbox: Sandbox) throws {
        #expect(try run(sandbox, "def check():\n  while True: pass", Self.quick) == .timeLimit)
        let sleeping = SandboxLimits(cpuSeconds: 2, wallSeconds: 1)
        #expect(try run(sandbox, "import time\ndef check(): time.sleep(1000)", sleeping) == .timeLimit)
        let stubborn =
            "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\ndef check():\n  while True: pass"
        #expect(try run(sandbox, stubborn, Self.quick) == .timeLimit)
    }

    @Test(arguments: levels) func endlessOutputHurtsNobody(_ sandbox: Sandbox) throws {
        let printing = "def check():\n  while True: print('x' * 100000)"
        #expect(try run(sandbox, printing, Self.quick) == .timeLimit)
        let sending = "import os\ndef check():\n  while True: os.write(3, b'x' * 10000)"
        #expect(try run(sandbox, sending, Self.quick) == .tampered)
    }

    @Test(arguments: levels) func memoryIsLimited(_ sandbox: Sandbox) throws {
        let bomb = "def check():\n  a = []\n  while True: a.append(bytearray(10 ** 8))"
        #expect(
            try run(sandbox, bomb, SandboxLimits(memory: 400 << 20)) == .raised("MemoryError", message: ""))
    }

    @Test(arguments: levels) func crashesAreNoPass(_ sandbox: Sandbox) throws {
        let abort = "import os\ndef check(): os.abort()"
        #expect(try run(sandbox, abort) == .signal(6))
    }

    @Test(arguments: levels) func filesOfTheCallerStay(_ sandbox: Sandbox) throws {
        let folder = try ScratchFolder()
        let file = folder.path.appending("precious")
        try FileSystem.writeAtomically("text", to: file)
        let program = """
            import os
            def check():
                for action in (lambda: os.unlink("\(file)"), lambda: open("\(file)", "w").write("x"),
                               lambda: os.rename("\(file)", "\(file)2"), lambda: os.truncate("\(file)", 0),
                               lambda: os.chmod("\(file)", 0)):
                    try:
                        action()
                    except OSError:
                        pass
            """
        // Mere limits don't keep a program from what its user may do.
        guard sandbox.isolation >= .seccomp else { return }
        #expect(try run(sandbox, program) == .passed)
        #expect(try FileSystem.readText(file) == "text")
    }

    @Test(arguments: levels) func filesOutsideAreHiddenByARootOfItsOwn(_ sandbox: Sandbox) throws {
        let folder = try ScratchFolder()
        try FileSystem.writeAtomically("secret", to: folder.path.appending("file"))
        let program = "def check(): assert open('\(folder.path.appending("file"))').read() == 'secret'"
        let outcome = try run(sandbox, program)
        #expect(outcome.hasPassed == (sandbox.isolation < .namespaces))
    }

    @Test(arguments: levels) func itsOwnFolderIsEmptyAndGoesAway(_ sandbox: Sandbox) throws {
        #expect(try run(sandbox, "import os\ndef check(): assert os.listdir('.') == []") == .passed)
        guard sandbox.isolation != .seccomp else { return }
        #expect(try run(sandbox, "def check(): open('f', 'w').write('x')") == .passed)
        #expect(try run(sandbox, "import os\ndef check(): assert os.listdir('.') == []") == .passed)
    }

    @Test(arguments: levels) func theDiskCantBeFilled(_ sandbox: Sandbox) throws {
        let program = """
            def check():
                with open("big", "wb") as file:
                    for i in range(100): file.write(b"x" * (1 << 20))
            """
        let outcome = try run(sandbox, program, SandboxLimits(files: 8 << 20))
        #expect(!outcome.hasPassed)
        guard sandbox.isolation == .namespaces else { return }
        let many = """
            import os
            def check():
                for i in range(100):
                    with open(f"f{i}", "wb") as file: file.write(b"x" * (1 << 20))
            """
        guard case .raised("OSError", _) = try run(sandbox, many, SandboxLimits(files: 8 << 20)) else {
            Issue.record("many files together")
            return
        }
    }

    @Test(arguments: levels) func theEnvironmentIsClean(_ sandbox: Sandbox) throws {
        let program = """
            import os
            def check():
                assert set(os.environ) <= {"PATH", "LANG", "HOME", "PYTHONHASHSEED", "LC_CTYPE"}, list(os.environ)
                for number in range(4, 64):
                    try:
                        os.fstat(number)
                    except OSError:
                        continue
                    assert False, number
            """
        #expect(try run(sandbox, program) == .passed)
    }
}
