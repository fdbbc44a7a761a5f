internal import Base
import Recipes

extension RunDifference {
    /// More numbers or files of one stage than this are told by the JSON form.
    private static let limit = 8

    /// The same for people.
    package var text: String {
        var text = "\(old.visible)\n\(new.visible)\n"
        if circumstances.isEmpty {
            text += "\nProgram, machine, environment and command line are the same.\n"
        } else {
            text += "\nOf the runs themselves differs, old → new:\n"
            text += circumstances.map { "  \("\($0)".visible)\n" }.joined()
        }
        for entry in stages { text += Self.text(entry) }
        for (stage, reason) in missing {
            text += "\n\(stage.visible): can't be compared, \(reason.visible)\n"
        }
        if !onlyOld.isEmpty {
            text += "\nOnly in the first: \(onlyOld.map(\.visible).joined(separator: ", "))\n"
        }
        if !onlyNew.isEmpty {
            text += "\nOnly in the second: \(onlyNew.map(\.visible).joined(separator: ", "))\n"
        }
        return text + "\n\(summary)\n"
    }

    private static func text(_ entry: StageEntry) -> String {
        var text =
            "\n\(entry.stage.visible)\(entry.hasSameContent ? ": the same files and numbers from another recipe" : "")\n"
        text += entry.reasons.map { "  because \("\($0)".visible)\n" }.joined()
        text += entry.numbers.prefix(limit).map { "    \("\($0)".visible)\n" }.joined()
        if entry.numbers.count > limit { text += "    and \(entry.numbers.count - limit) more\n" }
        if entry.numbers.isEmpty, !entry.files.isEmpty {
            let more = entry.files.count - limit
            text +=
                "    files: \(entry.files.prefix(limit).map(\.visible).joined(separator: ", "))\(more > 0 ? " and \(more) more" : "")\n"
        }
        return text
    }

    private var summary: String {
        guard !isSame else {
            return
                "The runs are the same: \(Readable.stages(sameCount)), same recipes, same files, same numbers."
        }
        var parts = [
            "\(Readable.stages(sameCount)) the same", "\(stages.count { !$0.hasSameContent }) differ",
        ]
        let renamed = stages.count { $0.hasSameContent }
        if renamed > 0 { parts.append("\(renamed) gave the same from another recipe") }
        let unexplained = stages.count { $0.isUnexplained }
        if unexplained > 0 { parts.append("\(unexplained) of them for no recorded reason") }
        return parts.joined(separator: ", ") + "."
    }
}
