import JSON

extension ExperimentLoader {
    /// A stage's own object, or those that its matrix makes of it.
    mutating func expand(_ member: ConfigMember) -> Source {
        let name = member.key
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        if name.isEmpty || !name.allSatisfy(allowed.contains) {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "\"\(name)\" can't be the name of a stage.",
                    hint: "Use letters, digits, - and _."))
        }
        guard let matrixNode = member.value["matrix"] else {
            return Source(member: member, variants: [(name, [:], member.value)])
        }
        // What the command line sets is swept no longer.
        let own = overrides.compactMap { override -> (path: ConfigPath, override: Override)? in
            guard let (stage, path) = override.path.inStage, stage == name else { return nil }
            return (path, override)
        }
        let matrix = Matrix(matrixNode, subject: "stage \"\(name)\"", without: Set(own.map(\.path))) {
            problems.append($0)
        }
        if matrix.isSettled { return Source(member: member, variants: [(name, [:], member.value)]) }
        var seen: Set<String> = []
        var variants: [(id: String, values: JSONObject, node: ConfigNode)] = []
        for (point, id) in zip(matrix.points, matrix.names(of: name)) where !point.isEmpty {
            if !seen.insert(id).inserted {
                problems.append(
                    Diagnostic(
                        at: point[point.count - 1].value.origin,
                        "The matrix of stage \"\(name)\" has the variant \"\(id)\" twice."))
                continue
            }
            let settings = point.map { ($0.path, $0.value, $0.keyOrigin) }
            // Below what the matrix sets, the command line wins as well.
            let above = own.filter { own in point.contains { $0.path.isProperPrefix(of: own.path) } }
                .map { ($0.path, $0.override.value, $0.override.keyOrigin) }
            var node = member.value
            for (path, value, keyOrigin) in settings + above {
                do throws(PathProblem) {
                    try node.set(path.parts[...], to: value, keyOrigin: keyOrigin)
                } catch {
                    problems.append(
                        Diagnostic(at: keyOrigin, "\"\(path)\" \(error.reason).", hint: error.hint))
                }
            }
            let values = JSONObject(point.map { ($0.path.description, JSONValue($0.value)) })
            variants.append((id, values, node))
        }
        return Source(member: member, variants: variants)
    }
}
