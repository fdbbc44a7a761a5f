import ArtifactStore
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Slurm

@Suite struct LaunchRecordObstacleTests {
    /// A store that somebody else wrote: the record of a launch is a link to a device, or a pipe that nobody writes to.
    @Test(arguments: Obstacle.allCases) func aRecordThatIsNoFileIsAnError(obstacle: Obstacle) throws {
        let scratch = try ScratchFolder()
        let store = Store(scratch.path)
        let folder = store.launchesFolder("k").appending("20261129T100000Z-1")
        try FileSystem.createDirectory(folder)
        let path = folder.appending(LaunchRecord.fileName)
        try obstacle.place(at: path)
        let error = #expect(throws: FileError.self) { try LaunchRecord.all(of: "k", in: store) }
        let text = error?.description ?? ""
        #expect(text.lowercased().contains(obstacle.words) && text.contains(path.string), "\(text)")
    }
}
