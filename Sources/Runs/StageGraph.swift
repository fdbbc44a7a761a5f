internal import Base
package import Recipes

/// The stages of an experiment and what they read of one another, as a drawing in a language of graphs.
///
/// Variants of a stage are one box that says how many there are.
package struct StageGraph: Sendable {
    /// A language that draws graphs.
    package enum Language: String, Sendable, CaseIterable {
        /// As Markdown of many sites has it.
        case mermaid
        /// Graphviz.
        case dot
    }

    private struct Node {
        let name: String
        let kind: String
        var variants = 1
        /// How many of them are in the store already.
        var cached = 0

        var isCached: Bool { cached == variants }
    }

    private var nodes: [Node] = []
    /// Places of two nodes: from what is read to what reads it.
    private var edges: [(from: Int, to: Int)] = []

    /// - Parameter cached: Full names of the stages that are in the store.
    package init(_ experiment: Experiment, cached: Set<String> = []) {
        var places: [String: Int] = [:]
        var names: [String: Int] = [:]
        var known: Set<[Int]> = []
        for stage in experiment.stages {
            let place = names[stage.name] ?? nodes.count
            if place == nodes.count {
                nodes.append(Node(name: stage.name, kind: stage.recipe.kind))
                names[stage.name] = place
            } else {
                nodes[place].variants += 1
            }
            places[stage.id] = place
            if cached.contains(stage.id) { nodes[place].cached += 1 }
            // Stages come after those that they read.
            for need in stage.inputs.flatMap(\.references).compactMap({ places[$0.stage] })
            where known.insert([need, place]).inserted {
                edges.append((need, place))
            }
        }
    }

    /// The drawing: boxes with name and kind, those that are cached with a dashed border.
    package func text(in language: Language) -> String {
        switch language {
        case .mermaid:
            let boxes = nodes.enumerated().map { index, node in
                "  s\(index)[\"\(label(node, "<br/>", escapes: ["#": "#35;", "\"": "#quot;", "<": "#lt;"]))\"]\(node.isCached ? ":::cached" : "")\n"
            }
            let arrows = edges.map { "  s\($0.from) --> s\($0.to)\n" }
            let style = nodes.contains(where: \.isCached) ? "  classDef cached stroke-dasharray: 4 3\n" : ""
            return "flowchart LR\n" + boxes.joined() + arrows.joined() + style
        case .dot:
            let boxes = nodes.enumerated().map { index, node in
                "  s\(index) [label=\"\(label(node, "\\n", escapes: ["\\": "\\\\", "\"": "\\\""]))\"\(node.isCached ? ", style=dashed" : "")];\n"
            }
            let arrows = edges.map { "  s\($0.from) -> s\($0.to);\n" }
            return "digraph experiment {\n  rankdir=LR;\n  node [shape=box];\n" + boxes.joined()
                + arrows.joined() + "}\n"
        }
    }

    private func label(_ node: Node, _ lineBreak: String, escapes: [Unicode.Scalar: String]) -> String {
        let count = node.variants > 1 ? " × \(node.variants)" : ""
        return [node.name + count, node.kind].map { line in
            line.visible.unicodeScalars.map { escapes[$0] ?? String($0) }.joined()
        }.joined(separator: lineBreak)
    }
}
