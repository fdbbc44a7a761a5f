internal import Archives
internal import ArtifactStore
internal import Base
internal import Columnar
internal import Evaluation
internal import Files
internal import JSON
internal import Recipes
internal import Runs
internal import SystemPackage

/// The data of a benchmark: JSON lines, plain or compressed, a tar of JSON files, packed or not, or Parquet files.
struct BenchmarkFile {
    /// What it is called in errors.
    private let reference: String
    private let folder: FilePath
    /// Relative to the folder, sorted.
    private let names: [String]

    init(_ reference: ArtifactReference, _ context: StageContext) throws {
        try self.init(folder: context.folder(of: reference), name: "\(reference)")
    }

    /// - Parameter name: what it is called in errors.
    init(folder: FilePath, name: String) throws {
        reference = name
        self.folder = folder
        names = try Self.files(below: folder).filter { $0 != ArtifactRecord.fileName }.sorted()
    }

    /// The records in the order of the file; those of a tar by subject and number.
    ///
    /// - Parameters:
    ///   - split: which of several files, or which part of a tar; a single file of lines is one split.
    ///   - scratch: a folder for what is in a tar; nothing may be in it.
    ///   - joinsFolders: whether Parquet files of one split in several folders belong together, as MATH's subjects.
    /// - Throws: `TaskError`, `ArchiveError`, `ColumnarError`, `FileError`; ``DataError`` where it isn't clear which
    ///   file is meant.
    func records(
        _ split: BenchmarkSplit, unpackingTo scratch: FilePath, joinsFolders: Bool = false
    ) throws -> [TaskRecord] {
        let shards = ParquetShards(names)
        if !shards.isEmpty {
            let chosen = try shards.names(split, joinsFolders: joinsFolders, of: reference)
            return try ParquetShards.records(chosen.map { folder.pushing(FilePath($0)) })
        }
        let members = names.compactMap { Member($0) }
        if !members.isEmpty { return try records(members, below: folder, split) }
        let path = folder.pushing(FilePath(try fileName(split)))
        let bytes = try CompressedFile.read(path)
        if ParquetFile.isParquet(bytes.prefix(4)) { return try ParquetShards.records([path]) }
        guard Self.isTar(bytes) else {
            return try TaskRecord.records(
                in: bytes, name: path.string, fileBytes: FileSystem.status(path)?.size)
        }
        try FileSystem.remove(scratch)
        try FileSystem.createDirectory(scratch.removingLastComponent())
        let unpacked = try Unpacker().unpack(path, into: scratch).compactMap { Member($0.path) }
        return try records(unpacked, below: scratch, split)
    }

    /// The only file, or the only one of several that has the split in its name.
    private func fileName(_ split: BenchmarkSplit) throws -> String {
        if names.count == 1 { return names[0] }
        let named = names.filter { FilePath($0).lastComponent?.string.contains(split.rawValue) ?? false }
        guard named.count == 1 else {
            throw DataError(
                description:
                    "\(reference) holds \(names.count) files (\(names.prefix(5).joined(separator: ", "))), and \(named.count) of them have \"\(split.rawValue)\" in their name. A benchmark is read from one."
            )
        }
        return named[0]
    }

    private func records(
        _ members: [Member], below folder: FilePath, _ split: BenchmarkSplit
    ) throws -> [TaskRecord] {
        let chosen = members.filter { $0.split == split.rawValue }
            .sorted { ($0.subject, $0.number) < ($1.subject, $1.number) }
        guard !chosen.isEmpty else {
            throw TaskError(
                "\(reference) has no files \(split.rawValue)/<subject>/<number>.json, which problems of MATH have."
            )
        }
        return try chosen.enumerated().map { index, member in
            try TaskRecord(
                parsing: try FileSystem.read(folder.pushing(FilePath(member.path))), index: index,
                file: member.path, line: 1)
        }
    }

    /// All files below a folder, relative to it.
    private static func files(below folder: FilePath) throws -> [String] {
        try FileSystem.list(folder).flatMap { name -> [String] in
            let path = folder.appending(name)
            guard try FileSystem.status(path)?.kind == .folder else { return [name] }
            return try files(below: path).map { "\(name)/\($0)" }
        }
    }

    private static func isTar(_ bytes: [UInt8]) -> Bool {
        bytes.count > 512 && bytes[257..<262].elementsEqual("ustar".utf8)
    }

    /// A file `…/test/algebra/12.json`.
    private struct Member {
        let path: String
        let split: String
        let subject: String
        let number: Int

        init?(_ path: String) {
            let parts = path.byteText.split("/").map(\.text)
            guard parts.count >= 3, let name = parts.last?.byteText.dropping(suffix: ".json"),
                let number = Int(name.text)
            else { return nil }
            self.path = path
            self.number = number
            split = parts[parts.count - 3]
            subject = parts[parts.count - 2]
        }
    }
}
