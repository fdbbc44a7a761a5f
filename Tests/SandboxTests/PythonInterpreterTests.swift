import Files
import SystemPackage
import TestSupport
import Testing

@testable import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What of the machine belongs to an interpreter.
@Suite struct PythonInterpreterTests {
    @Test func aProjectInstalledForEditingIsNoPartOfTheInterpreter() throws {
        let base = try #require(SandboxEscapeTests.levels.first?.python)
        let scratch = try ScratchFolder()
        let environment = scratch.path.appending("venv")
        let project = scratch.path.appending("project")
        try FileSystem.createDirectory(project)
        try FileSystem.writeAtomically("answers", to: project.appending("secret.txt"))
        chmod(scratch.path.string, 0o755)
        chmod(project.string, 0o755)
        let made = try Command(
            FilePath(base.executable), ["-m", "venv", "--without-pip", environment.string],
            scratch: scratch.path
        ).wait()
        guard made.code == 0 else { return }  // Debian has venv in a package of its own.
        let version = base.version.split(separator: ".").prefix(2).joined(separator: ".")
        let packages = environment.appending("lib").appending("python\(version)").appending("site-packages")
        // As pip install -e leaves it, and as older tools did, with code in it.
        try FileSystem.writeAtomically("\(project)\n", to: packages.appending("__editable__.project.pth"))
        try FileSystem.writeAtomically(
            "import sys; sys.path.insert(0, '\(project)')\n", to: packages.appending("easy-install.pth"))

        let python = try #require(PythonInterpreter.all(path: environment.appending("bin").string).first)
        #expect(python.executable == environment.appending("bin").appending("python3").string)
        let shown = python.readable
        #expect(
            shown.contains { "\(environment)/" == "\($0)/" || environment.string.hasPrefix("\($0)/") },
            "\(shown)")
        #expect(!shown.contains { "\(project)/".hasPrefix("\($0)/") }, "\(shown)")
        guard let sandbox = try? Sandbox([python], atMost: .namespaces, floor: .namespaces) else { return }
        let program = "def check(): assert open('\(project)/secret.txt').read() == 'answers'"
        guard case .raised("FileNotFoundError", _) = try sandbox.run(program, tests: "check()") else {
            Issue.record("the project can be read")
            return
        }
        #expect(try sandbox.run("import json", tests: "assert json.loads('1') == 1") == .passed)
    }
}
