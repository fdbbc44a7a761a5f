internal import Files
internal import JSON
internal import SystemPackage

extension DataLock {
    /// What the first download of an input found.
    struct Pin {
        let name: String
        /// Whether files come to those that are pinned, which stay as they are.
        var isExtension = false
        /// The commit of a repository, and the branch or tag that it was found by.
        let commit: (id: String, branch: String?)?
        let files: [LockedFile]
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

    private static func difference(_ pinned: [LockedFile], _ found: [LockedFile]) -> String? {
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

    private static func value(_ file: LockedFile) -> JSONValue {
        var object: JSONObject = ["path": .string(file.path)]
        if !file.urls.isEmpty { object["urls"] = .array(file.urls.map(JSONValue.string)) }
        object["size"] = file.size.map(JSONValue.integer) ?? .null
        object["sha256"] = file.sha256.map(JSONValue.string) ?? .null
        if let blob = file.blob { object["blob"] = .string(blob) }
        return .object(object)
    }
}
