internal import Archives
package import ArtifactStore
internal import Base
internal import DataStages
internal import Fetching
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import StageBasics
package import SystemPackage
internal import Transformers

/// Takes a pinned input from outside into the store.
package struct FetchStage: PinnedStage, RecomputableStage {
    package static let name = "fetch"
    package static let version = 1
    package static let summary =
        "Files of an input that data.lock pins: downloaded where the cache hasn't got them, checked, unpacked."
    package static let output = ArtifactType.files

    let source: PinnedSource
    let unpack: Bool

    package init(_ fields: Fields) {
        source = PinnedSource(fields)
        unpack = fields.flag(
            "unpack", default: true,
            "Whether archives (tar, zip) become folders and compressed files (gz, xz, zst) are taken out; of those only the content is kept."
        )
    }

    package func run(_ context: StageContext) throws -> StageResult {
        let output = try Folder(context.output)
        for file in try source.fetch(context).files {
            try context.checkCancellation()
            let place = FilePath(file.path)
            // The kind of an archive is told by its name, which the cache doesn't keep.
            if unpack, Unpacker.isArchive(file.path) {
                try Unpacker().unpack(
                    file.location, named: place.lastComponent?.string,
                    into: FilePath(Self.folderName(file.path)), of: output)
            } else if unpack, let name = Unpacker.nameWithoutCompression(file.path) {
                let above = FilePath(name).removingLastComponent()
                if !above.isEmpty { try output.makeFolder(above) }
                try Unpacker().decompress(file.location, to: FilePath(name), of: output)
            } else {
                try context.adopt(file.location, as: file.path, address: file.address)
            }
        }
        return try result(context.output)
    }

    package func recompute(from artifact: FilePath, _ context: StageContext) throws -> StageResult {
        try source.check(artifact) { path in
            unpack && (Unpacker.isArchive(path) || Unpacker.nameWithoutCompression(path) != nil)
        }
        return try result(artifact)
    }

    private func result(_ folder: FilePath) throws -> StageResult {
        let files = try PinnedSource.files(below: folder)
        let bytes = files.reduce(0) { $0 + $1.size }
        return StageResult(
            summary:
                "\(source.input): \(files.count == 1 ? "1 file" : "\(files.count) files"), \(ByteCount.text(bytes))",
            metrics: ["files": .integer(files.count), "bytes": .integer(bytes)])
    }

    /// The folder that an archive becomes: its name without what says that it is one.
    private static func folderName(_ path: String) -> String {
        let lower = path.byteText.asciiLowercased
        let ends: [ByteText] = [".tar.gz", ".tar.xz", ".tar.zst", ".tar", ".tgz", ".txz", ".tzst", ".zip"]
        // The end is ASCII: what stands before it has the same bytes in both.
        return ends.first { lower.hasSuffix($0) }.flatMap { String(path.utf8.dropLast($0.count)) } ?? path
    }
}

extension FetchStage {
    /// What is still to be downloaded, and what it takes: archives take more when they are unpacked.
    package func forecast(_ context: ForecastContext) -> StageForecast? {
        StageForecast(disk: source.pinnedBytes, download: .sum([source.missingBytes]))
    }
}
