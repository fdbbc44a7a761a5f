import Archives
package import ArtifactStore
internal import Base
import Files
import JSON
internal import Runs
package import SystemPackage

/// Packs a run with everything that it was made from, so that others can check it and go on from it.
package struct Exporter: Sendable {
    let run: RunLocation
    let withWeights: Bool
    let cancellation: Cancellation

    /// - Parameter withWeights: Whether the weights of models are packed too; they are listed in any case.
    package init(_ run: RunLocation, withWeights: Bool = false, cancellation: Cancellation = .never) {
        self.run = run
        self.withWeights = withWeights
        self.cancellation = cancellation
    }

    /// What the bundle of the run is called: `mini-smoke-20261121T083104Z-1`.
    package var name: String {
        run.address.byteText.replacing("/runs/", with: "/").replacing("/", with: "-").text
    }

    /// Writes the bundle; the same run gives the same bytes.
    ///
    /// - Throws: `ExportError` where an artifact of the run isn't what its record says, or something stands at
    ///   `file`; `FileError`, `PackingError`, `Interrupted`.
    package func export(to file: FilePath) throws -> ExportSummary {
        guard try FileSystem.status(file, followingLinks: false) == nil else {
            throw ExportError("\(file) is there already. Choose another name with --output, or remove it.")
        }
        let collection = try ArtifactCollection(run.record, in: run.store, cancellation: cancellation)
        var content = BundleContent(run: run, name: name)
        try content.addRun()
        for item in collection.items {
            try check(item, in: collection)
            try content.add(item, withWeights: withWeights)
        }
        if cancellation.isCancelled { throw Interrupted() }
        try content.addIndex(crate: CrateMetadata(content).value)
        try Packer.pack(content.entries, into: file)
        return ExportSummary(
            file: file, run: run.address, artifacts: collection.items.count, files: content.files.count + 1,
            contentSize: content.files.reduce(0) { $0 + $1.size },
            size: try FileSystem.status(file)?.size ?? 0, sha256: try SHA256.hex(ofFile: file),
            leftOut: content.artifacts.flatMap { artifact in
                artifact.leftOut.map { file in
                    .init(
                        path: "\(artifact.folder)/\(file.path)", size: file.size, sha256: file.sha256,
                        address: artifact.record.address(of: file.path))
                }
            })
    }

    private func check(_ item: ArtifactCollection.Item, in collection: ArtifactCollection) throws {
        let problems = item.finding.problems + collection.inputProblems(of: item)
        if let first = problems.first {
            throw ExportError(
                "The artifact of \(item.name) isn't what the run made: \(first) `d3llm verify` tells all that is wrong."
            )
        }
        if withWeights, !item.finding.leftOut.isEmpty {
            throw ExportError(
                "The weights of \(item.name) aren't in the store: it was imported without them. Export without --with-weights, or make it again with `d3llm run`."
            )
        }
    }
}

/// What was exported.
package struct ExportSummary: Sendable {
    /// A file that is listed but not packed.
    package struct LeftOut: Sendable, Hashable {
        /// Relative to the store.
        package let path: String
        /// In bytes.
        package let size: Int
        /// In hexadecimal.
        package let sha256: String
        /// Where it can be had, if it was downloaded.
        package let address: String?
    }

    package let file: FilePath
    /// The run's address in its store.
    package let run: String
    package let artifacts: Int
    package let files: Int
    /// Of all files, in bytes.
    package let contentSize: Int
    /// Of the bundle, in bytes.
    package let size: Int
    /// Of the bundle.
    package let sha256: String
    package let leftOut: [LeftOut]
}
