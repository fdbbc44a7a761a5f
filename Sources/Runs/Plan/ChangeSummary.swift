import Recipes

/// Changes of a recipe on one line: the stage's own keys, then inputs by what changed behind them.
package struct ChangeSummary: CustomStringConvertible {
    /// More than this is told by `d3llm why`.
    package static let limit = 3

    package let description: String

    package init(_ changes: [RecipeChange]) {
        var items = changes.filter { !$0.difference.isInput }.map(\.difference.description)
        // Inputs that changed for the same reason are named together.
        var groups: [(reason: String, fields: [String])] = []
        for change in changes where change.difference.isInput {
            let reason = Self.reason(change)
            let field = change.difference.field
            if let index = groups.firstIndex(where: { $0.reason == reason }) {
                if !groups[index].fields.contains(field) { groups[index].fields.append(field) }
            } else {
                groups.append((reason, [field]))
            }
        }
        items += groups.map { group in
            "\(group.fields.count == 1 ? "input" : "inputs") \(Self.list(group.fields)) \(group.reason)"
        }
        description = Self.list(items)
    }

    private static func reason(_ change: RecipeChange) -> String {
        switch change.cause {
        case nil: change.difference.old == nil ? "added" : "removed"
        case .recipe:
            "changed: "
                + list(
                    change.roots.map { root in
                        root.difference.description(of: root.stage.map { " of @\($0)" } ?? "")
                    })
        case .kind(let stage, let old, let new): "is @\(stage) of kind \(new) instead of one of kind \(old)"
        case .part(let stage): "is another part of @\(stage)"
        case .unknown(let stage):
            "changed: @\(stage) is another, and the earlier one isn't in the store any more"
        }
    }

    private static func list(_ items: [String]) -> String {
        var distinct: [String] = []
        for item in items where !distinct.contains(item) { distinct.append(item) }
        let more = distinct.count - limit
        return distinct.prefix(limit).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
