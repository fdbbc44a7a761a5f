internal import Base
import Files
import JSON
package import SystemPackage

/// Puts the files and the command line together.
struct Composer {
    /// As they are read, with all options of their groups.
    private let sources: [ConfigFile]
    /// With the chosen options as files of their own.
    private(set) var files: [ConfigFile]
    package var problems: [Diagnostic]
    package let registry: StageRegistry
    /// The options that are chosen whatever the command line says: those of one point of a sweep.
    private var decided: [String: String]?
    /// What was chosen of each group: an option, or a list where they are swept.
    private(set) var chosen = JSONObject()
    private(set) var layers: [Configuration.Layer] = []
    private(set) var overrides: [Override] = []
    private(set) var merged: JSONNode
    private(set) var root: JSONNode

    package init(files: [ConfigFile], problems: [Diagnostic], registry: StageRegistry) {
        sources = files
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
        var groups = OptionGroups(sources)
        let swept = Set(variedPaths(parsed).compactMap { OptionGroups.name($0.path) })
        let choices = groups.choices(parsed, decided: decided ?? [:], swept: swept)
        for group in groups.groups {
            if let choice = choices[group.name] { chosen[group.name] = .string(choice) }
        }
        files = groups.expanded(choices)
        root = files.last?.tree ?? root
        problems += groups.problems
        compose(parsed, groups)
        if decided == nil, problems.isEmpty { spread(arguments, groups) }
    }

    /// Puts the files, the chosen options among them, and the command line together.
    private mutating func compose(_ parsed: [OverrideArgument], _ groups: OptionGroups) {
        let varied = variedPaths(parsed).compactMap { path, origin in path.variable.map { ($0, origin) } }
        var variables = variables(
            set: parsed.filter(\.setsVariable), postponing: Set(varied.map { $0.0 }))
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
        for argument in parsed where !argument.setsVariable && argument.path.key(at: 0) != OptionGroups.key {
            do throws(Diagnostic) {
                let field = FieldLookup(registry, root).field(at: argument.path)
                var override = try Override(argument, Override.Form(field))
                override.value = variables.substitute(override.value)
                try override.apply(to: &root)
                overrides.append(override)
            } catch { problems.append(error) }
        }
        for argument in parsed where argument.setsVariable || OptionGroups.name(argument.path) != nil {
            settle(argument)
        }
        variables.checkAll()
        if let values = variables.postponedValues() {
            let node = JSONNode(value: .object(values), origin: root.origin)
            for tree in [\Composer.root, \.merged] {
                if case .object(let members) = self[keyPath: tree].value {
                    self[keyPath: tree].value = .object(
                        members + [JSONMember(key: "variables", keyOrigin: node.origin, value: node)])
                }
            }
        }
        problems += variables.problems
        let used = variables.used.union(groups.mentioned)
        reportUnused(used, parsed)
        for (name, origin) in varied where problems.isEmpty && !used.contains(name) {
            problems.append(
                Diagnostic(
                    at: origin, "Nothing uses the variable \"\(name)\", which \"\(Replication.key)\" varies.",
                    hint: NearestName.hint(
                        for: name, among: used.sorted(), what: "Variables in use")))
        }
    }

    /// Makes values of `replicate` of the options of groups that it sweeps.
    private mutating func spread(_ arguments: [String], _ groups: OptionGroups) {
        var groups = groups
        guard var sweep = OptionSweep(root, &groups) else {
            problems = groups.problems
            return
        }
        problems = groups.problems
        guard problems.isEmpty else { return }
        let (sources, registry) = (sources, registry)
        var others: [[String: String]: Composer] = [:]
        func composed(_ options: [String: String]) -> Composer? {
            if others[options] == nil {
                var other = Composer(files: sources, problems: [], registry: registry)
                other.decided = options
                other.compose(arguments)
                others[options] = other
            }
            return others[options].flatMap { $0.problems.isEmpty ? $0 : nil }
        }
        if let base = composed(sweep.first) {
            (files, layers, merged, overrides) = (base.files, base.layers, base.merged, base.overrides)
            if let result = sweep.applied(to: base.root, composed: { composed($0)?.root }) { root = result }
        }
        for axis in sweep.axes { chosen[axis.name] = .array(axis.options.map(JSONValue.string)) }
        problems += sweep.problems
        for problem in others.values.flatMap(\.problems) where !problems.contains(problem) {
            problems.append(problem)
        }
    }

    /// The paths that `replicate` gives another value in each copy.
    ///
    /// Variables among them can't be put in yet.
    private func variedPaths(_ arguments: [OverrideArgument]) -> [(path: ConfigPath, origin: Origin)] {
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
            let node = document.root.moved(to: argument.valueOrigin.source, at: argument.valueOffset)
            return Replication.axes(of: node).map { ($0.key, $0.keyOrigin) }
        }
        return (axes + set).compactMap { key, origin in ConfigPath(inStage: key).map { ($0, origin) } }
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
        return Variables(tree["variables"], postponing: postponed)
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
    private mutating func reportUnused(_ used: Set<String>, _ arguments: [OverrideArgument]) {
        guard problems.isEmpty else { return }
        let own = files.filter { $0.path == files.last?.path }.flatMap { file in
            (file.tree["variables"]?.members ?? []).map { ($0.key, $0.keyOrigin) }
        }
        let set = arguments.filter(\.setsVariable)
            .compactMap { argument in argument.path.key(at: 1).map { ($0, argument.keyOrigin) } }
        for (name, origin) in own + set where !used.contains(name) {
            problems.append(
                Diagnostic(
                    at: origin, "Nothing uses the variable \"\(name)\".",
                    hint: NearestName.hint(for: name, among: used.sorted(), what: "Variables in use")))
        }
    }
}

extension ConfigPath {
    /// Whether the path leads to a variable or into one.
    var isVariable: Bool { key(at: 0) == "variables" }

    /// The variable that the path leads to or into.
    var variable: String? { isVariable ? key(at: 1) : nil }
}

/// The files of a configuration in the order in which they are laid over one another.
///
/// A file comes after those that it extends, and these in their order. One that is reached on several ways counts
/// once, at the first place, so that what two bases share can't undo what the first of them changed.
struct ConfigFiles {
    /// More files than this are a chain without end, through symbolic links for example.
    package static let limit = 100

    private(set) var files: [ConfigFile] = []
    private(set) var problems: [Diagnostic] = []
    private let read: (FilePath) throws -> [UInt8]
    private var done: Set<FilePath> = []
    /// Whether there were more than ``limit`` files; no others are looked for then.
    private var isFull = false
    private var chain: [FilePath] = []

    /// Reads all files that a configuration is made of.
    ///
    /// - Parameters:
    ///   - bytes: The main file.
    ///   - read: Gives the bytes of the others.
    package init(main bytes: [UInt8], path: FilePath, read: @escaping (FilePath) throws -> [UInt8]) {
        self.read = read
        visit(bytes, path)
    }

    private mutating func visit(_ bytes: [UInt8], _ path: FilePath) {
        let identity = path.lexicallyNormalized()
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: path.string, allowComments: true)
        } catch {
            problems.append(Diagnostic(error))
            done.insert(identity)
            return
        }
        let root = document.root
        let file = ConfigFile(root, path: path) { problems.append($0) }
        if !chain.isEmpty, root.members == nil {
            problems.append(
                Diagnostic(at: root.origin, "A configuration should be an object; this is \(root.shown)."))
        }
        chain.append(identity)
        for base in file.bases where !isFull { extend(base) }
        chain.removeLast()
        done.insert(identity)
        files.append(file)
    }

    private mutating func extend(_ base: ConfigFile.Base) {
        let identity = base.path.lexicallyNormalized()
        if let start = chain.firstIndex(of: identity) {
            let circle = (chain[start...] + [identity]).map(\.string).joined(separator: " → ")
            problems.append(
                Diagnostic(
                    at: base.origin, "The files extend one another in a circle: \(circle).",
                    hint: "A file can only extend one that doesn't build on it."))
            return
        }
        guard !done.contains(identity) else { return }
        guard done.count + chain.count < Self.limit else {
            problems.append(
                Diagnostic(
                    at: base.origin, "The configuration is made of more than \(Self.limit) files."))
            isFull = true
            return
        }
        do {
            visit(try read(base.path), base.path)
        } catch {
            done.insert(identity)
            problems.append(
                Diagnostic(
                    at: base.origin, Self.message(error, base.path),
                    hint: error is FileError ? Self.nearest(to: base.path) : nil))
        }
    }

    /// The file of the same folder that may have been meant.
    private static func nearest(to path: FilePath) -> String? {
        let folder = path.removingLastComponent()
        guard let name = path.lastComponent?.string, !FileSystem.exists(path),
            let names = try? FileSystem.list(folder.isEmpty ? "." : folder)
        else { return nil }
        return NearestName.nearest(to: name, among: names.filter { $0.byteText.hasSuffix(".json") })
            .map { "Did you mean \"\($0)\"?" }
    }

    private static func message(_ error: any Error, _ path: FilePath) -> String {
        guard let error = error as? FileError else { return "\(path) can't be read: \(error)" }
        return "\(path) can't be read: \(error.reason)."
    }

    /// The bytes of a plain file: a configuration may not make the program wait for a device or a pipe.
    static func readPlainFile(_ path: FilePath) throws(FileError) -> [UInt8] {
        try FileSystem.read(path)
    }
}

/// One file of a configuration: what it sets, and which files it builds on.
struct ConfigFile: Sendable {
    /// The keys that put files together; they are gone from the experiment that results.
    package static let keys = ["extends", "without", "variables"]

    /// A path that the file leaves out of what it builds on.
    struct Removal: Sendable {
        package let path: ConfigPath
        package let origin: Origin
    }

    /// A file that this one builds on.
    package struct Base: Sendable {
        /// As messages show it, and relative to the working folder like the path of the file itself.
        package let path: FilePath
        package let origin: Origin
    }

    /// What messages call the file, or what it holds of an option.
    package let name: String
    let path: FilePath
    /// The files of `extends`, in order.
    let bases: [Base]
    /// The paths of `without`.
    let removals: [Removal]
    /// All other keys, `variables` included.
    let tree: JSONNode

    init(name: String, path: FilePath, bases: [Base], removals: [Removal], tree: JSONNode) {
        (self.name, self.path, self.bases, self.removals) = (name, path, bases, removals)
        self.tree = tree
    }

    /// Takes the keys that put files together out of a parsed file.
    package init(_ root: JSONNode, path: FilePath, report: (Diagnostic) -> Void) {
        name = path.string
        self.path = path
        guard case .object(var members) = root.value else {
            (bases, removals, tree) = ([], [], root)
            return
        }
        members.removeAll { $0.key == "extends" || $0.key == "without" }
        tree = JSONNode(value: .object(members), origin: root.origin)
        let folder = path.removingLastComponent()
        bases = Self.strings(root["extends"], "extends", "files, relative to this one", report).compactMap {
            node in
            guard let place = FilePath(foreign: node.string ?? "") else {
                report(Diagnostic(at: node.origin, "The path \(node.shown) has a NUL byte."))
                return nil
            }
            return Base(path: folder.pushing(place).lexicallyNormalized(), origin: node.origin)
        }
        removals = Self.strings(root["without"], "without", "paths such as \"stages.table\"", report)
            .compactMap { node in
                guard let path = ConfigPath(node.string ?? "") else {
                    report(
                        Diagnostic(
                            at: node.origin, "The path \(node.shown) has an empty part between its dots."))
                    return nil
                }
                return Removal(path: path, origin: node.origin)
            }
        if let without = root["without"], bases.isEmpty, root["extends"] == nil {
            report(
                Diagnostic(
                    at: without.origin, "\"without\" needs \"extends\": it leaves out what other files set.",
                    hint: "Take the keys out of this file instead."))
        }
    }

    /// The texts of a key that takes one or a list of them.
    private static func strings(
        _ node: JSONNode?, _ key: String, _ what: String, _ report: (Diagnostic) -> Void
    ) -> [JSONNode] {
        guard let node else { return [] }
        let elements = node.array ?? [node]
        for element in elements where element.string?.isEmpty ?? true {
            report(
                Diagnostic(
                    at: element.origin,
                    "\"\(key)\" should be text or a list of texts, \(what); this is \(element.shown)."))
        }
        return elements.filter { $0.string?.isEmpty == false }
    }
}

/// A file of settings that is no part of an experiment, read with the same care as one.
package enum SettingsFile {
    /// Reads one object with the initialiser of its type; comments are allowed.
    ///
    /// - Parameter subject: What messages call the object, such as `the site file`.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func read<Value>(
        _ path: FilePath, subject: String, _ read: (Fields) -> Value
    ) throws -> Value {
        let bytes = try ConfigFiles.readPlainFile(path)
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: path.string, allowComments: true)
        } catch {
            throw ConfigurationError([Diagnostic(error)])
        }
        let root = document.root
        let session = ReadingSession(subject: subject)
        let fields = Fields(root, anchor: root.origin, path: [], session: session)
        let value = read(fields)
        fields.finish()
        guard session.diagnostics.isEmpty else { throw ConfigurationError(session.diagnostics) }
        return value
    }
}
