import Files
import JSON
import SystemPackage

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

    /// What messages call the file.
    package let name: String
    /// The files of `extends`, in order.
    let bases: [Base]
    /// The paths of `without`.
    let removals: [Removal]
    /// All other keys, `variables` included.
    let tree: JSONNode

    /// Takes the keys that put files together out of a parsed file.
    package init(_ root: JSONNode, path: FilePath, report: (Diagnostic) -> Void) {
        name = path.string
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
