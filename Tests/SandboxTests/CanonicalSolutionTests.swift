import Files
import JSON
import Sandbox
import SystemPackage
import TestSupport
import Testing

/// HumanEval's own solutions pass HumanEval's own tests.
struct CanonicalSolutionTests {
    @Test(arguments: SandboxEscapeTests.filtered) func passTheirTests(_ sandbox: Sandbox) throws {
        let lines = try FileSystem.readText(Fixtures.path("tasks/humaneval-more.jsonl")).split(
            separator: "\n")
        #expect(lines.count == 5)
        for line in lines {
            let root = try JSONDocument(parsing: Array(line.utf8), name: "problem").root
            let prompt = try #require(root["prompt"]?.string)
            let solution = try #require(root["canonical_solution"]?.string)
            let tests = "\(root["test"]?.string ?? "")\ncheck(\(root["entry_point"]?.string ?? ""))"
            #expect(try sandbox.run(prompt + solution, tests: tests) == .passed)
            #expect(try sandbox.run(prompt + "    return None\n", tests: tests).hasPassed == false)
        }
    }
}
