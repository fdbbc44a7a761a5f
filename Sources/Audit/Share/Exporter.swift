import Archives
package import ArtifactStore
internal import Base
import Files
import JSON
import Recipes
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

/// The description of a bundle for other programs: RO-Crate 1.1 with the profile Process Run Crate 0.5.
///
/// Source: <https://w3id.org/ro/crate/1.1>, <https://w3id.org/ro/wfrun/process/0.5>.
struct CrateMetadata {
    private static let licence = "https://spdx.org/licenses/Apache-2.0"
    private static let profile = "https://w3id.org/ro/wfrun/process/0.5"

    private let content: BundleContent

    init(_ content: BundleContent) { self.content = content }

    var value: JSONValue {
        [
            "@context": [
                "https://w3id.org/ro/crate/1.1/context",
                // The context of RO-Crate 1.1 is older than this term of schema.org.
                ["sha256": "http://schema.org/sha256"],
            ],
            "@graph": .array(
                [descriptor, root, profile, licence, software, action] + artifacts + leftOut + files),
        ]
    }

    private var record: RunRecord { content.run.record }

    private static func reference(_ id: String) -> JSONValue { ["@id": .string(id)] }
    /// A list of one is written without brackets, as RO-Crate would have it.
    private static func references(_ ids: [String]) -> JSONValue {
        ids.count == 1 ? reference(ids[0]) : .array(ids.map(reference))
    }
    /// A path as the identifier of an entity; names of stages hold characters that addresses don't.
    private static func id(_ path: String, isFolder: Bool = false) -> String {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
        let digits = Array("0123456789ABCDEF")
        let text = path.utf8.map { byte in
            plain.contains(byte)
                ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }.joined()
        return isFolder ? text + "/" : text
    }

    private func folderID(_ artifact: BundleContent.PackedArtifact) -> String {
        Self.id("\(Bundle.store)/\(artifact.folder)", isFolder: true)
    }

    private var runFolderID: String { Self.id("\(Bundle.store)/\(content.run.address)", isFolder: true) }

    private var descriptor: JSONValue {
        [
            "@id": .string(Bundle.crateName), "@type": "CreativeWork",
            "conformsTo": Self.reference("https://w3id.org/ro/crate/1.1"), "about": Self.reference("./"),
        ]
    }

    private var root: JSONValue {
        [
            "@id": "./", "@type": "Dataset", "name": .string("Run \(content.run.address) of d3LLM in Swift"),
            "description": .string(
                "One run of the experiment \(record.experiment): its record, its configuration, its log, and the artifacts of its \(Readable.stages(record.stages.count)) with all that they were made from. `d3llm import` and `d3llm verify` check it."
            ),
            "datePublished": .string(record.finished), "license": Self.reference(Self.licence),
            "conformsTo": Self.reference(Self.profile), "mentions": Self.reference("#run"),
            "hasPart": Self.references(
                content.artifacts.map(folderID) + content.runFiles.map { Self.id($0) }),
        ]
    }

    private var profile: JSONValue {
        [
            "@id": .string(Self.profile), "@type": "CreativeWork", "name": "Process Run Crate",
            "version": "0.5",
        ]
    }

    private var licence: JSONValue {
        [
            "@id": .string(Self.licence), "@type": "CreativeWork", "name": "Apache License 2.0",
            "description": "The licence of the program and of what it generates.",
            "identifier": .string(Self.licence),
        ]
    }

    private var software: JSONValue {
        var value: JSONObject = [
            "@id": "#d3llm", "@type": "SoftwareApplication", "name": "d3LLM in Swift",
            "url": "https://arxiv.org/abs/2601.07568",
            "description":
                "Pseudo-trajectory distillation of diffusion language models, as declarative experiments.",
            "license": Self.reference(Self.licence),
        ]
        if let version = record.code["version"]?.string { value["softwareVersion"] = .string(version) }
        if let commit = record.code["commit"]?.string {
            let isDirty = record.code["dirty"]?.bool == true
            value["identifier"] = .string("commit \(commit)\(isDirty ? " with changes" : "")")
        }
        if let hash = record.code["executableSHA256"]?.string { value["sha256"] = .string(hash) }
        return .object(value)
    }

    private var action: JSONValue {
        let made = Set(record.stages.filter { $0.status == .made || $0.status == .cached }.map(\.fingerprint))
        let own = content.artifacts.filter { made.contains($0.record.fingerprint) }
        let others = content.artifacts.filter { !made.contains($0.record.fingerprint) }
        let configuration = content.runFiles.filter {
            $0.byteText.hasSuffix("/\(RunRecord.experimentFileName)")
        }
        let results = content.runFiles.filter { !configuration.contains($0) }
        var value: JSONObject = [
            "@id": "#run", "@type": "CreateAction", "name": .string("Run of \(record.experiment)"),
            "description": .string(
                "\(made.count) of \(Readable.stages(record.stages.count)) have an artifact; the run \(record.status == .finished ? "finished" : record.status == .failed ? "failed" : "was interrupted")."
            ),
            "instrument": Self.reference("#d3llm"), "startTime": Self.time(record.started),
            "endTime": Self.time(record.finished),
            "actionStatus": .string(
                "http://schema.org/\(record.status == .finished ? "CompletedActionStatus" : "FailedActionStatus")"
            ),
            "result": Self.references(own.map(folderID) + results.map { Self.id($0) }),
        ]
        let inputs = configuration.map { Self.id($0) } + others.map(folderID)
        if !inputs.isEmpty { value["object"] = Self.references(inputs) }
        if record.status != .finished, let message = record.message { value["error"] = .string(message) }
        return .object(value)
    }

    private var artifacts: [JSONValue] {
        content.artifacts.map { artifact in
            var value: JSONObject = [
                "@id": .string(folderID(artifact)), "@type": "Dataset",
                "name": .string(artifact.record.stage),
                "description": .string("A \(artifact.record.type): \(artifact.record.summary)"),
                "identifier": .string("sha256:\(artifact.record.fingerprint)"),
                "dateCreated": .string(artifact.record.finished),
                "hasPart": Self.references(artifact.files.map { Self.id($0) }),
            ]
            let leftOut = artifact.leftOut.map { leftOutID($0, of: artifact) }
            if !leftOut.isEmpty { value["mentions"] = Self.references(leftOut) }
            return .object(value)
        }
    }

    /// Files that aren't in the bundle mustn't look as if they were: they have no path.
    private var leftOut: [JSONValue] {
        content.artifacts.flatMap { artifact in
            artifact.leftOut.map { file in
                var value: JSONObject = [
                    "@id": .string(leftOutID(file, of: artifact)), "@type": "CreativeWork",
                    "name": .string("\(artifact.record.stage): \(file.path)"),
                    "description": "Weights that were left out of this bundle.",
                    "contentSize": .string("\(file.size)"), "sha256": .string(file.sha256),
                ]
                if let address = artifact.record.address(of: file.path) { value["url"] = .string(address) }
                return .object(value)
            }
        }
    }

    private func leftOutID(_ file: ArtifactRecord.File, of artifact: BundleContent.PackedArtifact) -> String {
        "#" + Self.id("left-out/\(artifact.folder)/\(file.path)")
    }

    private var files: [JSONValue] {
        content.files.map { file in
            [
                "@id": .string(Self.id(file.path)), "@type": "File",
                "name": .string(FilePath(file.path).lastComponent?.string ?? file.path),
                "contentSize": .string("\(file.size)"), "sha256": .string(file.sha256),
                "encodingFormat": .string(Self.format(file.path)),
            ]
        }
    }

    /// The zone in the form that checkers of the profile know.
    private static func time(_ text: String) -> JSONValue {
        .string(text.byteText.dropping(suffix: "Z").map { "\($0)+00:00" } ?? text)
    }

    private static func format(_ path: String) -> String {
        switch FilePath(path).extension {
        case "json": "application/json"
        case "jsonl": "application/x-ndjson"
        case "txt", "log": "text/plain"
        case "csv": "text/csv"
        case "md": "text/markdown"
        case "svg": "image/svg+xml"
        default: "application/octet-stream"
        }
    }
}
