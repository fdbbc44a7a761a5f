internal import Archives
internal import ArtifactStore
internal import Base
internal import Columnar
internal import Evaluation
internal import Files
internal import JSON
internal import Recipes
internal import Runs
internal import StageBasics
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

/// The Parquet files of a data set as Hugging Face lays them out.
///
/// A split is a file's name up to the first hyphen (`test-00000-of-00001.parquet`), or the folder that it is in
/// (`test/0000.parquet`); a configuration is a folder above it (`algebra/test-00000-of-00001.parquet`).
struct ParquetShards {
    private let shards: [Shard]

    /// Takes those of the names that end as Parquet files do.
    init(_ names: [String]) {
        shards = names.compactMap { Shard($0) }
    }

    var isEmpty: Bool { shards.isEmpty }

    /// The files of a split in order: by folder, then by number.
    ///
    /// - Throws: ``DataError`` if there are none, if one is missing, or if they are in several folders that don't
    ///   belong together.
    func names(_ split: BenchmarkSplit, joinsFolders: Bool, of data: String) throws -> [String] {
        var chosen = shards.filter { $0.split == split.rawValue }
        // A single file that names no split is the split that is asked for, as a single file of lines is.
        if chosen.isEmpty, shards.count == 1, !shards[0].namesSplit { chosen = shards }
        guard !chosen.isEmpty else {
            throw DataError(
                description:
                    "\(data) holds no Parquet file of the split \"\(split.rawValue)\", such as \(split.rawValue)-00000-of-00001.parquet. It holds \(list(shards))."
            )
        }
        let folders = Dictionary(grouping: chosen, by: \.folder)
        guard joinsFolders || folders.count == 1 else {
            throw DataError(
                description:
                    "\(data) has the split \"\(split.rawValue)\" in \(folders.count) folders (\(folders.keys.sorted().joined(separator: ", "))), which are different data sets. Fetch only one of them."
            )
        }
        for (folder, files) in folders {
            let counts = Set(files.compactMap(\.total))
            let numbers = files.compactMap(\.number)
            if let total = counts.first, counts.count > 1 || numbers.sorted() != Array(0..<total) {
                throw DataError(
                    description:
                        "\(data) doesn't hold all \(total) files of the split \"\(split.rawValue)\"\(folder.isEmpty ? "" : " in \(folder)"), each once: it holds \(list(files)). Fetch the others too."
                )
            }
        }
        return chosen.sorted { ($0.folder, $0.number ?? 0, $0.name) < ($1.folder, $1.number ?? 0, $1.name) }
            .map(\.name)
    }

    private func list(_ shards: [Shard]) -> String {
        shards.prefix(5).map(\.name).joined(separator: ", ") + (shards.count > 5 ? " and so on" : "")
    }

    /// The rows of several files as the records of one.
    ///
    /// All columns are read: a question keeps its whole record, as harnesses do.
    /// - Throws: `ColumnarError`, `TaskError`, `FileError`; ``DataError`` for a file without rows, and where they take too
    ///   much memory.
    static func records(_ files: [FilePath]) throws -> [TaskRecord] {
        var records: [TaskRecord] = []
        for file in files {
            let budget = MemoryBudget(fileBytes: try FileSystem.status(file)?.size ?? 0)
            var row = 0
            try ParquetFile(file).forEachRow { object in
                row += 1
                let record = try TaskRecord(
                    parsing: try JSONValue.object(object).compactBytes(allowNonFinite: true),
                    index: records.count, file: "\(file), row", line: row)
                guard budget.take(record.memory) else {
                    throw DataError(description: "\(file): \(budget.refusal)")
                }
                records.append(record)
            }
            guard row > 0 else { throw DataError(description: "\(file) has no rows.") }
        }
        return records
    }

    private struct Shard {
        let name: String
        let folder: String
        let split: String
        let namesSplit: Bool
        let number: Int?
        let total: Int?

        init?(_ name: String) {
            guard let bare = name.byteText.dropping(suffix: ".parquet") else { return nil }
            self.name = name
            let parts = bare.split("/").map(\.text)
            guard let stem = parts.last else { return nil }
            let words = stem.byteText.split("-").map(\.text)
            let above = parts.dropLast().last
            let known = ["train", "test", "validation"]
            let first = words.first ?? ""
            if let above, known.contains(above), !known.contains(first) {
                split = above
                folder = parts.dropLast(2).joined(separator: "/")
            } else {
                split = first
                folder = parts.dropLast().joined(separator: "/")
            }
            namesSplit = known.contains(split)
            let isNumbered = words.count == 4 && words[2] == "of"
            number = isNumbered ? Int(words[1]) : nil
            // A number that no data set has would only make the check of it slow.
            total = isNumbered ? Int(words[3]).flatMap { (1...100_000).contains($0) ? $0 : nil } : nil
        }
    }
}
