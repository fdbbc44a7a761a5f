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
