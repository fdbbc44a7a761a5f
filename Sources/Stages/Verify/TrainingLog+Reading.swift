internal import Base
internal import Files
internal import JSON
internal import SystemPackage
internal import Training

extension TrainingLog {
    /// The mean losses of the last stretch, from the log of a training that came to its end.
    ///
    /// - Parameter phases: Names and steps of the phases that the log must tell of, in order.
    /// - Throws: ``DamagedFileError`` when a line is no line of a log, or a phase is missing or not whole.
    static func finalGroups(
        in path: FilePath, phases: [(name: String, steps: Int)]
    ) throws -> [LossReport.Group] {
        let lines = try FileSystem.readText(path, limit: FileLimit.data).byteText.split("\n").map(\.text)
        var number = 0
        var groups: [LossReport.Group] = []
        for phase in phases {
            for step in steps(of: phase.steps) {
                number += 1
                guard number <= lines.count else {
                    throw DamagedFileError(
                        path,
                        "it ends after \(lines.count) lines, before step \(step) of phase \(phase.name).")
                }
                let root = try JSONDocument(parsing: Array(lines[number - 1].utf8), name: "\(path):\(number)")
                    .root
                guard root["phase"]?.string == phase.name, root["step"]?.int == step,
                    let nodes = root["groups"]?.array
                else {
                    throw DamagedFileError(
                        path, line: number, "this line should tell of phase \(phase.name), step \(step).")
                }
                groups = nodes.compactMap { LossReport.Group($0) }
                guard groups.count == nodes.count else {
                    throw DamagedFileError(path, line: number, "a group of losses lacks a number.")
                }
            }
        }
        guard number == lines.count else {
            throw DamagedFileError(
                path, line: number + 1, "the training has no more than \(number) lines of log.")
        }
        return groups
    }
}
