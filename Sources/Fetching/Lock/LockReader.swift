internal import Base
internal import JSON

/// Turns the text of a lock file into inputs, or names the first thing that is wrong with its place.
struct LockReader {
    let document: JSONDocument

    init(_ document: JSONDocument) { self.document = document }

    func inputs() throws(FetchError) -> [LockedInput] {
        try keys(of: document.root, ["format", "inputs"])
        guard let format = document.root["format"]?.int else {
            throw error(document.root, "A lock file needs \"format\": \(DataLock.format).")
        }
        guard format <= DataLock.format else {
            throw error(
                document.root["format"] ?? document.root,
                "This version of d3llm reads lock files up to format \(DataLock.format).")
        }
        guard let members = document.root["inputs"]?.members else {
            throw error(document.root, "A lock file needs \"inputs\", an object of inputs by their names.")
        }
        var inputs: [LockedInput] = []
        for member in members {
            let name = member.key
            guard !name.isEmpty,
                name.utf8.allSatisfy({ Self.nameBytes.contains($0) }), name.utf8.first != UInt8(ascii: "."),
                name.utf8.first != UInt8(ascii: "-")
            else {
                throw error(
                    member.value, "The name of an input is made of a-z, 0-9, -, _ and .; this is \"\(name)\"."
                )
            }
            inputs.append(try input(name, member.value))
        }
        return inputs
    }

    private static let nameBytes = Set("abcdefghijklmnopqrstuvwxyz0123456789-_.".utf8)

    private func input(_ name: String, _ node: JSONNode) throws(FetchError) -> LockedInput {
        guard node["repository"] != nil else {
            try keys(of: node, ["summary", "licence", "note", "files"])
            let files = try files(node, areAddressed: true)
            guard !files.isEmpty else {
                throw error(node, "Input \"\(name)\" needs \"files\" or \"repository\".")
            }
            return LockedInput(
                name: name, summary: try text(node, "summary"), licence: try text(node, "licence"),
                terms: nil,
                origin: .addresses, files: files)
        }
        try keys(
            of: node,
            [
                "summary", "licence", "note", "terms", "repository", "type", "revision", "branch", "include",
                "mirrors",
                "files",
            ])
        return LockedInput(
            name: name, summary: try text(node, "summary"), licence: try text(node, "licence"),
            terms: try address(node, "terms"), origin: .repository(try repository(node)),
            files: try files(node, areAddressed: false))
    }

    private func repository(_ node: JSONNode) throws(FetchError) -> LockedRepository {
        let id = try text(node, "repository") ?? ""
        let parts = id.byteText.split("/", keepingEmpty: true)
        guard parts.count == 2,
            parts.allSatisfy({ part in
                !part.isEmpty && part.bytes.first != UInt8(ascii: ".") && !part.contains("--")
                    && part.bytes.allSatisfy {
                        $0 < 0x80 && (Self.nameBytes.contains($0 | 0x20) || Self.nameBytes.contains($0))
                    }
            })
        else {
            throw error(
                node["repository"] ?? node, "A repository is named as in \"GSAI-ML/LLaDA-8B-Instruct\".")
        }
        let kind = try text(node, "type") ?? "model"
        guard let kind = LockedRepository.Kind(rawValue: kind) else {
            throw error(node["type"] ?? node, "The type of a repository is \"model\" or \"dataset\".")
        }
        let mirrors = try list(node, "mirrors")
        for mirror in mirrors { try check(mirror, node["mirrors"] ?? node) }
        let include = try list(node, "include")
        guard !include.isEmpty else {
            throw error(
                node,
                "A repository needs \"include\", patterns of the files that are wanted: [\"*.safetensors\"].")
        }
        return LockedRepository(
            id: id, kind: kind, revision: try text(node, "revision") ?? "main",
            branch: try text(node, "branch"),
            include: include, mirrors: mirrors)
    }

    private func files(_ node: JSONNode, areAddressed: Bool) throws(FetchError) -> [LockedFile] {
        guard let list = node["files"] else { return [] }
        guard let nodes = list.array else { throw error(list, "\"files\" is a list of objects.") }
        var files: [LockedFile] = []
        var paths = SafePaths()
        for node in nodes {
            try keys(
                of: node,
                areAddressed ? ["path", "urls", "size", "sha256"] : ["path", "size", "sha256", "blob"])
            guard let path = try text(node, "path"), SafePath.isSafe(path) else {
                throw error(
                    node["path"] ?? node,
                    "A file needs a \"path\" that stays in its folder, as in \"data/train.jsonl\".")
            }
            guard paths.insert(path) else {
                throw error(node["path"] ?? node, "Two files can't have this path.")
            }
            let urls = areAddressed ? try self.list(node, "urls") : []
            for url in urls { try check(url, node["urls"] ?? node) }
            guard !areAddressed || !urls.isEmpty else {
                throw error(node, "A file needs \"urls\", at least one.")
            }
            let hash = try text(node, "sha256")
            guard hash.map({ Hexadecimal.isDigest($0, digits: 64) }) ?? true else {
                throw error(node["sha256"] ?? node, "A SHA-256 is 64 digits from 0-9 and a-f, or null.")
            }
            let size = node["size"]?.int
            guard size != nil || node["size"]?.isNull ?? true, size ?? 0 >= 0, size ?? 0 <= 1 << 50,
                (size == nil) == (hash == nil)
            else {
                throw error(
                    node["size"] ?? node,
                    "A file has both \"size\" (in bytes) and \"sha256\", or neither while it isn't pinned.")
            }
            let blob = try text(node, "blob")
            guard
                blob.map({ Hexadecimal.isDigest($0, digits: 40) || Hexadecimal.isDigest($0, digits: 64) })
                    ?? true
            else { throw error(node["blob"] ?? node, "A blob is named by 40 or 64 digits from 0-9 and a-f.") }
            files.append(LockedFile(path: path, urls: urls, size: size, sha256: hash, blob: blob))
        }
        return files
    }
}

extension LockReader {
    private func check(_ url: String, _ node: JSONNode) throws(FetchError) {
        guard let address = PublicAddress(url) else {
            throw error(node, "An address begins with https:// or http:// and names a server.")
        }
        guard !address.hasUser else {
            throw error(
                node,
                "An address in a lock file can't have a user's name or password: everybody reads this file.",
                shown: false)
        }
    }

    private func address(_ node: JSONNode, _ key: String) throws(FetchError) -> String? {
        guard let url = try text(node, key) else { return nil }
        try check(url, node[key] ?? node)
        return url
    }

    private func text(_ node: JSONNode, _ key: String) throws(FetchError) -> String? {
        guard let value = node[key], !value.isNull else { return nil }
        guard let text = value.string, !text.isEmpty else {
            throw error(value, "\"\(key)\" is a text or null.")
        }
        return text
    }

    private func list(_ node: JSONNode, _ key: String) throws(FetchError) -> [String] {
        guard let value = node[key], !value.isNull else { return [] }
        let texts = (value.array ?? []).compactMap(\.string)
        guard let array = value.array, texts.count == array.count, !texts.contains(where: \.isEmpty) else {
            throw error(value, "\"\(key)\" is a list of texts.")
        }
        return texts
    }

    private func keys(of node: JSONNode, _ known: [String]) throws(FetchError) {
        guard let members = node.members else {
            throw error(node, "Here should be an object; this is \(node.kindName).")
        }
        guard let stranger = members.first(where: { !known.contains($0.key) }) else { return }
        throw error(
            at: stranger.keyRange.lowerBound,
            "There is no key \"\(stranger.key)\" here. Known are: \(known.joined(separator: ", ")).")
    }

    private func error(_ node: JSONNode, _ message: String, shown: Bool = true) -> FetchError {
        error(at: node.range.lowerBound, message, shown: shown)
    }

    /// - Parameter shown: Whether the line may be printed.
    private func error(at offset: Int, _ message: String, shown: Bool = true) -> FetchError {
        let (line, column) = document.position(of: offset)
        let excerpt = shown ? "\n\(document.excerpt(at: offset))" : ""
        let place = "\(document.name.visible):\(line):\(column)"
        return FetchError(.lockFile, "\(place): \(message.visible)\(excerpt)")
    }
}
