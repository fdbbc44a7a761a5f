import ArtifactStore
package import Base
import Files
package import JSON
import Recipes
import SystemPackage

/// What is in a bundle: one folder with these names, and below ``store`` the run and its artifacts as in a store.
///
/// ```
/// mini-smoke-20261121T083104Z-1/ro-crate-metadata.json       for other programs: RO-Crate 1.1
/// mini-smoke-20261121T083104Z-1/bundle.json                  this list, with the hash of each file
/// mini-smoke-20261121T083104Z-1/store/mini/smoke/runs/…      the run
/// mini-smoke-20261121T083104Z-1/store/mini/smoke/table-…     an artifact
/// ```
struct Bundle {
    static let indexName = "bundle.json"
    static let crateName = "ro-crate-metadata.json"
    static let store = "store"
    static let format = 1

    /// One file of the bundle.
    struct File: Hashable {
        /// Relative to the bundle's folder.
        let path: String
        let size: Int
        let sha256: String
    }

    /// The run's folder relative to the store.
    let run: String
    /// All files but the list itself.
    let files: [File]
    /// Files of the run from which folders or names of the machine were taken out.
    let redacted: [String]

    var value: JSONValue {
        [
            "format": .integer(Self.format), "run": .string(run),
            "redacted": .array(redacted.map(JSONValue.string)),
            "files": .array(
                files.map {
                    ["path": .string($0.path), "size": .integer($0.size), "sha256": .string($0.sha256)]
                }),
        ]
    }
}

extension Bundle {
    /// Reads the list of an unpacked bundle.
    ///
    /// - Throws: `ImportError`, `FileError`.
    init(in folder: FilePath) throws {
        let path = folder.appending(Self.indexName)
        guard try FileSystem.status(path, followingLinks: false)?.kind == .file else {
            throw ImportError("it has no \(Self.indexName), so it isn't a bundle that `d3llm export` wrote")
        }
        let root: JSONValue
        do {
            root = JSONValue(try JSONDocument(parsing: try FileSystem.read(path), name: Self.indexName).root)
        } catch let error as JSONSyntaxError {
            throw ImportError(
                "its \(Self.indexName) is no JSON (line \(error.line): \(error.message.lowercasedFirst))")
        }
        guard let format = root["format"]?.int, let run = root["run"]?.string, let list = root["files"]?.array
        else {
            throw ImportError("its \(Self.indexName) lacks format, run or files")
        }
        guard format <= Self.format else {
            throw ImportError(
                "it has format \(format), but this version of d3llm reads formats up to \(Self.format)")
        }
        self.run = run
        redacted = (root["redacted"]?.array ?? []).compactMap(\.string)
        files = try list.map { file in
            guard let path = file["path"]?.string, FilePath(foreign: path) != nil,
                let size = file["size"]?.int,
                let hash = file["sha256"]?.string
            else { throw ImportError("its \(Self.indexName) has a file without path, size or sha256") }
            return File(path: path, size: size, sha256: hash)
        }
    }

    /// Checks that these files are there, as they are listed, and no others.
    func check(in folder: FilePath) throws {
        var listed: Set<ByteText> = [Self.indexName.byteText]
        let found = Set(try ArtifactInspector.files(below: folder).map(\.byteText))
        for file in files {
            guard listed.insert(file.path.byteText).inserted else {
                throw ImportError("it lists \(file.path) twice")
            }
            guard found.contains(file.path.byteText) else {
                throw ImportError("its file \(file.path) is missing")
            }
            let path = folder.pushing(FilePath(file.path))
            let size = try FileSystem.status(path, followingLinks: false)?.size
            guard size == file.size, try SHA256.hex(ofFile: path) == file.sha256 else {
                throw ImportError(
                    "its file \(file.path) isn't what \(Self.indexName) says: size or SHA-256 differ")
            }
        }
        if let stranger = found.subtracting(listed).sorted().first {
            throw ImportError("it holds \(stranger), which its \(Self.indexName) doesn't list")
        }
    }
}

/// A run that can't be given away as it is.
package struct ExportError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    init(_ description: String) { self.description = description }
}

/// A bundle that isn't taken over, or not into this store.
package struct ImportError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// The bundle's file, once it is known.
    var file: FilePath?
    /// Why, as a part of a sentence.
    let reason: String

    init(_ reason: String) { self.reason = reason }

    package var description: String {
        "\(file?.string ?? "The bundle") wasn't imported, and the store is as it was: \(reason)."
    }
}

extension ExportSummary {
    /// What was exported, for people.
    package var text: String {
        var text = """
            \(run.visible): \(Self.count(artifacts, "artifact")), \(Self.count(files, "file")) of \(Readable.size(contentSize))
            \(file): \(Readable.size(size)), SHA-256 \(sha256)

            """
        if !leftOut.isEmpty {
            let size = Readable.size(leftOut.reduce(0) { $0 + $1.size })
            text +=
                "Left out, with their hashes listed: \(Self.count(leftOut.count, "file")) of weights, \(size) (--with-weights packs them)\n"
            for file in leftOut {
                guard let address = file.address else { continue }
                text += "  \(file.path.visible): SHA-256 \(file.sha256), from \(address.visible)\n"
            }
        }
        return text
    }

    /// The same as JSON.
    package var value: JSONValue {
        [
            "run": .string(run), "file": .string(file.string), "artifacts": .integer(artifacts),
            "files": .integer(files), "contentBytes": .integer(contentSize), "sizeBytes": .integer(size),
            "sha256": .string(sha256),
            "leftOut": .array(
                leftOut.map {
                    [
                        "path": .string($0.path), "sizeBytes": .integer($0.size),
                        "sha256": .string($0.sha256),
                        "address": .text($0.address),
                    ]
                }),
        ]
    }

    fileprivate static func count(_ count: Int, _ noun: String) -> String {
        "\(Readable.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}

extension ImportSummary {
    /// What was imported, for people.
    ///
    /// - Parameter store: The store as the command line names it; nil for the one that commands take by default.
    package func text(store: String? = nil) -> String {
        let kinds: [(Entry.Outcome, String)] = [
            (.imported, "new"), (.completed, "completed with weights"), (.kept, "there already"),
        ]
        let parts = kinds.compactMap { outcome, words -> String? in
            let count = artifacts.count { $0.outcome == outcome }
            return count > 0 ? "\(count) \(words)" : nil
        }
        var text = "\(run.visible): \(isNewRun ? "imported" : "was there already")\n"
        text += "\(ExportSummary.count(artifacts.count, "artifact")): \(parts.joined(separator: ", "))\n"
        let incomplete = artifacts.count { !$0.missing.isEmpty }
        if incomplete > 0 {
            text +=
                "\(ExportSummary.count(incomplete, "artifact")) without weights: to be checked and read, not to be gone on from\n"
        }
        let place = store.map { " --store \(ShellWord.quoted($0))" } ?? ""
        return text + "Check it with: d3llm verify \(ShellWord.quoted(run))\(place)\n"
    }

    /// The same as JSON.
    package var value: JSONValue {
        [
            "run": .string(run), "newRun": .bool(isNewRun),
            "artifacts": .array(
                artifacts.map {
                    [
                        "folder": .string($0.folder), "outcome": .string($0.outcome.rawValue),
                        "missing": .array($0.missing.map(JSONValue.string)),
                    ]
                }),
        ]
    }
}
