import Files
import JSON
import SystemPackage

/// Which program made an artifact.
///
/// It isn't part of the recipe: a kind's version says when results change.
struct CodeIdentity: Sendable {
    /// SHA-256 of the executable file.
    let executable: String?
    /// The commit of the repository that the executable was built in, if it still lies there.
    let commit: String?
    /// Whether that working tree has changes that are in no commit.
    let isDirty: Bool?

    /// Finds out; takes a fraction of a second, so ask only when something is to be made.
    static func current() -> CodeIdentity {
        let hash = try? SHA256.hex(ofFile: "/proc/self/exe")
        guard let path = Subprocess.linkTarget("/proc/self/exe") else {
            return CodeIdentity(executable: hash, commit: nil, isDirty: nil)
        }
        let folder = path.removingLastComponent().string
        let commit = Subprocess.output(["git", "-C", folder, "rev-parse", "HEAD"])
        let changes = commit == nil ? nil : Subprocess.output(["git", "-C", folder, "status", "--porcelain"])
        return CodeIdentity(executable: hash, commit: commit, isDirty: changes.map { !$0.isEmpty })
    }

    var value: JSONValue {
        [
            "version": .string(Version.current),
            "executableSHA256": executable.map(JSONValue.string) ?? .null,
            "commit": commit.map(JSONValue.string) ?? .null, "dirty": isDirty.map(JSONValue.bool) ?? .null,
        ]
    }
}
