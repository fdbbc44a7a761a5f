import ArtifactStore
internal import Base
import Recipes
import SystemPackage

extension Plan {
    /// Why a stage would run or not, in full: each difference to the nearest recipe in the store, and behind each
    /// input that changed the reason for that.
    ///
    /// - Parameter name: A stage, with all its variants, or one variant.
    /// - Throws: `UnknownStageError`.
    package func reasons(for name: String) throws(UnknownStageError) -> String {
        try entries(of: name).map(text(of:)).joined(separator: "\n")
    }

    /// The entries of a stage, with all its variants, or of one variant; never empty.
    package func entries(of name: String) throws(UnknownStageError) -> [Entry] {
        let wanted = Set(experiment.stages.filter { $0.name == name || $0.id == name }.map(\.id))
        let chosen = entries.filter { wanted.contains($0.stage) }
        guard !chosen.isEmpty else { throw UnknownStageError(name: name, experiment: experiment) }
        return chosen
    }

    private func text(of entry: Entry) -> String {
        var text = "\(entry.stage.visible): \(entry.status.rawValue)\n"
        if entry.status == .cached {
            return text + "The artifact is in \(entry.folder); its recipe is the stage's.\n"
        }
        text += "Its place is \(entry.folder).\n"
        if let forecast = entry.forecast?.text { text += "It should take \(forecast).\n" }
        guard let nearest = entry.nearest else { return text + "\(entry.reason.capitalizedFirst).\n" }
        if entry.status == .resume {
            text += "\((entry.reason.byteText.split(";").first?.text ?? "").capitalizedFirst).\n"
        }
        let relation = nearest.isSameStage ? "Made before from another recipe" : "The nearest of its kind"
        let cost = StageForecast(
            seconds: nearest.duration, memory: nearest.peakMemory, disk: nearest.size)
        text += "\(relation): \(nearest.folder)\n"
        text += "  (that took \(cost.text ?? "an unknown time"))\n\nWhat differs, old → new:\n"
        var told: Set<String> = []
        return text + lines(entry.changes, indent: "  ", told: &told)
    }

    private func lines(_ changes: [RecipeChange], indent: String, told: inout Set<String>) -> String {
        changes.map { change in
            var text = "\(indent)\("\(change.difference)".visible)\n"
            let inner = indent + "    "
            switch change.cause {
            case nil: break
            case .recipe(let stage, let changes):
                let key = [change.difference.old, change.difference.new]
                    .map { InputReference($0 ?? "").fingerprint }.joined(separator: " ")
                guard told.insert(key).inserted else {
                    return text + "\(inner)for the reason told above for @\(stage)\n"
                }
                text += "\(inner)because the recipe of @\(stage) changed:\n"
                text += lines(changes, indent: inner + "  ", told: &told)
            case .kind(let stage, let old, let new):
                text += "\(inner)because it is @\(stage) of kind \(new), where one of kind \(old) was\n"
            case .part(let stage): text += "\(inner)because it is another part of @\(stage)\n"
            case .unknown(let stage):
                text +=
                    "\(inner)because @\(stage) is another; the earlier artifact isn't in the store any more\n"
            }
            return text
        }.joined()
    }
}
