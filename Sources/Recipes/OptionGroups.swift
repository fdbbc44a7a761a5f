internal import Base
import JSON

/// Groups of settings to swap: `"groups": {"model": {"default": "small", "small": {…}, "large": {…}}}`.
///
/// Of each group one option is chosen, by `--set groups.model=large` or else by its `default`. Its settings are laid
/// over those of the file that holds them, as if they were a file that extends it: another file that extends this one
/// wins over them, and so does the command line. Several files may hold parts of one group.
struct OptionGroups {
    package static let key = "groups"
    /// The key of a group that names an option instead of holding one.
    static let standardKey = "default"
    /// What makes sense at the head of a file only.
    static let excluded = ["extends", "without", key]

    /// One group, as all files together have it.
    struct Group {
        let name: String
        let origin: Origin
        /// The names of its options, in the order in which the files name them.
        var options: [String] = []
        var standard: (name: String, origin: Origin)?
    }

    private(set) var groups: [Group] = []
    private(set) var problems: [Diagnostic] = []
    /// The variables that options stand for, whether they are chosen or not.
    private(set) var mentioned: Set<String> = []
    private let files: [ConfigFile]
    /// The files' trees, less what `without` of later files takes out of their groups.
    private var trees: [JSONNode]

    init(_ files: [ConfigFile]) {
        self.files = files
        trees = files.map(\.tree)
        for index in files.indices {
            for removal in files[index].removals where removal.path.key(at: 0) == Self.key {
                var isFound = false
                for earlier in trees.indices.prefix(index) {
                    if (try? trees[earlier].remove(removal.path.parts[...])) != nil { isFound = true }
                }
                guard !isFound else { continue }
                problems.append(
                    Diagnostic(
                        at: removal.origin, "\"\(removal.path)\" leads to no value of the other files."))
            }
        }
        for tree in trees {
            guard let node = tree[Self.key] else { continue }
            read(node)
        }
        for group in groups { check(group) }
    }

    subscript(name: String) -> Group? { groups.first { $0.name == name } }

    /// The group that a path leads to; nil for other paths.
    static func name(_ path: ConfigPath) -> String? {
        path.parts.count == 2 && path.key(at: 0) == key ? path.key(at: 1) : nil
    }

    private mutating func read(_ node: JSONNode) {
        guard let members = node.members else {
            problems.append(
                Diagnostic(
                    at: node.origin, "\"groups\" should be an object of groups; this is \(node.shown).",
                    hint:
                        #"For example: "groups": {"model": {"default": "small", "small": {…}, "large": {…}}}"#
                ))
            return
        }
        for member in members {
            guard isName(member, of: "a group"), let options = member.value.members else {
                if member.value.members == nil {
                    problems.append(
                        Diagnostic(
                            at: member.value.origin,
                            "The group \"\(member.key)\" should be an object of options; this is \(member.value.shown).",
                            hint:
                                "An option is chosen by \"default\" in the group, or by --set groups.\(member.key)=OPTION."
                        ))
                }
                continue
            }
            if self[member.key] == nil {
                groups.append(Group(name: member.key, origin: member.keyOrigin))
            }
            guard let index = groups.firstIndex(where: { $0.name == member.key }) else { continue }
            for option in options { read(option, into: index) }
        }
    }

    private mutating func read(_ option: JSONMember, into index: Int) {
        let group = groups[index].name
        guard option.key != Self.standardKey else {
            guard let name = option.value.string else {
                problems.append(
                    Diagnostic(
                        at: option.value.origin,
                        "The default of the group \"\(group)\" should be the name of an option; this is \(option.value.shown)."
                    ))
                return
            }
            groups[index].standard = (name, option.value.origin)
            return
        }
        guard isName(option, of: "an option") else { return }
        if !groups[index].options.contains(option.key) { groups[index].options.append(option.key) }
        guard let members = option.value.members else {
            problems.append(
                Diagnostic(
                    at: option.value.origin,
                    "The option \"\(option.key)\" of the group \"\(group)\" should be an object of settings; this is \(option.value.shown).",
                    hint: #"For example: "small": {"stages": {"student": {"steps": 100}}}"#))
            return
        }
        for member in members where Self.excluded.contains(member.key) {
            problems.append(
                Diagnostic(
                    at: member.keyOrigin, "\"\(member.key)\" can't stand in an option of a group.",
                    hint: "It belongs at the head of a file."))
        }
        note(option.value)
    }

    private mutating func isName(_ member: JSONMember, of what: String) -> Bool {
        guard !Variables.isName(member.key) else { return true }
        problems.append(
            Diagnostic(
                at: member.keyOrigin, "\"\(member.key)\" can't be the name of \(what).",
                hint: "Use letters, digits, - and _."))
        return false
    }

    /// Checks that a group can be chosen from.
    private mutating func check(_ group: Group) {
        guard !group.options.isEmpty else {
            problems.append(Diagnostic(at: group.origin, "The group \"\(group.name)\" has no options."))
            return
        }
        if let standard = group.standard, !group.options.contains(standard.name) {
            problems.append(unknown(standard.name, in: group, at: standard.origin))
        }
    }

    private func unknown(_ option: String, in group: Group, at origin: Origin) -> Diagnostic {
        Diagnostic(
            at: origin, "The group \"\(group.name)\" has no option \"\(option)\".",
            hint: NearestName.hint(for: option, among: group.options, what: "Its options"))
    }

    /// Remembers the variables of a value.
    private mutating func note(_ node: JSONNode) {
        switch node.value {
        case .string(let text):
            for case .variable(let name) in Variables.pieces(of: text) ?? [] { mentioned.insert(name) }
        case .array(let elements): for element in elements { note(element) }
        case .object(let members): for member in members { note(member.value) }
        case .null, .bool, .number: break
        }
    }
}

// MARK: - The chosen options

extension OptionGroups {
    mutating func report(_ problem: Diagnostic) { problems.append(problem) }

    /// The option that a value names; nil after a report.
    mutating func option(_ node: JSONNode, of name: String, at origin: Origin) -> String? {
        guard let group = self[name] else {
            problems.append(
                Diagnostic(
                    at: origin, "The configuration has no group \"\(name)\".",
                    hint: groups.isEmpty
                        ? "Groups are made under the key \"groups\" of a file."
                        : NearestName.hint(for: name, among: groups.map(\.name), what: "Groups")))
            return nil
        }
        guard let option = node.string else {
            problems.append(
                Diagnostic(
                    at: node.origin,
                    "An option of the group \"\(name)\" is chosen by its name; this is \(node.shown).",
                    hint: "Its options: \(group.options.joined(separator: ", "))."))
            return nil
        }
        guard group.options.contains(option) else {
            problems.append(unknown(option, in: group, at: node.origin))
            return nil
        }
        return option
    }

    /// The option of each group: what is decided already, what the command line chooses, else the default.
    mutating func choices(_ arguments: [OverrideArgument], decided: [String: String], swept: Set<String>)
        -> [String: String]
    {
        var choices: [String: String] = [:]
        for argument in arguments where argument.path.key(at: 0) == Self.key {
            guard let name = Self.name(argument.path) else {
                let example = groups.first
                problems.append(
                    Diagnostic(
                        at: argument.keyOrigin, "Of a group only the option can be set here.",
                        hint:
                            "For example: --set groups.\(example?.name ?? "model")=\(example?.options.first ?? "small")"
                    ))
                continue
            }
            if let option = self.option(Override(argument).value, of: name, at: argument.keyOrigin) {
                choices[name] = option
            }
        }
        choices.merge(decided) { _, decided in decided }
        for group in groups where choices[group.name] == nil && !group.options.isEmpty {
            if let standard = group.standard {
                choices[group.name] = standard.name
            } else if swept.contains(group.name) {
                choices[group.name] = group.options[0]
            } else {
                problems.append(
                    Diagnostic(
                        at: group.origin,
                        "The group \"\(group.name)\" has no \"default\", and no option of it is chosen.",
                        hint:
                            "Choose one: --set groups.\(group.name)=\(group.options.joined(separator: " or "))."
                    ))
            }
        }
        return choices
    }

    /// The files without their groups, each followed by what it holds of the chosen options.
    func expanded(_ choices: [String: String]) -> [ConfigFile] {
        zip(files, trees).flatMap { file, tree -> [ConfigFile] in
            guard let members = tree.members else { return [file] }
            let rest = JSONNode(value: .object(members.filter { $0.key != Self.key }), origin: tree.origin)
            let options = (tree[Self.key]?.members ?? []).compactMap { group -> ConfigFile? in
                guard let choice = choices[group.key], let option = group.value[choice], option.members != nil
                else { return nil }
                return ConfigFile(option, called: "\(file.name) (\(group.key)=\(choice))", of: file)
            }
            return [ConfigFile(file, tree: rest, without: Self.key)] + options
        }
    }
}

extension ConfigFile {
    /// A file less a key and the paths of `without` that lead into it.
    fileprivate init(_ file: ConfigFile, tree: JSONNode, without key: String) {
        self.init(
            name: file.name, path: file.path, bases: file.bases,
            removals: file.removals.filter { $0.path.key(at: 0) != key }, tree: tree)
    }

    /// What a file holds of an option, as a layer of its own.
    fileprivate init(_ option: JSONNode, called name: String, of file: ConfigFile) {
        self.init(name: name, path: file.path, bases: [], removals: [], tree: option)
    }
}

/// Repeats of an experiment over the options of a group: `"replicate": {"groups.model": ["small", "large"]}`.
///
/// The configuration is composed once for each option. What differs between the results becomes values of `replicate`
/// that go in step with the options, so that what follows knows no groups: the copies are called after the options, and
/// what doesn't depend on them is one artifact for all.
struct OptionSweep {
    /// A group that is swept, and its options in order.
    struct Axis {
        let name: String
        let member: JSONMember
        let options: [String]
    }

    /// The most options of a group in one sweep: each is composed by itself.
    private static let limit = 100

    /// A path that the options differ in, with its value for each.
    private typealias Column = (path: ConfigPath, values: [JSONNode])

    let axes: [Axis]
    private(set) var problems: [Diagnostic] = []

    /// The axes of `replicate` that sweep groups, read and checked; nil without any.
    ///
    /// A configuration in one piece has them too, beside what they came to, and no groups any more.
    init?(_ root: JSONNode, _ groups: inout OptionGroups) {
        var axes: [Axis] = []
        let isPlain = root[Replication.key]?.members != nil
        for member in Replication.axes(of: root[Replication.key]) {
            guard let name = ConfigPath(inStage: member.key).flatMap(OptionGroups.name) else { continue }
            if groups.groups.isEmpty, !isPlain { continue }
            let values = member.value.array ?? [member.value]
            guard values.count <= Self.limit else {
                groups.report(
                    Diagnostic(
                        at: member.value.origin,
                        "\"\(member.key)\" in \"\(Replication.key)\" has more than \(Self.limit) options."))
                continue
            }
            let options = values.compactMap { groups.option($0, of: name, at: member.keyOrigin) }
            if !options.isEmpty { axes.append(Axis(name: name, member: member, options: options)) }
        }
        guard !axes.isEmpty else { return nil }
        self.axes = axes
    }

    /// The first option of each.
    var first: [String: String] {
        Dictionary(axes.map { ($0.name, $0.options[0]) }, uniquingKeysWith: { first, _ in first })
    }

    /// The configuration with the differences between the options in its `replicate`.
    ///
    /// - Parameters:
    ///   - base: Composed with the first option of each axis.
    ///   - composed: Composes with other options, given by the names of groups; nil after a report.
    mutating func applied(to base: JSONNode, composed: ([String: String]) -> JSONNode?) -> JSONNode? {
        let first = first
        var columns: [String: [Column]] = [:]
        var owners: [ConfigPath: String] = [:]
        for axis in axes {
            var roots: [JSONNode] = []
            for option in axis.options {
                guard let root = composed(first.merging([axis.name: option]) { _, new in new }) else {
                    return nil
                }
                roots.append(root)
            }
            let found = differences(roots, axis)
            for (path, _) in found {
                if let other = owners[path] {
                    problems.append(
                        Diagnostic(
                            at: axis.member.keyOrigin,
                            "The groups \"\(other)\" and \"\(axis.name)\" both decide \"\(path)\", so that they can't be combined.",
                            hint: "Run the options of one group one by one: --set groups.\(other)=OPTION."))
                }
                owners[path] = axis.name
            }
            columns[axis.name] = found
        }
        guard problems.isEmpty else { return nil }
        var result = base
        let objects = Self.objects(of: base[Replication.key]).map { object -> JSONNode in
            var members = object.members ?? []
            for axis in axes where members.contains(where: { $0.key == axis.member.key }) {
                members += (columns[axis.name] ?? []).map { column in
                    JSONMember(
                        key: "\(column.path)", keyOrigin: axis.member.keyOrigin,
                        value: JSONNode(value: .array(column.values), origin: axis.member.value.origin))
                }
            }
            return JSONNode(value: .object(members), origin: object.origin)
        }
        let node = JSONNode(value: .array(objects), origin: base[Replication.key]?.origin ?? base.origin)
        guard
            (try? result.set([.key(Replication.key)][...], to: node, keyOrigin: node.origin)) != nil
        else { return nil }
        return result
    }

    /// `replicate` as a list of objects: the keys of a single one are combined, as objects of the list are.
    private static func objects(of node: JSONNode?) -> [JSONNode] {
        guard let members = node?.members else { return node?.array ?? [] }
        return members.map { JSONNode(value: .object([$0]), origin: $0.keyOrigin) }
    }

    // MARK: - Differences

    private mutating func differences(_ roots: [JSONNode], _ axis: Axis) -> [Column] {
        var columns: [Column] = []
        for key in Self.keys(roots) {
            let values = roots.map { $0[key] ?? JSONNode(value: .null, origin: axis.member.keyOrigin) }
            guard !Self.areAlike(values) else { continue }
            switch key {
            case "$schema", "description": continue
            case "seed": columns.append((ConfigPath([.key(key)]), values))
            case "stages": columns += stages(values, axis)
            default:
                problems.append(
                    Diagnostic(
                        at: axis.member.keyOrigin,
                        "The options of the group \"\(axis.name)\" give \"\(key)\" several values, which can't be swept.",
                        hint:
                            "Only \"seed\" and keys of \"stages\" can; run the options one by one: --set groups.\(axis.name)=OPTION."
                    ))
            }
        }
        return columns
    }

    private mutating func stages(_ values: [JSONNode], _ axis: Axis) -> [Column] {
        var columns: [Column] = []
        for name in Self.keys(values) {
            let stages = values.compactMap { $0[name] }
            guard stages.count == values.count else {
                problems.append(
                    Diagnostic(
                        at: axis.member.keyOrigin,
                        "Only some options of the group \"\(axis.name)\" have the stage \"\(name)\", so that they can't be swept.",
                        hint: "Run the options one by one: --set groups.\(axis.name)=OPTION."))
                continue
            }
            columns += Self.columns(stages, at: ConfigPath([.key("stages"), .key(name)]))
        }
        return columns
    }

    /// The smallest values that differ, each at a path that all options have.
    private static func columns(_ nodes: [JSONNode], at path: ConfigPath) -> [Column] {
        guard !areAlike(nodes) else { return [] }
        let keys = Self.keys(nodes)
        let isOpen =
            nodes.allSatisfy { $0.members != nil }
            && keys.allSatisfy { key in
                let isShared = nodes.allSatisfy { $0[key] != nil }
                return isShared && (Variables.isName(key) || areAlike(nodes.compactMap { $0[key] }))
            }
        // Values of a matrix have paths as their keys; an object that has a key for some options only is swapped whole.
        guard isOpen, path.key(at: 2) != "matrix" else { return [(path, nodes)] }
        return keys.flatMap { key in
            columns(nodes.compactMap { $0[key] }, at: path.appending(.key(key)))
        }
    }

    private static func keys(_ nodes: [JSONNode]) -> [String] {
        var keys: [String] = []
        for key in nodes.flatMap({ ($0.members ?? []).map(\.key) }) where !keys.contains(key) {
            keys.append(key)
        }
        return keys
    }

    private static func areAlike(_ nodes: [JSONNode]) -> Bool {
        guard let first = nodes.first.map({ JSONValue(setting: $0) }) else { return true }
        return nodes.dropFirst().allSatisfy { JSONValue(setting: $0) == first }
    }
}
