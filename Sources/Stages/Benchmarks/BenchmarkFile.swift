internal import Archives
internal import Evaluation
internal import Files
internal import JSON
internal import Pipeline
internal import SystemPackage

/// The data file of a benchmark: JSON lines, plain or compressed, or a tar of JSON files.
struct BenchmarkFile {
    let path: FilePath

    /// The only file of an artifact, or of several the one that is called after the split, such as `test.jsonl`.
    ///
    /// - Throws: ``DataError`` where that doesn't tell which.
    init(_ reference: ArtifactReference, _ split: BenchmarkSplit, _ context: StageContext) throws {
        let folder = context.folder(of: reference)
        let names = try FileSystem.list(folder).filter { $0 != ArtifactRecord.fileName }.sorted()
        let fitting = names.count == 1 ? names : names.filter { FilePath($0).stem == split.rawValue }
        guard let name = fitting.first, fitting.count == 1 else {
            throw DataError(
                description:
                    "\(reference) holds \(names.count) files (\(names.prefix(5).joined(separator: ", "))), and a benchmark is read from one, or from the one called \(split.rawValue)."
            )
        }
        path = folder.appending(name)
    }

    /// The records in the order of the file; those of a tar by subject and number.
    ///
    /// - Parameters:
    ///   - split: which part of a tar; a file of lines is one split.
    ///   - scratch: a folder that isn't there, for what is in a tar.
    /// - Throws: `TaskError`, `ArchiveError`, `FileError`.
    func records(_ split: BenchmarkSplit, unpackingTo scratch: FilePath) throws -> [TaskRecord] {
        let bytes = try CompressedFile.read(path)
        guard Self.isTar(bytes) else { return try TaskRecord.records(in: bytes, name: path.string) }
        try FileSystem.remove(scratch)
        try FileSystem.createDirectory(scratch.removingLastComponent())
        let members = try Unpacker().unpack(path, into: scratch).compactMap { Member($0.path) }
            .filter { $0.split == split.rawValue }
            .sorted { ($0.subject, $0.number) < ($1.subject, $1.number) }
        guard !members.isEmpty else {
            throw TaskError(
                "\(path) has no files \(split.rawValue)/<subject>/<number>.json, which a tar of problems has."
            )
        }
        return try members.enumerated().map { index, member in
            try TaskRecord(
                parsing: try FileSystem.read(scratch.pushing(FilePath(member.path))), index: index,
                file: "\(path), \(member.path)", line: 1)
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
            let parts = path.split(separator: "/").map(String.init)
            guard parts.count >= 3, let name = parts.last, name.hasSuffix(".json"),
                let number = Int(name.dropLast(5))
            else { return nil }
            self.path = path
            self.number = number
            split = parts[parts.count - 3]
            subject = parts[parts.count - 2]
        }
    }
}
