import JSON

extension ExperimentLoader {
    /// A stage's own object, or those that its matrix makes of it.
    ///
    /// - Parameter room: How many values they may have together; where they would have more, none is made.
    mutating func expand(_ member: JSONMember, room: Int) -> Source {
        let name = member.key
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        if name.isEmpty || !name.allSatisfy(allowed.contains) {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "\"\(name)\" can't be the name of a stage.",
                    hint: "Use letters, digits, - and _."))
        }
        guard let matrixNode = member.value["matrix"] else {
            return Source(
                member: member, variants: [(name, [:], member.value)], values: member.value.valueCount)
        }
        let matrix = Matrix(matrixNode, subject: "stage \"\(name)\"") { problems.append($0) }
        let values = matrix.points.count * member.value.valueCount
        guard values <= room else { return Source(member: member, variants: [], values: values) }
        var seen: Set<String> = []
        var variants: [(id: String, values: JSONObject, node: JSONNode)] = []
        for (point, id) in zip(matrix.points, matrix.names(of: name)) where !point.isEmpty {
            if !seen.insert(id).inserted {
                problems.append(
                    Diagnostic(
                        at: point[point.count - 1].value.origin,
                        "The matrix of stage \"\(name)\" has the variant \"\(id)\" twice."))
                continue
            }
            var node = member.value
            for setting in point {
                do throws(PathProblem) {
                    try node.set(setting.path.parts[...], to: setting.value, keyOrigin: setting.keyOrigin)
                } catch {
                    problems.append(
                        Diagnostic(
                            at: setting.keyOrigin, "\"\(setting.path)\" \(error.reason).", hint: error.hint))
                }
            }
            let values = JSONObject(point.map { ($0.path.description, JSONValue(setting: $0.value)) })
            variants.append((id, values, node))
        }
        return Source(member: member, variants: variants, values: values)
    }
}
