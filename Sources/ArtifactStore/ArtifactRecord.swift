internal import Base
import Files
package import JSON
import Recipes
import Synchronization
package import SystemPackage

/// What `artifact.json` says: that the artifact is whole, what it was made from, how, where and when.
package struct ArtifactRecord: Sendable {
    /// The version of the file's form.
    package static let format = 1
    /// The name of the file in the artifact's folder.
    ///
    /// It is written last: where it is, all the rest is.
    package static let fileName = "artifact.json"

    /// One file of the artifact.
    package struct File: Sendable, Hashable {
        /// Relative to the artifact's folder.
        package let path: String
        /// In bytes.
        package let size: Int
        /// In hexadecimal.
        package let sha256: String

        /// Whether the path stays in the artifact's folder, as that of every file does that the program wrote.
        package var isInside: Bool { Self.isInside(path) }

        /// Whether a text is the path of something below an artifact's folder.
        package static func isInside(_ text: String) -> Bool {
            guard let path = FilePath(foreign: text) else { return false }
            return path.isRelative && !path.isEmpty && path.components.allSatisfy { $0.kind == .regular }
        }
    }

    package let experiment: String
    /// The stage's full name, with its variant.
    package let stage: String
    /// What the artifact holds: the name of its `ArtifactType`.
    package let type: String
    package let fingerprint: String
    /// See `Recipe.value`.
    package let recipe: JSONValue
    /// By key, the references as written and the folders that they stood for.
    package let inputs: JSONValue
    package let files: [File]
    /// Files among them that came from elsewhere; not part of what identifies the content.
    package var external: [ExternalFile] = []
    /// Where it came from, if it was imported; not part of what identifies the content.
    package var origin: Origin?
    /// One line on what was made.
    package let summary: String
    package let metrics: JSONValue
    /// The file to print when a run ends, relative to the folder.
    package let report: String?
    /// UTC, ISO 8601.
    package let started: String
    package let finished: String
    /// How long it took, by a clock that never goes backwards; of the last process when the work was resumed.
    package let seconds: Double
    /// Whether journals or checkpoints of an earlier process were taken up.
    package let isResumed: Bool
    /// The largest resident size of the process while the stage ran, in bytes; of all its stages when there were
    /// several (see ``stagesAtOnce``).
    package let peakMemory: Int
    /// How many stages the process ran at once, at most, while it ran this one.
    ///
    /// Above 1, they shared the memory that ``peakMemory`` counts and the processors that ``seconds`` depends on.
    package let stagesAtOnce: Int
    /// See `CodeIdentity.value`.
    package let code: JSONValue
    /// See `Machine.value`.
    package let machine: JSONValue

    package init(
        experiment: String, stage: String, type: String, fingerprint: String, recipe: JSONValue,
        inputs: JSONValue, files: [File], external: [ExternalFile] = [], summary: String, metrics: JSONValue,
        report: String?, started: String, finished: String, seconds: Double, isResumed: Bool, peakMemory: Int,
        stagesAtOnce: Int, code: JSONValue, machine: JSONValue
    ) {
        self.experiment = experiment
        self.stage = stage
        self.type = type
        self.fingerprint = fingerprint
        self.recipe = recipe
        self.inputs = inputs
        self.files = files
        self.external = external
        self.summary = summary
        self.metrics = metrics
        self.report = report
        self.started = started
        self.finished = finished
        self.seconds = seconds
        self.isResumed = isResumed
        self.peakMemory = peakMemory
        self.stagesAtOnce = stagesAtOnce
        self.code = code
        self.machine = machine
    }

    package var value: JSONValue {
        var value: JSONObject = [
            "format": .integer(Self.format), "experiment": .string(experiment), "stage": .string(stage),
            "type": .string(type), "fingerprint": .string(fingerprint), "summary": .string(summary),
            "metrics": metrics, "report": report.map(JSONValue.string) ?? .null, "recipe": recipe,
            "inputs": inputs,
            "files": .array(
                files.map {
                    ["path": .string($0.path), "size": .integer($0.size), "sha256": .string($0.sha256)]
                }),
            "started": .string(started), "finished": .string(finished), "seconds": .number(seconds),
            "resumed": .bool(isResumed), "peakMemoryBytes": .integer(peakMemory),
            "stagesAtOnce": .integer(stagesAtOnce), "code": code,
            "machine": machine,
        ]
        if let origin { value[Origin.key] = origin.value }
        if !external.isEmpty { value["external"] = .array(external.map(\.value)) }
        return .object(value)
    }
}

extension ArtifactRecord {
    /// Why a file isn't the record of an artifact.
    package enum Flaw: Error {
        case unreadable(String)
        case newerFormat(Int)
    }

    /// Reads the bytes of an `artifact.json`.
    package init(parsing bytes: [UInt8]) throws(Flaw) {
        let root: JSONValue
        do {
            root = JSONValue(try JSONDocument(parsing: bytes, name: Self.fileName).root)
        } catch {
            throw .unreadable(
                "its artifact.json is no JSON (line \(error.line): \(error.message.lowercasedFirst))")
        }
        guard let format = root["format"]?.int else {
            throw .unreadable("its artifact.json isn't one of d3llm: it has no format")
        }
        guard format <= Self.format else { throw .newerFormat(format) }
        func text(_ key: String) throws(Flaw) -> String {
            guard let text = root[key]?.string else {
                throw .unreadable("its artifact.json lacks the key \"\(key)\"")
            }
            return text
        }
        guard let files = root["files"]?.array, let recipe = root["recipe"], recipe.object != nil else {
            throw .unreadable("its artifact.json lacks the files or the recipe")
        }
        self.experiment = try text("experiment")
        self.stage = try text("stage")
        self.type = try text("type")
        self.fingerprint = try text("fingerprint")
        self.recipe = recipe
        self.inputs = root["inputs"] ?? .null
        var entries: [File] = []
        var total = 0
        for file in files {
            guard let path = file["path"]?.string, let size = file["size"]?.int,
                let hash = file["sha256"]?.string
            else { throw .unreadable("its artifact.json has a file without path, size or sha256") }
            let (sum, isTooLarge) = total.addingReportingOverflow(size)
            guard size >= 0, !isTooLarge else {
                throw .unreadable("its artifact.json says that the file \(path) has \(size) bytes")
            }
            total = sum
            entries.append(File(path: path, size: size, sha256: hash))
        }
        self.files = entries
        self.external = (root["external"]?.array ?? []).compactMap(ExternalFile.init)
        self.origin = root[Origin.key].flatMap(Origin.init)
        self.summary = try text("summary")
        self.metrics = root["metrics"] ?? .null
        self.report = root["report"]?.string
        self.started = try text("started")
        self.finished = try text("finished")
        self.seconds = root["seconds"]?.double ?? 0
        self.isResumed = root["resumed"]?.bool ?? false
        self.peakMemory = root["peakMemoryBytes"]?.int ?? 0
        self.stagesAtOnce = root["stagesAtOnce"]?.int ?? 1
        self.code = root["code"] ?? .null
        self.machine = root["machine"] ?? .null
    }
}

extension ArtifactRecord {
    /// The bundle that an artifact was imported from: not made by the program that has it now.
    package struct Origin: Sendable, Hashable {
        /// The name of the bundle's file.
        package let bundle: String
        /// Of that file, in hexadecimal.
        package let sha256: String
        /// When it was imported: UTC, ISO 8601.
        package let imported: String

        /// Its key in `artifact.json`.
        static let key = "origin"

        package init(bundle: String, sha256: String, imported: String) {
            (self.bundle, self.sha256, self.imported) = (bundle, sha256, imported)
        }

        /// Whatever is there says that the artifact was imported, also where not all can be read.
        init?(_ value: JSONValue) {
            guard value != .null else { return nil }
            self.init(
                bundle: value["bundle"]?.string ?? "?", sha256: value["sha256"]?.string ?? "?",
                imported: value["imported"]?.string ?? "?")
        }

        package var value: JSONValue {
            ["bundle": .string(bundle), "sha256": .string(sha256), "imported": .string(imported)]
        }

        /// The bytes of an `artifact.json` with another origin, or with none; all else stays as it is.
        package static func replaced(in bytes: [UInt8], by origin: Origin?) throws -> [UInt8] {
            let root = JSONValue(try JSONDocument(parsing: bytes, name: ArtifactRecord.fileName).root)
            guard let object = root.object, origin != nil || object[key] != nil else { return bytes }
            var members = object.members.filter { $0.key != key }.map { ($0.key, $0.value) }
            if let origin { members.append((key, origin.value)) }
            return try JSONValue.object(JSONObject(members)).prettyBytes()
        }
    }
}

extension ArtifactRecord {
    /// SHA-256 over the names, sizes and hashes of the files and over the metrics: all that later stages can read.
    ///
    /// What an artifact was made from is recorded by this too, so that another artifact of the same recipe, or the same
    /// one with files exchanged, can't take an input's place unnoticed.
    package var content: String? {
        let value: JSONValue = ["files": self.value["files"] ?? .null, "metrics": metrics]
        return (try? value.canonicalBytes()).map { SHA256.hex(of: $0) }
    }

    /// One artifact that this one was made from.
    package struct Input {
        /// The key of the stage.
        package let key: String
        /// As the recipe has it: a fingerprint, perhaps with a part.
        package let fingerprint: String
        /// As the configuration had it: `@stage`.
        package let reference: String
        /// The name of the artifact's folder.
        package let folder: String?
        /// See ``content``; nil in older records.
        package let content: String?
    }

    /// All artifacts that this one was made from; nil when recipe and references don't fit together.
    package var inputList: [Input]? {
        var list: [Input] = []
        for member in recipe["inputs"]?.object?.members ?? [] {
            let named = inputs[member.key]?.array ?? []
            let fingerprints = Self.references(in: member.value).map { InputReference($0).fingerprint }
            guard named.count == fingerprints.count else { return nil }
            for (fingerprint, entry) in zip(fingerprints, named) {
                list.append(
                    Input(
                        key: member.key, fingerprint: fingerprint,
                        reference: entry["reference"]?.string ?? "?", folder: entry["artifact"]?.string,
                        content: entry["content"]?.string))
            }
        }
        return list
    }

    /// A recipe holds one reference, a list, or lists under labels.
    private static func references(in value: JSONValue) -> [String] {
        switch value {
        case .string(let reference): [reference]
        case .array(let elements):
            elements.flatMap { element in
                references(in: element["artifacts"] ?? element)
            }
        default: []
        }
    }
}

/// Weights that an artifact should have but that were left out of the bundle it came from.
///
/// `incomplete.json` in the artifact's folder names them. Such an artifact is never taken for a whole one: what needs
/// it makes it again, in its place. What it does have, its record among it, can be read and checked.
package struct IncompleteMarker {
    package static let fileName = "incomplete.json"
    package static let format = 1

    /// What may be left out: other files are what a check is made of.
    package static func mayBeLeftOut(_ path: String) -> Bool { path.byteText.hasSuffix(".safetensors") }

    /// Relative to the artifact's folder.
    package let leftOut: [String]

    package init(leftOut: [String]) {
        self.leftOut = leftOut
    }

    package var bytes: [UInt8] {
        get throws {
            try JSONValue.object([
                "format": .integer(Self.format), "leftOut": .array(leftOut.map(JSONValue.string)),
            ]).prettyBytes()
        }
    }
}

extension IncompleteMarker {
    /// The marker of an artifact; nil where there is none, or one that can't be believed.
    package init?(of record: ArtifactRecord, in folder: FilePath) {
        let path = folder.appending(Self.fileName)
        guard !record.files.contains(where: { $0.path == Self.fileName }),
            (try? FileSystem.status(path, followingLinks: false))?.kind == .file,
            let bytes = try? FileSystem.read(path),
            let root = try? JSONDocument(parsing: bytes, name: Self.fileName).root,
            root["format"]?.int == Self.format
        else { return nil }
        let names = (root["leftOut"]?.array ?? []).compactMap(\.string)
        let listed = Set(record.files.map(\.path.byteText))
        guard !names.isEmpty, names.allSatisfy({ listed.contains($0.byteText) && Self.mayBeLeftOut($0) })
        else {
            return nil
        }
        leftOut = names
    }
}

/// A file of an artifact that wasn't made but taken over, from a cache of downloads.
package struct ExternalFile: Sendable, Hashable {
    /// Relative to the artifact's folder.
    package let path: String
    /// Where it can be had, without anything secret.
    package let address: String?
    /// Whether the artifact has only a link to it, because it lies on another file system and is too large for two
    /// copies; else it is the same file under a second name.
    package let isReference: Bool

    package init(path: String, address: String?, isReference: Bool) {
        (self.path, self.address, self.isReference) = (path, address, isReference)
    }

    package init?(_ value: JSONValue) {
        guard let path = value["path"]?.string else { return nil }
        self.init(
            path: path, address: value["address"]?.string, isReference: value["reference"]?.bool ?? false)
    }

    package var value: JSONValue {
        ["path": .string(path), "address": .text(address), "reference": .bool(isReference)]
    }
}

extension ArtifactRecord {
    /// The files that are links to others: weights only, whatever a record says.
    package var references: Set<String> {
        Set(external.filter { $0.isReference && IncompleteMarker.mayBeLeftOut($0.path) }.map(\.path))
    }

    /// Where a file can be had, if it came from elsewhere.
    package func address(of path: String) -> String? { external.first { $0.path == path }?.address }
}
