package import Fetching
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
package import SystemPackage

/// What stages that take something from outside have in common: an input of the lock file, and its hashes.
package struct PinnedSource {
    package let input: String
    package let pins: [Pin]
    /// Where it says what the input is; not a part of the recipe.
    private let lock: FilePath?

    package init(_ fields: Fields) {
        input = fields.string("input", "The input's name in data.lock; \"d3llm fetch --list\" lists them.")
        pins = fields.pins(of: input)
        lock = fields.lockFile
    }

    /// The second input of a stage: an adapter; nil where the key is absent.
    package init?(adapter fields: Fields) {
        let name = fields.optionalString(
            "adapter",
            "An input with a LoRA adapter in PEFT's files, which is merged into the weights whenever the model is read."
        )
        guard let name else { return nil }
        input = name
        pins = fields.pins(of: name, as: "adapterSha256")
        lock = fields.lockFile
    }

    /// Gets the files into the cache, the very ones of the recipe.
    package func fetch(_ context: StageContext) throws -> FetchedInput {
        guard !pins.isEmpty else {
            throw DataError(
                description:
                    "\"\(input)\" has no hashes yet, so that nothing says what it is. Run `d3llm fetch \(input)`: it downloads it and writes its hashes in \(lock?.string ?? "data.lock")."
            )
        }
        guard let lock else {
            throw DataError(
                description:
                    "There is no data.lock beside the configuration or above it that says where to get \"\(input)\"."
            )
        }
        let fetcher = Fetcher(
            lock: lock, settings: .current(), isOffline: !context.permissions.network,
            observer: FetchReporting(context),
            isCancelled: { context.isCancelled })
        do {
            return try fetcher.fetch(
                input,
                pinnedAs: Dictionary(
                    pins.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first }))
        } catch let error as FetchInterrupted {
            try context.checkCancellation()
            throw error
        }
    }

    /// Bytes that are still to be downloaded; nil where nothing says how many, as for what isn't pinned.
    package var missingBytes: Int? {
        guard let lock, let found = try? DataLock(lock).input(input), found.isPinned else { return nil }
        return HubSettings.current().missingBytes(of: found)
    }

    /// Bytes of all files; nil where nothing says how many.
    package var pinnedBytes: Int? { lock.flatMap { try? DataLock($0).input(input) }?.size }

    /// Compares what an artifact's record says of its files with the pins.
    ///
    /// - Parameter isUnpacked: Whether a file isn't in the artifact itself.
    /// - Throws: ``DamagedFileError``, `FileError`.
    package func check(_ artifact: FilePath, isUnpacked: (String) -> Bool = { _ in false }) throws {
        let path = artifact.appending("artifact.json")
        let root = try JSONDocument(parsing: try FileSystem.read(path), name: path.string).root
        for pin in pins where !isUnpacked(pin.path) {
            let file = (root["files"]?.array ?? []).first { $0["path"]?.string == pin.path }
            guard file?["sha256"]?.string == pin.sha256 else {
                throw DamagedFileError(path, "\(pin.path) doesn't have the hash that the recipe names.")
            }
        }
    }

    /// How many files and folders may be below one.
    private static let mostEntries = 1_000_000

    /// The files of an artifact, whether its record is there already or not.
    package static func files(below folder: FilePath) throws -> [(path: String, size: Int)] {
        var files: [(path: String, size: Int)] = []
        // Links to folders are followed, so that a few of them can stand for any number of paths.
        var seen = 0
        func visit(_ relative: String) throws {
            for name in try FileSystem.list(relative.isEmpty ? folder : folder.pushing(FilePath(relative))) {
                let child = relative.isEmpty ? name : "\(relative)/\(name)"
                seen += 1
                guard seen <= mostEntries else {
                    throw DataError(
                        description:
                            "\(folder) has more than \(mostEntries) files and folders below it, links to folders followed. Take a folder that holds what is meant and nothing else."
                    )
                }
                guard child != "artifact.json",
                    let status = try FileSystem.status(folder.pushing(FilePath(child)))
                else { continue }
                if status.kind == .folder { try visit(child) } else { files.append((child, status.size)) }
            }
        }
        try visit("")
        return files
    }
}

extension PinSource {
    /// The hashes that data.lock has.
    package static let dataLock = PinSource(fileName: DataLock.fileName) { bytes, path in
        try DataLock(parsing: bytes, path: path).inputs.map { input in
            let pins = input.isPinned ? input.files.map { Pin(path: $0.path, sha256: $0.sha256 ?? "") } : []
            return (input.name, pins)
        }
    }
}
