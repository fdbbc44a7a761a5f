public import SystemPackage

/// The data files that tests read.
public enum Fixtures {
    /// The path of `Tests/Fixtures/<name>`, wherever the tests run from.
    public static func path(_ name: String) -> FilePath {
        FilePath(#filePath).removingLastComponent().removingLastComponent()
            .appending("Fixtures").pushing(FilePath(name))
    }
}
