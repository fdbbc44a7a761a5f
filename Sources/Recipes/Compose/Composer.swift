internal import Base
import JSON

/// Puts the files and the command line together.
struct Composer {
    package let files: [ConfigFile]
    package var problems: [Diagnostic]
    package let registry: StageRegistry
    private(set) var layers: [Configuration.Layer] = []
    private(set) var overrides: [Override] = []
    private(set) var merged: JSONNode
    private(set) var root: JSONNode

    package init(files: [ConfigFile], problems: [Diagnostic], registry: StageRegistry) {
        self.files = files
        self.problems = problems
        self.registry = registry
        root = files.last?.tree ?? .nothing("")
        merged = root
    }

    mutating func compose(_ arguments: [String]) {
        let parsed = arguments.compactMap { argument -> OverrideArgument? in
            do throws(Diagnostic) {
                return try OverrideArgument(argument)
            } catch {
                problems.append(error)
                return nil
            }
        }
        var variables = variables(set: parsed.filter(\.setsVariable))
        for file in files {
            var tree = file.tree
            if case .object(let members) = tree.value {
                tree.value = .object(members.filter { $0.key != "variables" })
            }
            layers.append(
                .init(name: file.name, removals: file.removals, tree: variables.substitute(tree)))
        }
        merged = merge(layers.map { ($0.removals.filter { !$0.path.isVariable }, $0.tree) })
        root = merged
        for argument in parsed where !argument.setsVariable {
            do throws(Diagnostic) {
                let field = FieldLookup(registry, root).field(at: argument.path)
                var override = try Override(argument, Override.Form(field))
                override.value = variables.substitute(override.value)
                try override.apply(to: &root)
                overrides.append(override)
            } catch { problems.append(error) }
        }
        variables.checkAll()
        problems += variables.problems
        reportUnused(variables, parsed)
    }

    /// The variables of all files and of the command line.
    private mutating func variables(set arguments: [OverrideArgument]) -> Variables {
        let parts = files.map { file -> ([ConfigFile.Removal], JSONNode) in
            let member = file.tree.member("variables").map { [$0] } ?? []
            return (
                file.removals.filter(\.path.isVariable),
                JSONNode(value: .object(member), origin: file.tree.origin)
            )
        }
        var tree = merge(parts)
        for argument in arguments {
            do throws(Diagnostic) {
                // A variable has no type but that of the value that it replaces.
                let isText = tree[argument.path]?.string != nil
                let override = try Override(argument, isText ? .text(acceptsNull: true) : .json)
                try override.apply(to: &tree)
            } catch { problems.append(error) }
        }
        return Variables(tree["variables"])
    }

    private mutating func merge(_ parts: [(removals: [ConfigFile.Removal], tree: JSONNode)]) -> JSONNode {
        guard var result = parts.first?.tree else { return root }
        for part in parts.dropFirst() {
            for removal in part.removals {
                do throws(PathProblem) {
                    try result.remove(removal.path.parts[...])
                } catch {
                    problems.append(
                        Diagnostic(
                            at: removal.origin, "\"\(removal.path)\" \(error.reason).", hint: error.hint))
                }
            }
            result.merge(part.tree)
        }
        return result
    }

    /// A variable that nothing uses is a slip where the file itself or the command line sets it; what a base
    /// offers may be left unused.
    private mutating func reportUnused(_ variables: Variables, _ arguments: [OverrideArgument]) {
        guard problems.isEmpty else { return }
        let own = (files.last?.tree["variables"]?.members ?? []).map { ($0.key, $0.keyOrigin) }
        let set = arguments.filter(\.setsVariable)
            .compactMap { argument in argument.path.key(at: 1).map { ($0, argument.keyOrigin) } }
        for (name, origin) in own + set where !variables.used.contains(name) {
            problems.append(
                Diagnostic(
                    at: origin, "Nothing uses the variable \"\(name)\".",
                    hint: NearestName.hint(
                        for: name, among: variables.used.sorted(), what: "Variables in use")))
        }
    }
}

extension ConfigPath {
    /// Whether the path leads to a variable or into one.
    var isVariable: Bool { key(at: 0) == "variables" }
}
