internal import Files
internal import JSON
package import Recipes
package import Runs
package import SystemPackage

/// Takes a data file of this machine into the store, if it is the one that is expected.
package struct DatasetStage: RecomputableStage {
    package static let name = "dataset"
    package static let version = 1
    package static let summary =
        "Takes a data file of this machine into the store after checking its SHA-256: JSON lines, plain or compressed, a tar of JSON files, or a Parquet file."
    package static let output = ArtifactType.files

    /// The name of the file in the artifact: what it is called elsewhere isn't part of its content.
    static let fileName = "data"

    let path: String
    let sha256: String

    package init(_ fields: Fields) {
        path = fields.string(
            "path", "The file, absolute or relative to the current folder; not part of the recipe.",
            role: .execution)
        sha256 = fields.string("sha256", "The file's SHA-256 in hexadecimal, as sha256sum prints it.")
        DigestCheck.reject(sha256, key: "sha256", fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        guard let source = FilePath(foreign: path) else {
            throw DataError(description: "The path of the data set has a NUL byte; correct \"path\".")
        }
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

    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
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

/// What every key with a SHA-256 demands.
enum DigestCheck {
    static func reject(_ digest: String, key: String, _ fields: Fields) {
        let isHex = digest.unicodeScalars.allSatisfy(\.properties.isASCIIHexDigit)
        guard !digest.isEmpty, digest.utf8.count != 64 || !isHex else { return }
        fields.reject(
            key, "A SHA-256 has 64 hexadecimal digits; this has \(digest.utf8.count) characters.",
            hint: "`sha256sum FILE` prints it.")
    }
}
