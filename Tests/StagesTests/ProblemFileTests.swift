import Evaluation
import Files
import SystemPackage
import TestSupport
import Testing

@testable import DataStages
@testable import StageBasics

@Suite struct ProblemFileTests {
    let scratch: ScratchFolder
    let path: FilePath
    let problem = Problem(
        id: "a", question: "Q?", response: "#### 4", answer: 4,
        steps: [.init(day: "Monday", change: 1, total: 4)])

    init() throws {
        scratch = try ScratchFolder()
        path = scratch.path.appending("problems.jsonl")
    }

    @Test func readsWhatItWrites() throws {
        try ProblemFile.write([problem, problem], to: path)
        #expect(try ProblemFile.read(path) == [problem, problem])
    }

    @Test func emptyLinesCountAsLines() throws {
        try ProblemFile.write([problem], to: path)
        let line = try FileSystem.readText(path)
        try FileSystem.writeAtomically("\n\(line)\n\n{\"id\": \"b\"}\n", to: path)
        let error = #expect(throws: DamagedFileError.self) { try ProblemFile.read(path) }
        #expect(
            error?.description == "\(path):5: a problem needs id, question, response, answer and steps.")
        try FileSystem.writeAtomically("\n\n\(line)\n", to: path)
        #expect(try ProblemFile.read(path) == [problem])
    }

    @Test func namesLineAndColumnOfWhatIsNoJSON() throws {
        try FileSystem.writeAtomically("\n{\"id\": tru}\n", to: path)
        let error = #expect(throws: DamagedFileError.self) { try ProblemFile.read(path) }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix("\(path):2: column 8: ") == true)
    }
}
