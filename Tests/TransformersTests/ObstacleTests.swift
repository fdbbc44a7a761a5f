import Files
import SystemPackage
import TestSupport
import Testing

@testable import Transformers

/// A checkpoint whose files are links to devices, or pipes: an error that names the file, and no wait.
@Suite struct ObstacleTests {
    private static let places = [
        "config.json", "adapter_config.json", "generation_config.json", Checkpoint.index, Checkpoint.single,
    ]

    @Test(arguments: Obstacle.allCases, places)
    func aFileOfACheckpointThatIsNone(obstacle: Obstacle, name: String) throws {
        let scratch = try ScratchFolder()
        let source = Fixtures.path("live/causal")
        for file in ["config.json", Checkpoint.single] {
            let bytes = try FileSystem.read(source.appending(file))
            try FileSystem.writeAtomically(bytes, to: scratch.path.appending(file))
        }
        // An index beside a single file isn't looked at.
        if name == Checkpoint.index { try FileSystem.remove(scratch.path.appending(Checkpoint.single)) }
        let path = scratch.path.appending(name)
        try obstacle.place(at: path)
        let error = #expect(throws: FileError.self) {
            if name == "adapter_config.json" {
                _ = try LoRAOptions(scratch.path)
            } else {
                _ = try Checkpoint.load(scratch.path)
            }
        }
        let text = error?.description ?? ""
        #expect(text.lowercased().contains(obstacle.words) && text.contains(path.string), "\(text)")
    }
}
