package import Base
internal import SystemPackage

/// What keeps jobs from being handed to a cluster's queue, or the queue from being read.
package struct LaunchError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .work }
    package var hasOwnLines: Bool { true }

    package let description: String

    init(_ description: String) { self.description = description }

    static func tool(_ name: String, _ reason: String) -> LaunchError {
        LaunchError(
            "\(name) can't be run: \(reason). Slurm's commands have to be in PATH; `--print` shows the scripts without them."
        )
    }

    static func failed(_ command: [String], _ outcome: Tool.Outcome) -> LaunchError {
        let words = command.map { ShellWord.quoted($0) }.joined(separator: " ")
        let text = outcome.errors.isEmpty ? outcome.output : outcome.errors
        let lines = text.byteText.split("\n").map { "  \($0)\n" }.joined()
        return LaunchError(
            "\(words) ended with code \(outcome.code):\n\(lines.isEmpty ? "  (no message)\n" : lines)")
    }

    static func record(_ path: FilePath, _ reason: String) -> LaunchError {
        LaunchError(
            "\(path) is no record of a launch: \(reason). If its jobs have ended (squeue shows those that haven't), remove its folder."
        )
    }
}
