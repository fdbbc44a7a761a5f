import ArtifactStore
import Files
package import JSON
package import Recipes
import SystemPackage

/// What has to be the same on every rank, so that it doesn't matter which one computes something.
package struct RankFacts: Sendable {
    /// Program, experiment and what the numbers depend on.
    package let value: JSONValue

    /// - Parameters:
    ///   - experiment: The one that this rank has read.
    ///   - machine: What the caller knows of the machine, for example the name of the BLAS kernels.
    package init(_ experiment: Experiment, permissions: Permissions, machine: JSONObject) {
        let stages = experiment.stages.map { "\($0.id) \($0.fingerprint)\n" }.joined()
        value = [
            "version": .string(Version.current),
            "executable": .text(try? SHA256.hex(ofFile: "/proc/self/exe")),
            "stages": .string(SHA256.hex(of: Array(stages.utf8))),
            "code execution": .bool(permissions.codeExecution),
            "machine": Self.withoutPaths(.object(machine)),
        ]
    }

    /// Where a library lies and how it was chosen may differ; what it is may not.
    private static let ignored: Set = ["path", "requestedCore", "replacedCoreType"]

    private static func withoutPaths(_ value: JSONValue) -> JSONValue {
        guard case .object(let object) = value else { return value }
        return .object(
            JSONObject(
                object.members.filter { !ignored.contains($0.key) }.map {
                    ($0.key, withoutPaths($0.value))
                }))
    }

    /// What differs on another rank, as the end of a sentence that begins with it; nil where all is the same.
    package func difference(_ there: JSONValue) -> String? {
        guard let first = ValueDifference.between(value, there).first else { return nil }
        let what =
            switch first.path {
            case "version", "executable": "it runs another build of d3llm"
            case "stages": "it read another experiment: the configuration's files differ"
            default: "its numbers could differ, because \(first.path) does"
            }
        return "\(what) (\(first.new?.prefix(80) ?? "none") there, \(first.old?.prefix(80) ?? "none") here)"
    }
}
