import Evaluation
import Files
import SystemPackage
import TestSupport
import Testing

/// Programs taken out of responses.
struct GradersProgramTests {
    @Test func theProgramIsBetweenTheFences() {
        #expect(CodeExtraction.program(in: "Here:\n```python\na\n```\nb") == "a\n")
        #expect(CodeExtraction.program(in: "a\n```\nb") == "a\n")
        #expect(CodeExtraction.program(in: "```python a```") == "")
        #expect(CodeExtraction.humanEvalText(prompt: "p", response: "a") == "p\na")
        #expect(CodeExtraction.humanEvalInstruct(prompt: "p\n", response: "a\n```\nb") == "p\na\n")
        #expect(CodeExtraction.withoutFences(" ```python\na\n```\n") == "python\na")
    }

    @Test(arguments: [
        ("python\na\n```", "a"), ("\na\n```\nb", "a"), ("```python\na\n```", ""), ("no fence", ""),
        // The first word is lost when the response starts with it.
        ("def f(): pass\n```", " f(): pass"), ("\r\na```", "\r\na"), ("`a```", "`a"),
    ]) func theFirstBlockOfAResponseWhosePromptOpensIt(response: String, expected: String) {
        #expect(CodeExtraction.firstBlock(in: response) == expected)
    }

    @Test(.enabled(if: PythonParser() != nil)) func programsAreTakenApartButNotRun() throws {
        let parser = try #require(PythonParser())
        let scratch = try ScratchFolder()
        let touched = scratch.path.appending("touched")
        let results = try parser.sanitize([
            .init(
                text: "import os\nopen('\(touched)', 'w')\ndef f(x):\n\treturn h(x)\ndef g(): return 1\n"
                    + "def h(x): return x\nThat is all.", entryPoint: "f"),
            .init(text: "def f(:\n  pass"),
            .init(text: "x = 1\u{2028}y = 2\ndef f():\n    x = 3", entryPoint: nil),
            .init(text: String(repeating: "(", count: 5000)),
        ])
        #expect(!FileSystem.exists(touched))
        #expect(
            try results[0].program.get() == "import os\ndef f(x):\n    return h(x)\ndef h(x):\n    return x")
        #expect(try results[0].longestValid.get().hasSuffix("return x"))
        #expect(try results[1].longestValid.get().isEmpty && results[1].program.get().isEmpty)
        #expect(try results[2].program.get() == "x = 1\ny = 2")
        #expect(try results[3].program.get().isEmpty)
    }

    @Test(.enabled(if: PythonParser() != nil)) func attributesCountAsNamesUnlessToldOtherwise() throws {
        let parser = try #require(PythonParser())
        let request = PythonParser.Request(
            text: "def f(x):\n    return x.g()\ndef g():\n    return 1", entryPoint: "f")
        let both = try parser.sanitize([request])[0].program.get()
        let names = try parser.sanitize([request], dependencies: .names)[0].program.get()
        #expect(both == "def f(x):\n    return x.g()\ndef g():\n    return 1")
        #expect(names == "def f(x):\n    return x.g()")
    }

    /// A folder with a shell script in place of Python.
    private func interpreter(version: String = "3.11", _ script: String) throws -> ScratchFolder {
        let folder = try ScratchFolder()
        let path = folder.path.appending("python3")
        try FileSystem.writeAtomically(
            "#!/bin/sh\ncase \"$*\" in *version_info*) printf \(version); exit;; esac\n\(script)\n", to: path)
        // Only root may run a file that nobody may execute.
        let chmod = try Command("/bin/chmod", ["755", path.string], scratch: folder.path).wait()
        #expect(chmod.code == 0)
        return folder
    }

    private static let answer = #"echo '{"longest": {"value": "a"}, "program": {"value": "b"}}'"#

    @Test func anInterpreterThatHangsFailsItsProgramOnly() throws {
        // The first process answers once and hangs, the second answers at once.
        let folder = try interpreter(
            "D=${PATH%%:*}; \(Self.answer); if [ ! -e $D/again ]; then : > $D/again; exec /bin/sleep 60; fi")
        let parser = try #require(PythonParser(path: folder.path.string, limit: .seconds(4)))
        let results = try parser.sanitize([.init(text: "1"), .init(text: "2"), .init(text: "3")])
        #expect(results.map { try? $0.program.get() } == ["b", nil, "b"])
        guard case .failure(let error) = results[1].program else { return }
        #expect(error.name == "TimeoutError")
    }

    @Test func anInterpreterThatIsKilledFailsItsProgramOnly() throws {
        let folder = try interpreter("kill -9 $$")
        let parser = try #require(PythonParser(path: folder.path.string))
        let results = try parser.sanitize([.init(text: "1"), .init(text: "2")])
        #expect(results.count == 2)
        for result in results {
            guard case .failure(let error) = result.program else {
                Issue.record("the program should have failed")
                continue
            }
            #expect(error.name == "MemoryError")
        }
    }

    @Test(arguments: [
        ("exit 3", "ended with code 3 after 0 of 1 programs."), ("echo '{}'", "isn't one of the script's."),
        ("echo nonsense", "doesn't work as a parser: "),
    ]) func anInterpreterThatTalksNonsenseIsReported(script: String, message: String) throws {
        let folder = try interpreter(script)
        let parser = try #require(PythonParser(path: folder.path.string))
        let error = #expect(throws: PythonParserError.self) { try parser.sanitize([.init(text: "1")]) }
        #expect(error?.description.contains(message) == true)
    }

    @Test func aLargeRequestToOneThatDoesNotReadIsNoDeadlock() throws {
        let folder = try interpreter(Self.answer)
        let parser = try #require(PythonParser(path: folder.path.string))
        let text = String(repeating: "x = 1\n", count: 500_000)
        #expect(try parser.sanitize([.init(text: text)])[0].program.get() == "b")
    }

    @Test func oldAndBrokenInterpretersAreSkipped() throws {
        let old = try interpreter(version: "3.8", "")
        let broken = try interpreter(version: "what", "")
        let good = try interpreter(version: "3.12", "")
        #expect(PythonParser(path: "/nowhere:\(old.path):\(broken.path)") == nil)
        let parser = try #require(PythonParser(path: "/nowhere:\(old.path):\(broken.path):\(good.path)"))
        #expect(parser.executable == "\(good.path)/python3" && parser.version == "3.12")
    }
}
