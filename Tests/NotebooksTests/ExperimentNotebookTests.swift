import ArtifactStore
import Files
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

@Suite struct ExperimentNotebookTests {
    private static let root = Fixtures.path("").removingLastComponent().removingLastComponent()

    private static var notebooks: [FilePath] {
        get throws {
            let folder = root.appending("experiments")
            return try FileSystem.list(folder).map { folder.appending($0).appending("README.md") }
        }
    }

    @Test func theNotebooksOfTheRepositoryShowWhatWasRecorded() throws {
        let scratch = try ScratchFolder()
        for path in try Self.notebooks {
            let rendering = try Notebook(path).rendered(store: Store(scratch.path))
            #expect(rendering.findings.isEmpty, "\(path)")
            #expect(rendering.blocks > 0 && rendering.unchecked.isEmpty, "\(path)")
        }
    }
}
