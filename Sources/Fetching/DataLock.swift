internal import Base
package import Documents
internal import Files
internal import JSON
package import SystemPackage

/// The lock file `data.lock`: every input that experiments take from outside, and its hashes.
package struct DataLock: Sendable {
    /// What the file is called.
    package static let fileName = "data.lock"
    /// The version of the file's form.
    static let format = 1

    package let path: FilePath
    /// In the order of the file.
    package let inputs: [LockedInput]
    /// The whole file: what changes are made in.
    let value: JSONValue

    /// Reads a lock file.
    ///
    /// - Throws: ``FetchError`` with the place of the first thing that is wrong; `FileError`.
    package init(_ path: FilePath) throws {
        try self.init(parsing: try FileSystem.read(path), path: path)
    }

    /// Reads the bytes of a lock file.
    ///
    /// - Throws: ``FetchError`` with the place of the first thing that is wrong.
    package init(parsing bytes: [UInt8], path: FilePath) throws(FetchError) {
        let document: JSONDocument
        do throws(JSONSyntaxError) {
            document = try JSONDocument(parsing: bytes, name: path.string)
        } catch {
            throw FetchError(.lockFile, "\(error)")
        }
        self.path = path
        inputs = try LockReader(document).inputs()
        value = JSONValue(document.root)
    }

    /// The input of that name.
    ///
    /// - Throws: ``FetchError`` with the nearest name, or with all.
    package func input(_ name: String) throws(FetchError) -> LockedInput {
        guard let input = inputs.first(where: { $0.name == name }) else {
            throw FetchError(
                .unknownInput,
                "\(path) has no input \"\(name)\". \(NearestName.hint(for: name, among: inputs.map(\.name), what: "Its inputs") ?? "`d3llm fetch --list` lists them.")"
            )
        }
        return input
    }
}

extension DataLock {
    /// What the first download of an input found.
    struct Pin {
        let name: String
        /// Whether files come to those that are pinned, which stay as they are.
        var isExtension = false
        /// The commit of a repository, and the branch or tag that it was found by.
        let commit: (id: String, branch: String?)?
        let files: [LockedInput.File]
    }

    /// Writes the hashes of an input in the lock file, whole or not at all.
    ///
    /// Others may write theirs meanwhile: the file is read again under a lock, and one input of it changed.
    /// - Parameter guardFile: The lock, held by one process at a time.
    /// - Returns: The file as it is now.
    /// - Throws: ``FetchError`` when another process has pinned other bytes; `FileError`.
    static func write(_ pin: Pin, to path: FilePath, guardFile: FilePath, pause: () throws -> Void) throws
        -> DataLock
    {
        var held: FileLock?
        while true {
            held = try FileLock.attempt(guardFile)
            if held != nil { break }
            try pause()
        }
        return try withExtendedLifetime(held) {
            let now = try DataLock(path)
            let input = try now.input(pin.name)
            if pin.isExtension {
                let kept = pin.files.filter { file in input.files.contains { $0.path == file.path } }
                if let difference = Self.difference(input.files, kept) {
                    throw FetchError(
                        .wrongContent,
                        "Another process has changed what is pinned of \(pin.name) meanwhile: \(difference). Run `d3llm fetch \(pin.name)` again."
                    )
                }
            } else if input.isPinned {
                if let difference = Self.difference(input.files, pin.files) {
                    throw FetchError(
                        .wrongContent,
                        "Another process has pinned \(pin.name) meanwhile, with other bytes: \(difference). Run `d3llm fetch \(pin.name)` again to see which the server gives now."
                    )
                }
                return now
            }
            let bytes = try now.value(with: pin).prettyBytes()
            try FileSystem.writeAtomically(bytes, to: path)
            return try DataLock(parsing: bytes, path: path)
        }
    }

    private static func difference(_ pinned: [LockedInput.File], _ found: [LockedInput.File]) -> String? {
        for file in found {
            guard let other = pinned.first(where: { $0.path == file.path }) else {
                return "\(file.path) is new"
            }
            if other.sha256 != file.sha256 {
                return "\(file.path) has the SHA-256 \(other.sha256 ?? "?") there, \(file.sha256 ?? "?") here"
            }
        }
        return pinned.count == found.count ? nil : "the files are others"
    }

    private func value(with pin: Pin) -> JSONValue {
        var root = value.object ?? [:]
        var inputs = root["inputs"]?.object ?? [:]
        var input = inputs[pin.name]?.object ?? [:]
        if let commit = pin.commit {
            input["revision"] = .string(commit.id)
            if let branch = commit.branch { input["branch"] = .string(branch) }
        }
        input["files"] = .array(pin.files.map(Self.value))
        inputs[pin.name] = .object(input)
        root["inputs"] = .object(inputs)
        return .object(root)
    }

    private static func value(_ file: LockedInput.File) -> JSONValue {
        var object: JSONObject = ["path": .string(file.path)]
        if !file.urls.isEmpty { object["urls"] = .array(file.urls.map(JSONValue.string)) }
        object["size"] = file.size.map(JSONValue.integer) ?? .null
        object["sha256"] = file.sha256.map(JSONValue.string) ?? .null
        if let blob = file.blob { object["blob"] = .string(blob) }
        return .object(object)
    }
}

/// Turns the text of a lock file into inputs, or names the first thing that is wrong with its place.
struct LockReader {
    private typealias Value = DocumentValue<FetchError>

    private let root: DocumentValue<FetchError>

    init(_ document: JSONDocument) { root = DocumentValue(document.root, subject: "the lock file") }

    func inputs() throws(FetchError) -> [LockedInput] {
        try root.allow(["format", "inputs"])
        guard let format = root.node["format"]?.int else {
            throw root.error("A lock file needs \"format\": \(DataLock.format).")
        }
        guard format <= DataLock.format else {
            throw root.at("format").error(
                "This version of d3llm reads lock files up to format \(DataLock.format).")
        }
        guard let members = try root["inputs"]?.members() else {
            throw root.error("A lock file needs \"inputs\", an object of inputs by their names.")
        }
        var inputs: [LockedInput] = []
        for (name, value) in members {
            guard !name.isEmpty,
                name.utf8.allSatisfy({ Self.nameBytes.contains($0) }), name.utf8.first != UInt8(ascii: "."),
                name.utf8.first != UInt8(ascii: "-")
            else {
                throw value.error(
                    "The name of an input is made of a-z, 0-9, -, _ and .; this is \"\(name)\".")
            }
            inputs.append(try input(name, value))
        }
        return inputs
    }

    private static let nameBytes = Set("abcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)

    private func input(_ name: String, _ node: Value) throws(FetchError) -> LockedInput {
        guard node.node["repository"] != nil else {
            try node.allow(["summary", "licence", "note", "files"])
            let files = try files(node, areAddressed: true)
            guard !files.isEmpty else {
                throw node.error("Input \"\(name)\" needs \"files\" or \"repository\".")
            }
            return LockedInput(
                name: name, summary: try node.text("summary"), licence: try node.text("licence"),
                terms: nil,
                origin: .addresses, files: files)
        }
        try node.allow([
            "summary", "licence", "note", "terms", "repository", "type", "revision", "branch", "include",
            "mirrors",
            "files",
        ])
        return LockedInput(
            name: name, summary: try node.text("summary"), licence: try node.text("licence"),
            terms: try node.address("terms"), origin: .repository(try repository(node)),
            files: try files(node, areAddressed: false))
    }

    private func repository(_ node: Value) throws(FetchError) -> LockedInput.Repository {
        let id = try node.text("repository") ?? ""
        let parts = id.byteText.split("/", keepingEmpty: true)
        guard parts.count == 2,
            parts.allSatisfy({ part in
                !part.isEmpty && part.bytes.first != UInt8(ascii: ".") && !part.contains("--")
                    && part.bytes.allSatisfy {
                        $0 < 0x80 && (Self.nameBytes.contains($0 | 0x20) || Self.nameBytes.contains($0))
                    }
            })
        else {
            throw node.at("repository").error("A repository is named as in \"GSAI-ML/LLaDA-8B-Instruct\".")
        }
        let kind = try node.text("type") ?? "model"
        guard let kind = LockedInput.Repository.Kind(rawValue: kind) else {
            throw node.at("type").error("The type of a repository is \"model\" or \"dataset\".")
        }
        let mirrors = try node.texts("mirrors")
        for mirror in mirrors { try node.at("mirrors").check(mirror) }
        let include = try node.texts("include")
        guard !include.isEmpty else {
            throw node.error(
                "A repository needs \"include\", patterns of the files that are wanted: [\"*.safetensors\"].")
        }
        return LockedInput.Repository(
            id: id, kind: kind, revision: try node.text("revision") ?? "main",
            branch: try node.text("branch"),
            include: include, mirrors: mirrors)
    }

    private func files(_ node: Value, areAddressed: Bool) throws(FetchError) -> [LockedInput.File] {
        guard let list = node["files"] else { return [] }
        var files: [LockedInput.File] = []
        var paths = SafePaths()
        for node in try list.elements() {
            try node.allow(
                areAddressed ? ["path", "urls", "size", "sha256"] : ["path", "size", "sha256", "blob"])
            guard let path = try node.text("path"), SafePath.isSafe(path) else {
                throw node.at("path").error(
                    "A file needs a \"path\" that stays in its folder, as in \"data/train.jsonl\".")
            }
            guard paths.insert(path) else {
                throw node.at("path").error("Two files can't have this path.")
            }
            let urls = areAddressed ? try node.texts("urls") : []
            for url in urls { try node.at("urls").check(url) }
            guard !areAddressed || !urls.isEmpty else {
                throw node.error("A file needs \"urls\", at least one.")
            }
            let hash = try node.text("sha256")
            guard hash.map({ Hexadecimal.isDigest($0, digits: 64) }) ?? true else {
                throw node.at("sha256").error("A SHA-256 is 64 digits from 0-9 and a-f, or null.")
            }
            let size = node["size"]?.node.int
            guard size != nil || node["size"] == nil, size ?? 0 >= 0, size ?? 0 <= 1 << 50,
                (size == nil) == (hash == nil)
            else {
                throw node.at("size").error(
                    "A file has both \"size\" (in bytes) and \"sha256\", or neither while it isn't pinned.")
            }
            let blob = try node.text("blob")
            guard
                blob.map({ Hexadecimal.isDigest($0, digits: 40) || Hexadecimal.isDigest($0, digits: 64) })
                    ?? true
            else { throw node.at("blob").error("A blob is named by 40 or 64 digits from 0-9 and a-f.") }
            files.append(LockedInput.File(path: path, urls: urls, size: size, sha256: hash, blob: blob))
        }
        return files
    }
}

extension DocumentValue<FetchError> {
    /// The member `key` to point at, or this value where that is absent or null.
    fileprivate func at(_ key: String) -> DocumentValue { self[key] ?? self }

    /// A text under `key` that isn't empty; nil where it is absent or null.
    fileprivate func text(_ key: String) throws(FetchError) -> String? {
        guard let value = self[key] else { return nil }
        let text = try value.string()
        guard !text.isEmpty else { throw value.error("\"\(key)\" is empty; leave it out, or write null.") }
        return text
    }

    /// Texts under `key`, none of them empty; none where it is absent or null.
    fileprivate func texts(_ key: String) throws(FetchError) -> [String] {
        try (self[key]?.elements() ?? []).map { (element) throws(FetchError) in
            let text = try element.string()
            guard !text.isEmpty else { throw element.error("A text of \"\(key)\" is empty; leave it out.") }
            return text
        }
    }

    fileprivate func address(_ key: String) throws(FetchError) -> String? {
        guard let url = try text(key) else { return nil }
        try at(key).check(url)
        return url
    }

    fileprivate func check(_ url: String) throws(FetchError) {
        guard let address = PublicAddress(url) else {
            throw error("An address begins with https:// or http:// and names a server.")
        }
        guard !address.hasUser else {
            // The line isn't shown: it has the secret.
            throw FetchError(
                .lockFile,
                "\(node.origin.place.visible): An address in a lock file can't have a user's name or password: everybody reads this file."
            )
        }
    }
}

extension FetchError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let excerpt = flaw.origin.source.excerpt(at: flaw.origin.range.lowerBound)
        self.init(
            .lockFile, "\(flaw.origin.place.visible): \(flaw.message.capitalizedFirst.visible)\n\(excerpt)")
    }
}
