import Files
import SystemPackage
import TestSupport
import Testing
import Tokenizers

/// A tokenizer whose files are links to devices, or pipes: an error that names the file, and no wait.
@Suite struct ObstacleTests {
    @Test(arguments: Obstacle.allCases, ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja"])
    func aFileOfATokenizerThatIsNone(obstacle: Obstacle, name: String) throws {
        let scratch = try ScratchFolder()
        let source = Fixtures.path("live/causal")
        for file in ["tokenizer.json", "tokenizer_config.json"] {
            let bytes = try FileSystem.read(source.appending(file))
            try FileSystem.writeAtomically(bytes, to: scratch.path.appending(file))
        }
        let path = scratch.path.appending(name)
        try obstacle.place(at: path)
        let error = #expect(throws: FileError.self) { try TokenizerFiles(folder: scratch.path) }
        let text = error?.description ?? ""
        #expect(text.lowercased().contains(obstacle.words) && text.contains(path.string), "\(text)")
    }
}
