internal import ArtifactStore
internal import Base
internal import DataStages
internal import Evaluation
internal import Files
internal import GGUF
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
package import SystemPackage
internal import Transformers

/// Takes a checkpoint of this machine into the store: a folder in Hugging Face layout, or a model in GGUF.
package struct ModelFolderStage: RecomputableStage {
    package static let name = "model-folder"
    package static let version = 1
    package static let summary =
        "Takes a model folder of this machine (config.json, tokenizer files, safetensors, or one file in GGUF) into the store, as copies, which share their blocks with the originals where the file system can do that."
    package static let output = ArtifactType.model

    let path: String
    let digest: String

    package init(_ fields: Fields) {
        path = fields.string(
            "path", "The folder, absolute or relative to the current one; not part of the recipe.",
            role: .execution)
        digest = fields.string(
            "digest",
            "SHA-256 over the lines that sha256sum prints for the folder's *.json, *.txt, *.jinja and *.safetensors, and without a config.json *.gguf, sorted by name; the stage names it where it is another."
        )
        DigestCheck.reject(digest, key: "digest", fields)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let folder = try FilePath(named: path, of: "the model's folder")
        let names = try Self.names(in: folder)
        // not text: an array of names
        guard try names.contains("config.json") || GGUFFile.path(of: folder) != nil else {
            throw DataError(
                description:
                    "\(path) has no config.json, which a model folder in Hugging Face layout has, and no file in GGUF."
            )
        }
        let output = try Folder(context.output)
        for name in names {
            try context.checkCancellation()
            // Never a second name of the same file: the originals are the user's, who may change them in place.
            try output.copy(folder.appending(name), to: FilePath(name))
        }
        // What is in the store is hashed: what it was taken from may change meanwhile.
        let found = try Self.digest(of: context.output, names)
        guard found == digest.lowercased() else {
            throw DataError(
                description:
                    "\(path) isn't the model that is expected: its digest is \(found), and \"digest\" says \(digest). Get the right files, or write the other digest if this one is meant."
            )
        }
        for remark in try Checkpoint.remarks(context.output) { context.log("Note: \(remark)") }
        return try result(context.output)
    }

    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        let found = try Self.digest(of: artifact, try Self.names(in: artifact))
        guard found == digest.lowercased() else {
            throw DamagedFileError(
                artifact, "its files have the digest \(found), and the recipe says \(digest).")
        }
        return try result(artifact)
    }

    private func result(_ folder: FilePath) throws -> StageResult {
        let family = try Checkpoint.family(folder)
        let configuration = try Checkpoint.configuration(folder)
        let type = family.modelTypes.first ?? ""
        return StageResult(
            summary: "\(type), \(configuration.layers) layers",
            metrics: ["family": .string(type), "layers": .integer(configuration.layers)])
    }

    /// The files of a folder that belong to a model, sorted by their bytes.
    package static func names(in folder: FilePath) throws -> [String] {
        let all = try FileSystem.list(folder)
        // not text: an array of names
        let hasConfiguration = all.contains("config.json")
        let endings =
            [".json", ".txt", ".jinja", ".safetensors"] + (hasConfiguration ? [] : [".gguf"])
        return all.filter { name in
            name != ArtifactRecord.fileName && !name.byteText.hasPrefix(".")
                && endings.contains { name.byteText.hasSuffix($0) }
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The digest of a folder's files.
    static func digest(of folder: FilePath, _ names: [String]) throws -> String {
        try DigestCheck.digest(of: folder, names)
    }
}

extension ModelFolderStage {
    /// The shape of the model, where the folder is there to be read.
    package func facts(_ context: ForecastContext) -> Facts {
        (try? Checkpoint.configuration(FilePath(path))).map {
            let isHalf = (try? Checkpoint.isStoredInBFloat16(FilePath(path))) ?? false
            return Facts($0).merging([.weightBytes: isHalf ? 2 : 4])
        } ?? [:]
    }
}
