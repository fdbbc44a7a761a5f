internal import Base
import Files
package import JSON
package import SystemPackage

/// A configuration put together: its files laid over one another, variables put in, the command line applied.
///
/// The order, later ones winning: the files of `extends` in their order, each after those that it extends itself;
/// the file; `--set`. What is chosen of a file's `groups` comes behind the file. Objects are joined key by key, lists and all other values are replaced. `null` is a value like
/// any other; `without` leaves inherited keys out. A matrix makes its variants of what results; a key that `--set`
/// gives a value is no longer swept.
package struct Configuration: Sendable {
    /// One text that sets values.
    struct Layer: Sendable {
        /// The path of a file; "--set" for the command line.
        package let name: String
        let removals: [ConfigFile.Removal]
        /// What it sets, variables put in.
        let tree: JSONNode
    }

    /// The kinds that stages may have.
    package let registry: StageRegistry
    /// The files in the order in which they are laid over one another; the main one last.
    let layers: [Layer]
    /// The arguments of `--set` but those that set variables.
    package let overrides: [Override]
    /// The path of the main file and the arguments of `--set`, as given.
    package let given: (file: String, overrides: [String])
    /// What the files alone set.
    let merged: JSONNode
    /// What results, before matrices are expanded.
    package let root: JSONNode
    /// The lock file that hashes of inputs were taken from, or would be.
    package let lock: FilePath?
    /// By the names of groups, the chosen options; a list of them where they are swept.
    package let groups: JSONObject
    /// What is wrong with the parts and with their joining.
    package let problems: [Diagnostic]

    /// Reads a configuration and what it extends; whether its stages are right shows in ``experiment()``.
    ///
    /// - Parameters:
    ///   - path: The file. Comments are allowed.
    ///   - overrides: Arguments of `--set`, applied in order.
    ///   - registry: The kinds that stages may have.
    /// - Throws: `FileError` when the file can't be read.
    package init(_ path: FilePath, overrides: [String] = [], registry: StageRegistry) throws {
        self.init(
            parsing: try FileSystem.read(path, mayBePipe: true), name: path.string, overrides: overrides,
            registry: registry)
    }

    /// Reads the bytes of a configuration.
    ///
    /// - Parameters:
    ///   - name: The path of the file: for messages, and what `extends` is relative to.
    ///   - read: Gives the bytes of the files that are extended; by default those on disk.
    package init(
        parsing bytes: [UInt8], name: String, overrides: [String] = [], registry: StageRegistry,
        read: ((FilePath) throws -> [UInt8])? = nil
    ) {
        self.registry = registry
        given = (name, overrides)
        let files = ConfigFiles(main: bytes, path: FilePath(name), read: read ?? ConfigFiles.readPlainFile)
        var composer = Composer(files: files.files, problems: files.problems, registry: registry)
        // A file that can't be read hides what it would have set; further problems would follow from that only.
        guard files.problems.isEmpty else {
            (layers, self.overrides, problems) = ([], [], files.problems)
            groups = [:]
            root = .nothing(name)
            merged = root
            lock = nil
            return
        }
        composer.compose(overrides)
        (layers, self.overrides, groups) = (composer.layers, composer.overrides, composer.chosen)
        var filler = PinFiller(registry, file: FilePath(name))
        (merged, root) = (composer.merged, filler.filled(composer.root))
        (problems, lock) = (composer.problems + filler.problems, filler.lock)
    }

    /// The files in the order in which they are laid over one another, the main one last.
    package var files: [String] { layers.map(\.name) }

    /// Checks that the parts fit together, whatever the stages ask for.
    ///
    /// - Throws: `ConfigurationError` with every problem of the files and of the command line.
    package func checkComposition() throws(ConfigurationError) {
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// Checks all stages and orders them.
    ///
    /// - Throws: `ConfigurationError` with every problem found.
    package func experiment() throws(ConfigurationError) -> Experiment {
        guard !layers.isEmpty else { throw ConfigurationError(problems) }
        var loader = ExperimentLoader(registry: registry, lock: lock)
        let loaded = loader.load(root)
        let problems = problems + loader.problems
        guard var experiment = loaded, problems.isEmpty else { throw ConfigurationError(problems) }
        experiment.source = Experiment.Source(
            file: given.file, overrides: given.overrides, groups: groups,
            resolved: resolved(withDefaults: false))
        return experiment
    }
}

extension Configuration {
    /// All values at and below a path, each with the place that it comes from.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func listing(of text: String) throws(UnknownPathError) -> String {
        let path = try self.path(text)
        guard isContainer(path) else { return explanation(of: path).text }
        let rows = leaves(below: path).map { leaf -> (path: String, value: String, place: String) in
            let explanation = explanation(of: leaf)
            let holding = explanation.holding
            let value = holding?.value?.oneLine ?? "(not set)"
            return (
                explanation.path, value.count > 48 ? "\(value.prefix(47))…" : value,
                [holding?.place, holding?.note].compactMap { $0 }.joined(separator: ", ")
            )
        }
        let widths = (rows.map(\.path.count).max() ?? 0, rows.map(\.value.count).max() ?? 0)
        return rows.map { row in
            let line =
                row.path + String(repeating: " ", count: widths.0 - row.path.count) + "  " + row.value
                + String(repeating: " ", count: widths.1 - row.value.count) + "  " + row.place
            let spaces = line.utf8.reversed().prefix { $0 == UInt8(ascii: " ") }.count
            return String(line.utf8.dropLast(spaces)).map { $0 + "\n" } ?? line
        }.joined()
    }

    /// The same, each value with everything that sets it.
    ///
    /// - Throws: `UnknownPathError` for a path to nothing that the configuration has or could have.
    package func explanations(of text: String) throws(UnknownPathError) -> [ValueExplanation] {
        let path = try self.path(text)
        return isContainer(path) ? leaves(below: path).map(explanation(of:)) : [explanation(of: path)]
    }

    private func isContainer(_ path: ConfigPath) -> Bool {
        if case .object? = FieldLookup(registry, root).field(at: path)?.type { return true }
        return root[path]?.members != nil
    }

    /// The paths of all values below one, objects opened up, lists as they are.
    private func leaves(below path: ConfigPath) -> [ConfigPath] {
        keys(at: path).flatMap { key -> [ConfigPath] in
            let child = path.appending(.key(key))
            return isContainer(child) ? leaves(below: child) : [child]
        }
    }
}

extension Configuration {
    /// Reads a path and checks that something is or could be there.
    package func path(_ text: String) throws(UnknownPathError) -> ConfigPath {
        guard let path = ConfigPath(text) else {
            throw UnknownPathError(description: "The path \"\(text)\" has an empty part between its dots.")
        }
        if path.key(at: 0) == OptionGroups.key, !groups.members.isEmpty {
            throw UnknownPathError(
                description:
                    "Groups leave nothing of their own in what results; chosen is \(JSONValue.object(groups).oneLine). Ask for a key that an option sets."
            )
        }
        let lookup = FieldLookup(registry, root)
        for count in 1...path.parts.count {
            let prefix = ConfigPath(Array(path.parts.prefix(count)))
            if isKnown(prefix, lookup) { continue }
            let above = ConfigPath(Array(path.parts.prefix(count - 1)))
            let place = above.parts.isEmpty ? "The experiment" : "\"\(above)\""
            switch path.parts[count - 1] {
            case .key(let key):
                let known = keys(at: above)
                let hint =
                    (NearestName.nearest(to: key, among: known) == nil ? longer(text, key, above) : nil)
                    ?? NearestName.hint(for: key, among: known, what: "Its keys") ?? ""
                throw UnknownPathError(description: "\(place) has no key \"\(key)\". \(hint)".trimmed)
            case .index(let index):
                let count = root[above]?.array?.count
                throw UnknownPathError(
                    description: count.map {
                        "\(place) has \($0) elements, counted from 0; [\(index)] isn't one."
                    }
                        ?? "\(place) is no list, so that it has no element [\(index)].")
            }
        }
        return path
    }

    /// The path that was meant where its beginning was left out, or what stands between stage and key.
    private func longer(_ text: String, _ key: String, _ above: ConfigPath) -> String? {
        if above.parts.isEmpty,
            let section = ConfigPath.sections.first(where: { root[$0]?[key] != nil })
        {
            return "Did you mean \"\(section).\(text)\"?"
        }
        guard above.inStage != nil else { return nil }
        let below = keys(at: above).map { above.appending(.key($0)) }
        let owners = below.filter { keys(at: $0).contains(key) }
        return owners.count == 1 ? "Did you mean \"\(owners[0].appending(.key(key)))\"?" : nil
    }

    private func isKnown(_ path: ConfigPath, _ lookup: FieldLookup) -> Bool {
        if root[path] != nil || merged[path] != nil { return true }
        if layers.contains(where: { $0.tree[path] != nil }) { return true }
        if case .index? = path.parts.last { return false }
        if lookup.field(at: path) != nil { return true }
        return path.parts.count <= 3 && path.parts.last == .key("matrix") && path.inStage != nil
    }

    /// The keys that an object has or could have, those of the description first.
    package func keys(at path: ConfigPath) -> [String] {
        var keys: [String] = []
        func add(_ names: [String]) { keys += names.filter { !keys.contains($0) } }
        if path.parts.isEmpty { add(ExperimentHead.fields.map(\.key)) }
        add(FieldLookup(registry, root).fields(below: path).map(\.key))
        add((root[path]?.members ?? []).map(\.key))
        return keys
    }
}

extension String {
    /// Without a space at the end.
    fileprivate var trimmed: String { hasSuffix(" ") ? String(dropLast()) : self }
}

extension Configuration {
    /// The whole configuration in one piece: a file of this content gives the same experiment.
    ///
    /// - Parameter withDefaults: Adds the keys that the files leave to their defaults; for reading, because options
    ///   of which an absent one leaves no trace become part of the recipe once they are written.
    package func resolved(withDefaults: Bool) -> JSONValue {
        var object = JSONObject()
        for member in root.members ?? [] where member.key != "$schema" {
            object[member.key] = escaped(JSONValue(setting: member.value))
        }
        guard withDefaults else { return .object(object) }
        for field in ExperimentHead.fields where object[field.key] == nil {
            object[field.key] = field.defaultValue
        }
        for section in ConfigPath.sections {
            guard let members = root[section]?.members else { continue }
            object[section] = .object(
                JSONObject(
                    members.map { member in
                        let value = escaped(JSONValue(setting: member.value))
                        let kind = member.value["kind"]?.string.flatMap { registry[$0] }
                        let object = kind.map { StageRegistry.description(of: $0) }
                        return (member.key, object.map { filled(value, $0, member.value) } ?? value)
                    }))
        }
        return .object(object)
    }

    /// The stages one by one, repeats written out, each as an object that means the same without variables; with them the seed
    /// of those that name none, and the pins.
    ///
    /// A configuration of these stages, or of some with all that they refer to, gives them the same fingerprints.
    package var plainStages: (stages: JSONObject, seed: Int, pins: JSONValue?) {
        let plain = Replication.expand(root) { _ in }.root
        let stages = (plain["stages"]?.members ?? []).map {
            ($0.key, Self.escaping(JSONValue(setting: $0.value)))
        }
        return (JSONObject(stages), plain["seed"]?.int ?? 0, plain[Pins.key].map(JSONValue.init(setting:)))
    }

    /// The object with the defaults of the keys that it lacks.
    private func filled(_ value: JSONValue, _ object: ObjectDescription, _ node: JSONNode?) -> JSONValue {
        var result = value.object ?? [:]
        for field in object.fields(of: node) {
            switch (field.type, result[field.key]) {
            case (.object(let nested), let given):
                if given == nil, case .optional = field.presence { continue }
                if given == .null { continue }
                result[field.key] = filled(given ?? [:], nested, node?[field.key])
            case (.list(.object(let nested), _), .array(let elements)?):
                let nodes = node?[field.key]?.array ?? []
                result[field.key] = .array(
                    elements.enumerated().map { index, element in
                        filled(element, nested, nodes.indices.contains(index) ? nodes[index] : nil)
                    })
            case (_, nil): result[field.key] = field.defaultValue
            default: break
            }
        }
        return .object(result)
    }

    /// With `${` written so that it doesn't become a variable.
    ///
    /// Where `replicate` varies variables, texts are as they were written.
    private func escaped(_ value: JSONValue) -> JSONValue {
        root["variables"] == nil ? Self.escaping(value) : value
    }

    /// The value with its texts as they are written where variables may stand.
    private static func escaping(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text): .string(Variables.escaped(text))
        case .array(let elements): .array(elements.map(escaping))
        case .object(let object):
            .object(JSONObject(object.members.map { ($0.key, escaping($0.value)) }))
        default: value
        }
    }
}

/// Puts the hashes of the inputs that stages name into the experiment's key `pins`.
struct PinFiller {
    package let registry: StageRegistry
    /// The main file of the configuration.
    package let file: FilePath
    private(set) var problems: [Diagnostic] = []
    private(set) var lock: FilePath?

    package init(_ registry: StageRegistry, file: FilePath) { (self.registry, self.file) = (registry, file) }

    /// The configuration with the pins that it lacks; the same where no stage takes anything from outside.
    mutating func filled(_ root: JSONNode) -> JSONNode {
        guard let source = registry.pins else { return root }
        // In the copies no variable is left; what is wrong with them is reported where they are read.
        let names = inputs(Replication.expand(root) { _ in }.root)
        guard !names.isEmpty else { return root }
        lock = find(source.fileName)
        let given = root[Pins.key]?.members ?? []
        // An input that wasn't pinned is written down as such, so that a run's own copy needs no lock file; where there
        // is one, it may know more by now.
        let missing = names.filter { name in
            !given.contains { $0.key == name.string && $0.value.members?.isEmpty == false }
        }
        guard let first = missing.first else { return root }
        guard let lock else {
            let unknown = missing.first { name in !given.contains { $0.key == name.string } }
            guard let unknown else { return root }
            problems.append(
                Diagnostic(
                    at: unknown.origin,
                    "There is no \(source.fileName) beside this file or above it, which would say what \"\(unknown.string ?? "")\" is."
                ))
            return root
        }
        let known: [(input: String, pins: [Pin])]
        do {
            known = try source.read(try FileSystem.read(lock), lock)
        } catch {
            problems.append(Diagnostic(at: first.origin, "The lock file can't be used: \(error)"))
            return root
        }
        var members = given
        for node in missing {
            guard let name = node.string, let entry = known.first(where: { $0.input == name }) else {
                if given.contains(where: { $0.key == node.string }) { continue }
                problems.append(
                    Diagnostic(
                        at: node.origin, "\(lock) has no input \(node.shown).",
                        hint: NearestName.hint(
                            for: node.string ?? "", among: known.map(\.input), what: "Its inputs")))
                continue
            }
            let known = members.firstIndex { $0.key == name }
            guard entry.pins.isEmpty else {
                if let known { members.remove(at: known) }
                members.append(member(name, entry.pins, node.origin))
                continue
            }
            if known == nil { members.append(member(name, [], node.origin)) }
        }
        guard !members.isEmpty, case .object(var all) = root.value else { return root }
        all.removeAll { $0.key == Pins.key }
        all.append(
            JSONMember(
                key: Pins.key, keyOrigin: first.origin,
                value: JSONNode(value: .object(members), origin: first.origin)))
        var root = root
        root.value = .object(all)
        return root
    }

    /// The inputs that stages of kinds that take something from outside name, also in their matrices.
    private func inputs(_ root: JSONNode) -> [JSONNode] {
        ConfigPath.sections.flatMap { root[$0]?.members ?? [] }.flatMap { stage -> [JSONNode] in
            guard let name = stage.value["kind"]?.string, let kind = registry[name] as? any PinnedStage.Type
            else { return [] }
            return kind.inputKeys.flatMap { key in
                let swept = stage.value["matrix"]?[key]?.array ?? []
                return ([stage.value[key]].compactMap { $0 } + swept).filter { $0.string != nil }
            }
        }
    }

    private func member(_ name: String, _ pins: [Pin], _ origin: Origin) -> JSONMember {
        let files = pins.map { pin in
            JSONMember(
                key: pin.path, keyOrigin: origin,
                value: JSONNode(value: .string(pin.sha256), origin: origin))
        }
        return JSONMember(
            key: name, keyOrigin: origin, value: JSONNode(value: .object(files), origin: origin))
    }

    /// The nearest file of that name: in the configuration's folder or one above it.
    private func find(_ name: String) -> FilePath? {
        guard let file = try? FileSystem.absolute(file) else { return nil }
        var folder = file.lexicallyNormalized().removingLastComponent()
        while true {
            let path = folder.appending(name)
            if (try? FileSystem.status(path))??.kind == .file { return path }
            let above = folder.removingLastComponent()
            guard above != folder, !above.isEmpty else { return nil }
            folder = above
        }
    }
}
