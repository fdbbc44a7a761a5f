internal import JSON
import OrderedCollections

extension ExperimentLoader {
    /// Names of stages, each after those it refers to, otherwise as in the file; nil after a report of a cycle.
    mutating func order(_ edges: OrderedDictionary<String, [(stage: String, origin: Origin)]>)
        -> [String]?
    {
        var done: OrderedSet<String> = []
        var path: [String] = []
        var isCyclic = false

        func visit(_ name: String, _ problems: inout [Diagnostic]) {
            guard !done.contains(name) else { return }
            path.append(name)
            for edge in edges[name] ?? [] where edges[edge.stage] != nil {
                if let start = path.firstIndex(of: edge.stage) {
                    isCyclic = true
                    let circle = (path[start...] + [edge.stage]).joined(separator: " → ")
                    problems.append(
                        Diagnostic(
                            at: edge.origin, "Stages refer to one another in a circle: \(circle).",
                            hint: "A stage can only read what is made before it."))
                } else {
                    visit(edge.stage, &problems)
                }
            }
            path.removeLast()
            done.append(name)
        }
        for name in edges.keys { visit(name, &problems) }
        return isCyclic ? nil : Array(done)
    }
}
