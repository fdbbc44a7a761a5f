import Files
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

/// Which files a notebook may name: those of its repository, none of them through a link.
@Suite struct ReachTests {
    private static func text(_ folder: NotebookFolder, _ name: String, in place: String = "") throws -> String
    {
        let path = folder.path.pushing(FilePath(place)).appending("page.md")
        let text = "<!-- d3llm: table \(name) -->\n<!-- /d3llm -->\n"
        return String(
            decoding: Notebook(path, bytes: Array(text.utf8)).rendered(store: folder.store).bytes,
            as: UTF8.self)
    }

    @Test func linksAreNotFollowed() throws {
        let folder = try NotebookFolder()
        #expect(try Self.text(folder, "results/table.md").contains("| x | 1 |"))
        try FileSystem.symbolicLink(to: "table.md", at: folder.results.appending("file.md"))
        try FileSystem.symbolicLink(to: "results", at: folder.path.appending("all"))
        for name in ["results/file.md", "all/table.md"] {
            #expect(try !Self.text(folder, name).contains("| x | 1 |"), "\(name)")
        }
    }

    @Test(arguments: ["data.lock", ".git"])
    func aboveItsFolderOnlyTheRepositoryCounts(mark: String) throws {
        let folder = try NotebookFolder()
        try FileSystem.createDirectory(folder.path.appending("notes"))
        #expect(try !Self.text(folder, "../results/table.md", in: "notes").contains("| x | 1 |"))
        try FileSystem.writeAtomically([], to: folder.path.appending("notes").appending(mark))
        #expect(try !Self.text(folder, "../results/table.md", in: "notes").contains("| x | 1 |"))
        try FileSystem.writeAtomically([], to: folder.path.appending(mark))
        try FileSystem.remove(folder.path.appending("notes").appending(mark))
        #expect(try Self.text(folder, "../results/table.md", in: "notes").contains("| x | 1 |"))
        #expect(try Self.text(folder, "x/../../results/table.md", in: "notes").contains("| x | 1 |"))
    }

    /// What a path means without its ".." isn't what the kernel makes of it behind a link.
    @Test func dotsBehindALinkLeadNowhere() throws {
        let (folder, other) = (try NotebookFolder(), try NotebookFolder())
        try FileSystem.writeAtomically(Array("secret".utf8), to: other.path.appending("extra.md"))
        try folder.write("decoy", "extra.md")
        try FileSystem.symbolicLink(to: other.results, at: folder.results.appending("all"))
        let text = try Self.text(folder, "results/all/../extra.md")
        #expect(!text.contains("secret") && text.contains("decoy"))
    }
}
