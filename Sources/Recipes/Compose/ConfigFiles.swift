internal import Base
import Files
import JSON
import SystemPackage

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
            problems.append(Diagnostic(at: base.origin, Self.message(error, base.path)))
        }
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
