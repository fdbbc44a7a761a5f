internal import Files
internal import SystemPackage

/// Text that users see, as recorded in `Tests/Fixtures`.
public enum Snapshots {
    /// The recorded text; with `RECORD_SNAPSHOTS=1` it is `text` from now on.
    public static func recorded(_ name: String, now text: String) throws -> String {
        let path = Fixtures.path(name)
        if Command.environment("RECORD_SNAPSHOTS") == "1" {
            try FileSystem.createDirectory(path.removingLastComponent())
            try FileSystem.writeAtomically(text, to: path)
        }
        return try FileSystem.readText(path)
    }
}
