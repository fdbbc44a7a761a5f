import Files
package import JSON
import SystemPackage

/// Which program made an artifact.
///
/// It isn't part of the recipe: a kind's version says when results change.
package struct CodeIdentity: Sendable {
    /// SHA-256 of the executable file.
    package let executable: String?
    /// The commit of the repository that the executable was built in, if it still lies there.
    package let commit: String?
    /// Whether that working tree has changes that are in no commit.
    package let isDirty: Bool?
    /// SHA-256 of those changes to files that are under version control, as `git diff --binary HEAD` prints them.
    let diff: String?

    /// Finds out; takes a fraction of a second, so ask only when something is to be made.
    package static func current() -> CodeIdentity {
        let hash = try? SHA256.hex(ofFile: "/proc/self/exe")
        guard let path = Subprocess.linkTarget("/proc/self/exe") else {
            return CodeIdentity(executable: hash, commit: nil, isDirty: nil, diff: nil)
        }
        let folder = path.removingLastComponent().string
        let commit = Subprocess.output(["git", "-C", folder, "rev-parse", "HEAD"])
        let changes = commit == nil ? nil : Subprocess.output(["git", "-C", folder, "status", "--porcelain"])
        let isDirty = changes.map { !$0.isEmpty }
        return CodeIdentity(
            executable: hash, commit: commit, isDirty: isDirty,
            diff: isDirty == true ? diff(in: folder) : nil)
    }

    private static func diff(in folder: String) -> String? {
        // Whatever a person's configuration makes of diffs, the same changes have the same hash.
        let settings = ["diff.noprefix=false", "diff.mnemonicPrefix=false", "diff.algorithm=default"]
        let command = ["git", "-C", folder] + settings.flatMap { ["-c", $0] }
        return Subprocess.bytes(
            command + ["diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD"]
        ).map { SHA256.hex(of: $0) }
    }

    package var value: JSONValue {
        [
            "version": .string(Version.current),
            "executableSHA256": .text(executable),
            "commit": .text(commit), "dirty": isDirty.map(JSONValue.bool) ?? .null,
            "dirtyDiffSHA256": .text(diff),
        ]
    }
}
