package import ArtifactStore
import Files
import JSON
package import Recipes
package import SystemPackage

/// Whether two runs of one experiment, at two instruction levels of the CPU, gave the same bytes.
package struct LevelComparison: Sendable, Hashable {
    /// The first thing that isn't the same.
    package struct Difference: Sendable, Hashable {
        /// The stage's full name.
        package let stage: String
        /// Relative to the artifact; "metrics" and "summary" stand for what isn't in a file.
        package let file: String
        /// The first tensor of a checkpoint that differs.
        package let tensor: String?
        /// The largest difference of two numbers in the same place; nil where there are none to compare.
        package let largest: Double?
    }

    /// The levels' names.
    package let levels: [String]
    /// How many artifacts and files were compared: all, or up to the first that differs.
    package let artifacts: Int
    package let files: Int
    package let first: Difference?

    /// Compares what two stores hold of an experiment, stage by stage in the order in which they are made.
    ///
    /// - Parameters:
    ///   - tensor: the first tensor that differs in two files.
    ///   - largest: the largest difference of the numbers in two files of a form that only the caller can read.
    /// - Throws: `MissingArtifactError` for a stage that one store hasn't, `FileError`, `StoreError`.
    package init(
        _ experiment: Experiment, stages: [Stage], levels: [String], stores: [Store],
        tensor: (FilePath, FilePath) -> String?, largest: (FilePath, FilePath) -> Double?
    ) throws {
        self.levels = levels
        var artifacts = 0
        var files = 0
        for stage in stages {
            let made = try zip(levels, stores).map { level, store in
                guard case .whole(let artifact) = try store.find(stage, in: experiment) else {
                    throw MissingArtifactError(
                        description:
                            "The run at \(level) has left no artifact of stage \"\(stage.id)\", so that nothing can be compared. What it wrote above says why."
                    )
                }
                return artifact
            }
            artifacts += 1
            let (a, b) = (made[0], made[1])
            let (old, new) = (a.hashes, b.hashes)
            for file in Set(old.keys).union(new.keys).sorted() {
                files += 1
                guard old[file] != new[file] else { continue }
                let paths = (a.folder.pushing(FilePath(file)), b.folder.pushing(FilePath(file)))
                self.artifacts = artifacts
                self.files = files
                first = Difference(
                    stage: stage.id, file: file, tensor: tensor(paths.0, paths.1),
                    largest: largest(paths.0, paths.1) ?? NumericDifference.largest(paths.0, paths.1))
                return
            }
            let metricsDiffer = !ValueDifference.between(a.record.metrics, b.record.metrics).isEmpty
            if metricsDiffer || a.record.summary != b.record.summary {
                self.artifacts = artifacts
                self.files = files
                first = Difference(
                    stage: stage.id, file: metricsDiffer ? "metrics" : "summary", tensor: nil,
                    largest: metricsDiffer
                        ? NumericDifference.largest(a.record.metrics, b.record.metrics) : nil)
                return
            }
        }
        self.artifacts = artifacts
        self.files = files
        first = nil
    }

    /// A sentence for people.
    package var text: String {
        let names = levels.joined(separator: " and ")
        guard let first else {
            return "\(names): the same bytes, \(artifacts) artifacts with \(files) files.\n"
        }
        let tensor = first.tensor.map { " from tensor \($0) on" } ?? ""
        let size = first.largest.map { ", by at most \($0)" } ?? ""
        return
            "\(names): not the same. The first that differs is \(first.file) of stage \(first.stage)\(tensor)\(size); \(artifacts - 1) artifacts before it are the same.\n"
    }
}

/// A stage whose artifact a run should have left.
package struct MissingArtifactError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}

extension Artifact {
    /// SHA-256 by path.
    fileprivate var hashes: [String: String] {
        Dictionary(record.files.map { ($0.path, $0.sha256) }, uniquingKeysWith: { first, _ in first })
    }
}

/// The largest difference of numbers in files of JSON.
enum NumericDifference {
    /// Nil when a file holds no JSON, or when the two have other places than numbers that differ.
    static func largest(_ a: FilePath, _ b: FilePath) -> Double? {
        guard let x = values(a), let y = values(b), x.count == y.count else { return nil }
        return zip(x, y).reduce(0) { result, pair in
            guard let result, let next = largest(pair.0, pair.1) else { return nil }
            return max(result, next)
        }
    }

    /// The largest difference of two values of the same form; nil where anything but numbers differs.
    static func largest(_ a: JSONValue, _ b: JSONValue) -> Double? {
        var result = 0.0
        for difference in ValueDifference.between(a, b) {
            guard let old = difference.old.flatMap({ Double($0) }),
                let new = difference.new.flatMap({ Double($0) })
            else { return nil }
            result = max(result, abs(old - new))
        }
        return result
    }

    /// A document, or one per line.
    private static func values(_ path: FilePath) -> [JSONValue]? {
        let isLines = path.extension == "jsonl"
        guard isLines || path.extension == "json",
            let bytes = try? FileSystem.read(path, limit: FileLimit.data)
        else { return nil }
        let texts = isLines ? bytes.split(separator: UInt8(ascii: "\n")).map(Array.init) : [bytes]
        let values = texts.compactMap { try? JSONValue(JSONDocument(parsing: $0, name: "").root) }
        return values.count == texts.count ? values : nil
    }
}
