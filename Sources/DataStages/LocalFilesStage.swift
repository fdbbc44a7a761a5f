internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
package import Recipes
package import Runs
package import StageBasics
package import SystemPackage

/// Takes a data file of this machine, or a folder of such, into the store, if it is what is expected.
package struct LocalFilesStage: RecomputableStage {
    package static let name = "local-files"
    package static let formerNames = ["dataset"]
    package static let version = 1
    package static let summary =
        "Takes a data file of this machine into the store after checking its SHA-256: JSON lines, plain or compressed, a tar of JSON files, a Parquet file, a file of records, or a folder of such files."
    package static let output = ArtifactType.files

    /// The name of the file in the artifact: what it is called elsewhere isn't part of its content.
    package static let fileName = "data"

    let path: String
    let sha256: String

    package init(_ fields: Fields) {
        path = fields.string(
            "path",
            "The file, or a folder of them, absolute or relative to the current folder; not part of the recipe.",
            role: .execution)
        sha256 = fields.string(
            "sha256",
            "The file's SHA-256 in hexadecimal, as sha256sum prints it; of a folder that of the lines which sha256sum prints for its files, sorted by name. `d3llm data` and the stage itself name it."
        )
        DigestCheck.reject(sha256, key: "sha256", fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let source = try FilePath(named: path, of: "the data set")
        if try FileSystem.status(source)?.kind == .folder { return try takeFolder(source, context) }
        let target = context.output.appending(Self.fileName)
        var hash = SHA256()
        try FileSystem.writeAtomically(to: target) { sink in
            try FileSystem.readParts(source) { part in
                try context.checkCancellation()
                hash.update(part)
                try sink.append(part)
            }
        }
        let found = SHA256.hex(hash.finalize())
        guard found == sha256.lowercased() else {
            throw DataError(
                description:
                    "\(path) isn't the file that is expected: its SHA-256 is \(found), and \"sha256\" says \(sha256). Get the right file, or write the other sum if this one is meant."
            )
        }
        return try result(target)
    }

    private func takeFolder(_ source: FilePath, _ context: StageContext) throws -> StageResult {
        let output = try Folder(context.output)
        let names = try Self.names(in: source)
        guard !names.isEmpty else {
            throw DataError(description: "\(path) is a folder without a file.")
        }
        for name in names {
            try context.checkCancellation()
            let target = context.output.pushing(FilePath(name))
            try FileSystem.createDirectory(target.removingLastComponent())
            // Never a second name of the same file: the originals are the user's, who may change them in place.
            try output.copy(source.pushing(FilePath(name)), to: FilePath(name))
        }
        // What is in the store is hashed: what it was taken from may change meanwhile.
        let found = try Self.digest(of: context.output)
        guard found == sha256.lowercased() else {
            throw DataError(
                description:
                    "\(path) isn't the folder that is expected: its digest is \(found), and \"sha256\" says \(sha256). Get the right files, or write the other sum if these are meant."
            )
        }
        return try folderResult(context.output)
    }

    /// The files of a folder, hidden ones aside, sorted by their bytes.
    static func names(in folder: FilePath) throws -> [String] {
        try PinnedSource.files(below: folder).map(\.path).filter { name in
            name != ArtifactRecord.fileName
                && !name.byteText.split("/").contains { $0.hasPrefix(".") }
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The SHA-256 over the lines that sha256sum prints for the files of a folder.
    static func digest(of folder: FilePath) throws -> String {
        try DigestCheck.digest(of: folder, try names(in: folder))
    }

    private func folderResult(_ folder: FilePath) throws -> StageResult {
        let files = try PinnedSource.files(below: folder)
        let size = files.reduce(0) { $0 + $1.size }
        return StageResult(
            summary: "\(files.count) files, \(size) bytes, as expected", metrics: ["bytes": .integer(size)])
    }

    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        if try Self.names(in: artifact) != [Self.fileName] {
            let found = try Self.digest(of: artifact)
            guard found == sha256.lowercased() else {
                throw DamagedFileError(
                    artifact, "its files have the digest \(found), and the recipe says \(sha256).")
            }
            return try folderResult(artifact)
        }
        let file = artifact.appending(Self.fileName)
        let found = try SHA256.hex(ofFile: file)
        guard found == sha256.lowercased() else {
            throw DamagedFileError(file, "its SHA-256 is \(found), and the recipe says \(sha256).")
        }
        return try result(file)
    }

    private func result(_ file: FilePath) throws -> StageResult {
        let size = try FileSystem.status(file)?.size ?? 0
        return StageResult(summary: "\(size) bytes as expected", metrics: ["bytes": .integer(size)])
    }
}

/// What keys with a SHA-256 demand, and the SHA-256 of a folder.
package enum DigestCheck {
    package static func reject(_ digest: String, key: String, _ fields: Fields) {
        let isHex = digest.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit)
        guard !digest.isEmpty, digest.utf8.count != 64 || !isHex else { return }
        fields.reject(
            key, "A SHA-256 has 64 hexadecimal digits; this has \(digest.utf8.count) characters.",
            hint: "`sha256sum FILE` prints it.")
    }

    /// The SHA-256 over the lines that sha256sum prints for files of a folder.
    package static func digest(of folder: FilePath, _ names: [String]) throws -> String {
        let lines = try names.map { "\(try SHA256.hex(ofFile: folder.pushing(FilePath($0))))  \($0)\n" }
        return SHA256.hex(of: Array(lines.joined().utf8))
    }
}

extension FilePath {
    /// The path that the key `path` names.
    ///
    /// - Parameter subject: What lies there, for the error.
    /// - Throws: ``DataError`` where a NUL byte would cut it short.
    package init(named path: String, of subject: String) throws(DataError) {
        guard let found = FilePath(foreign: path) else {
            throw DataError(description: "The path of \(subject) has a NUL byte; correct \"path\".")
        }
        self = found
    }
}
