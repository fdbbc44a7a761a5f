import Archives
import ArtifactStore
internal import Base
import Files
import JSON
import SystemPackage

/// The files of a bundle while it is put together.
struct BundleContent {
    struct PackedArtifact {
        let record: ArtifactRecord
        /// Relative to the store.
        let folder: String
        let leftOut: [ArtifactRecord.File]
        /// Paths in the bundle.
        var files: [String] = []
    }

    let run: RunLocation
    let name: String
    private(set) var entries: [Packer.Entry] = []
    private(set) var files: [Bundle.File] = []
    private(set) var artifacts: [PackedArtifact] = []
    /// The run's files, by path in the bundle.
    private(set) var runFiles: [String] = []
    private var redacted: [String] = []

    init(run: RunLocation, name: String) {
        self.run = run
        self.name = name
    }

    private mutating func add(_ path: String, _ bytes: [UInt8]) {
        entries.append(.init("\(name)/\(path)", .bytes(bytes)))
        files.append(.init(path: path, size: bytes.count, sha256: SHA256.hex(of: bytes)))
    }

    /// The run's folder; what is in it, and on the way to it from the store, is packed only where it is no link.
    private func folder() throws -> Folder {
        guard let folder = try run.store.opened()?.folder(FilePath(run.address)) else {
            throw ExportError("The run \(run.address) isn't in the store \(run.store.root).")
        }
        return folder
    }

    /// The record, the configuration and the log, without what tells of the machine's owner.
    mutating func addRun() throws {
        let redaction = Redaction(run.store)
        let folder = try self.folder()
        for name in [RunRecord.fileName, RunRecord.experimentFileName, RunRecord.logFileName] {
            let source = run.folder.appending(name)
            guard try folder.status(FilePath(name)) != nil else { continue }
            guard let original = try folder.read(FilePath(name), limit: FileLimit.data) else { continue }
            var bytes = original
            if name == RunRecord.fileName {
                let root = JSONValue(try JSONDocument(parsing: original, name: source.string).root)
                let cleaned = redaction.value(root)
                if cleaned != root { bytes = try cleaned.prettyBytes() }
            } else if name == RunRecord.experimentFileName {
                let root = JSONValue(try JSONDocument(parsing: original, name: source.string).root)
                let cleaned = Redaction.configuration(root)
                if cleaned != root { bytes = try cleaned.prettyBytes() }
            } else if name == RunRecord.logFileName {
                // What isn't UTF-8 came from elsewhere and is only a log.
                bytes = Array(redaction.text(String(decoding: original, as: UTF8.self)).utf8)
            }
            let path = "\(Bundle.store)/\(run.address)/\(name)"
            if bytes != original { redacted.append(path) }
            runFiles.append(path)
            add(path, bytes)
        }
    }

    /// An artifact that was checked; its weights only if asked for.
    mutating func add(_ item: ArtifactCollection.Item, withWeights: Bool) throws {
        var folder = item.folder
        guard let record = item.finding.record, folder.removePrefix(run.store.root), folder.isRelative else {
            throw ExportError("The artifact of \(item.name) isn't in the store \(run.store.root).")
        }
        guard let store = try run.store.opened() else {
            throw ExportError("The store \(run.store.root) isn't there.")
        }
        let isLeftOut = { (file: ArtifactRecord.File) in
            !withWeights && record.type == "model" && IncompleteMarker.mayBeLeftOut(file.path)
        }
        let leftOut = record.files.filter { isLeftOut($0) || item.finding.leftOut.contains($0) }
        var packed = PackedArtifact(record: record, folder: folder.string, leftOut: leftOut)
        let place = "\(Bundle.store)/\(folder)"
        for file in record.files where !leftOut.contains(file) {
            let path = "\(place)/\(file.path)"
            let source = item.folder.pushing(FilePath(file.path))
            // Weights of a cache may be links; all else is opened in the store.
            let content: Packer.Entry.Content =
                record.references.contains(file.path)
                ? .file(source) : .below(store, folder.pushing(FilePath(file.path)))
            entries.append(.init("\(name)/\(path)", content))
            files.append(.init(path: path, size: file.size, sha256: file.sha256))
            packed.files.append(path)
        }
        let marker = "\(place)/\(ArtifactRecord.fileName)"
        // Where it came from is told by whoever takes it over, of the bundle that it comes in then.
        guard
            let bytes = try run.store.opened()?.read(
                FilePath("\(folder)").appending(ArtifactRecord.fileName))
        else { throw ExportError("The artifact of \(item.name) has no \(ArtifactRecord.fileName).") }
        add(marker, try ArtifactRecord.Origin.replaced(in: bytes, by: nil))
        packed.files.append(marker)
        if !leftOut.isEmpty {
            let path = "\(place)/\(IncompleteMarker.fileName)"
            add(path, try IncompleteMarker(leftOut: leftOut.map(\.path)).bytes)
            packed.files.append(path)
        }
        artifacts.append(packed)
    }

    /// Adds what describes the bundle, last.
    mutating func addIndex(crate: JSONValue) throws {
        add(Bundle.crateName, try crate.prettyBytes())
        files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
        let index = Bundle(run: run.address, files: files, redacted: redacted)
        entries.append(.init("\(name)/\(Bundle.indexName)", .bytes(try index.value.prettyBytes())))
    }
}

/// Takes out of a run's record and log what tells of the machine's owner: folders, and the name of the host.
///
/// Records of this version hold no folders already; older ones and their logs may.
struct Redaction {
    private let paths: MachinePaths

    /// - Parameter store: The store that the run is in; its folder becomes `store`.
    init(_ store: Store) { paths = MachinePaths(store: store.root) }

    /// The same text without them.
    func text(_ text: String) -> String {
        // Line by line: a path ends at the line's end, and the search for one is quadratic in a line's length.
        text.byteText.split("\n", keepingEmpty: true).map(\.text)
            .map { Self.withoutHost(paths.hidden(in: String($0))) }.joined(separator: "\n")
    }

    /// The same value with all its texts cleaned; libraries of the system keep their place.
    func value(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let string):
            ["/usr/", "/lib"].contains(where: { string.byteText.hasPrefix($0) })
                ? value : .string(text(string))
        case .array(let elements): .array(elements.map(self.value))
        case .object(let object): .object(JSONObject(object.members.map { ($0.key, self.value($0.value)) }))
        default: value
        }
    }

    /// Stands in a configuration for the folders that a file of the machine lay in.
    static let leftOut = "/left-out-by-export"

    /// A configuration without the folders of the machine: a key `path` keeps the last part of an absolute one.
    ///
    /// No recipe has such a key, so that the stages stay the same; texts that recipes have are left as they are.
    static func configuration(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): .array(elements.map(configuration))
        case .object(let object):
            .object(
                JSONObject(
                    object.members.map { member in
                        guard member.key == "path", case .string(let text) = member.value else {
                            return (member.key, configuration(member.value))
                        }
                        return (member.key, .string(path(text)))
                    }))
        default: value
        }
    }

    private static func path(_ text: String) -> String {
        let starts: [[UInt8]] = [Array("/".utf8), Array("~".utf8), Array("..".utf8)]
        guard starts.contains(where: { text.utf8.starts(with: $0) }) else { return text }
        return "\(leftOut)/\(FilePath(text).lastComponent?.string ?? "")"
    }

    /// What the log says of those who hold a lock: "process 12 on NAME, since …".
    private static func withoutHost(_ line: String) -> String {
        var result = ""
        var rest = line.byteText
        while let (before, after) = rest.cut(at: "process ") {
            result += "\(before)process "
            rest = after
            let digits = after.bytes.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard !digits.isEmpty,
                let host = Substring(after.bytes.dropFirst(digits.count)).byteText.dropping(prefix: " on ")
            else { continue }
            result += "\(Substring(digits)) on …"
            let behind = host.text.unicodeScalars.drop { $0 != "," && !$0.properties.isWhitespace }
            rest = Substring(behind).byteText
        }
        return result + rest.text
    }
}
