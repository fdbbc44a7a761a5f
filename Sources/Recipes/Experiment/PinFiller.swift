internal import Base
import Files
import JSON
import SystemPackage

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
