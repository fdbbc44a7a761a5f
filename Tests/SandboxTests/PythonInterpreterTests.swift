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

    /// A virtual environment with a package, and a module beside it that nobody allowed.
    @Test func packagesThatAreNamedCanBeImportedAndWhatLiesBesideThemCanNot() throws {
        let base = try #require(SandboxEscapeTests.levels.first?.python)
        let scratch = try ScratchFolder()
        chmod(scratch.path.string, 0o755)
        let environment = scratch.path.appending("venv")
        let made = try Command(
            FilePath(base.executable), ["-m", "venv", "--without-pip", environment.string],
            scratch: scratch.path
        ).wait()
        guard made.code == 0 else { return }  // Debian has venv in a package of its own.
        let version = base.version.split(separator: ".").prefix(2).joined(separator: ".")
        let site = environment.appending("lib").appending("python\(version)").appending("site-packages")
        for folder in ["figures", "figures_maker-1.2.dist-info"] {
            try FileSystem.createDirectory(site.appending(folder))
        }
        try FileSystem.writeAtomically(
            "from .inner import seven\n", to: site.appending("figures").appending("__init__.py"))
        try FileSystem.writeAtomically(
            "import os\nseven = 7\nthreads = os.environ['OPENBLAS_NUM_THREADS']\n",
            to: site.appending("figures").appending("inner.py"))
        let facts = site.appending("figures_maker-1.2.dist-info")
        try FileSystem.writeAtomically(
            "Metadata-Version: 2.1\nName: figures-maker\nVersion: 1.2\n", to: facts.appending("METADATA"))
        try FileSystem.writeAtomically("figures\n", to: facts.appending("top_level.txt"))
        try FileSystem.writeAtomically("secret = 1\n", to: site.appending("neighbour.py"))

        let pythons = PythonInterpreter.all(path: environment.appending("bin").string)
        for level in SandboxEscapeTests.levels.map(\.isolation) {
            let sandbox = try Sandbox(pythons, atMost: level, floor: level, packages: ["figures"])
            #expect(sandbox.python.packages.map(\.name) == ["figures"])
            #expect(sandbox.python.packages.map(\.version) == ["1.2"])
            let program = "import figures\ndef seven(): return figures.seven"
            #expect(try sandbox.run(program, tests: "assert seven() == 7") == .passed)
            #expect(
                try sandbox.run("from figures import inner", tests: "assert inner.threads == '1'") == .passed)
            let compared = ComparedFunction(
                entryPoint: "seven", inputs: "inputs = [[]]",
                grader: "def judge(answers):\n    assert next(answers) == 7\n    return True")
            #expect(try sandbox.run(program, comparing: compared) == .passed)
            for (sandbox, name) in [
                (sandbox, "neighbour"), (try Sandbox(pythons, atMost: level, floor: level), "figures"),
            ] {
                let outcome = try sandbox.run("import \(name)", tests: "")
                #expect(
                    outcome == .raised("ModuleNotFoundError", message: "No module named '\(name)'"),
                    "\(outcome)")
            }
        }
        let error = #expect(throws: SandboxError.self) {
            try Sandbox(pythons, packages: ["figures", "absent_figures"])
        }
        #expect(error?.description.contains("figures absent_figures, which no python3 in PATH has") == true)
    }
}
