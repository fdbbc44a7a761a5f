import JSON

/// Puts the files and the command line together.
struct Composer {
    package let files: [ConfigFile]
    package var problems: [Diagnostic]
    package let registry: StageRegistry
    private(set) var layers: [Configuration.Layer] = []
    private(set) var overrides: [Override] = []
    private(set) var merged: ConfigNode
    private(set) var root: ConfigNode

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
        let varied = variedVariables(parsed)
        var variables = variables(set: parsed.filter(\.setsVariable), postponing: Set(varied.map(\.name)))
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
        for argument in parsed where argument.setsVariable { settle(argument) }
        variables.checkAll()
        if let values = variables.postponedValues() {
            let node = ConfigNode(value: .object(values), origin: root.origin)
            for tree in [\Composer.root, \.merged] {
                if case .object(let members) = self[keyPath: tree].value {
                    self[keyPath: tree].value = .object(
                        members + [ConfigMember(key: "variables", keyOrigin: node.origin, value: node)])
                }
            }
        }
        problems += variables.problems
        reportUnused(variables, parsed)
        for (name, origin) in varied where problems.isEmpty && !variables.used.contains(name) {
            problems.append(
                Diagnostic(
                    at: origin, "Nothing uses the variable \"\(name)\", which \"\(Replication.key)\" varies.",
                    hint: NearestName.hint(
                        for: name, among: variables.used.sorted(), what: "Variables in use")))
        }
    }

    /// The variables that `replicate` gives another value in each copy, so that they can't be put in yet.
    private func variedVariables(_ arguments: [OverrideArgument]) -> [(name: String, origin: Origin)] {
        var tree = files.first?.tree ?? root
        for file in files.dropFirst() {
            // What can't be removed is reported where the files are joined.
            for removal in file.removals { try? tree.remove(removal.path.parts[...]) }
            tree.merge(file.tree)
        }
        let axes = Replication.axes(of: tree[Replication.key]).map { ($0.key, $0.keyOrigin) }
        let set = arguments.flatMap { argument -> [(String, Origin)] in
            guard argument.path.key(at: 0) == Replication.key else { return [] }
            if case .key(let key)? = argument.path.parts.last, argument.path.parts.count > 1 {
                return [(key, argument.keyOrigin)]
            }
            guard let document = try? JSONDocument(parsing: argument.value, name: "--set") else { return [] }
            let node = ConfigNode(
                document.root, source: argument.valueOrigin.source, base: argument.valueOffset)
            return Replication.axes(of: node).map { ($0.key, $0.keyOrigin) }
        }
        return (axes + set).compactMap { key, origin in
            ConfigPath(inStage: key)?.variable.map { ($0, origin) }
        }
    }

    /// A variable that the command line sets isn't varied any longer.
    private mutating func settle(_ argument: OverrideArgument) {
        do throws(PathProblem) {
            // Read as JSON where it is, as the value of the variable was.
            let override = Override(argument)
            try override.settleReplication(in: &root)
        } catch {
            problems.append(Diagnostic(at: argument.keyOrigin, "The path \(error.reason).", hint: error.hint))
        }
    }

    /// The variables of all files and of the command line.
    private mutating func variables(
        set arguments: [OverrideArgument], postponing postponed: Set<String>
    ) -> Variables {
        let parts = files.map { file -> ([ConfigFile.Removal], ConfigNode) in
            let member = file.tree.member("variables").map { [$0] } ?? []
            return (
                file.removals.filter(\.path.isVariable),
                ConfigNode(value: .object(member), origin: file.tree.origin)
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
        return Variables(tree["variables"], postponing: postponed)
    }

    private mutating func merge(_ parts: [(removals: [ConfigFile.Removal], tree: ConfigNode)]) -> ConfigNode {
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

    /// The variable that the path leads to or into.
    var variable: String? { isVariable ? key(at: 1) : nil }
}
