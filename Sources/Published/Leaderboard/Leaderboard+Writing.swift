internal import Files
internal import Reporting
package import SystemPackage

extension Leaderboard {
    /// Writes the table as text, Markdown and CSV, and the figures as SVG; gives the files' names.
    ///
    /// - Throws: `FileError`.
    package func write(to folder: FilePath) throws -> [String] {
        try FileSystem.createDirectory(folder)
        var names: [String] = []
        func write(_ text: String, _ name: String) throws {
            try FileSystem.writeAtomically(text, to: folder.appending(name))
            names.append(name)
        }
        try write(TableFormat.text.renderer.render(table), "table.txt")
        try write(TableFormat.markdown.renderer.render(table), "table.md")
        try write(TableFormat.csv.renderer.render(table), "table.csv")
        let renderer = SVGChartRenderer(theme: .adaptive)
        for figure in figures { try write(renderer.render(figure.chart), "\(figure.name).svg") }
        return names
    }
}
