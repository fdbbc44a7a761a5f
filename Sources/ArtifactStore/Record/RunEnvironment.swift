internal import Base

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The variables of the environment that decide on numbers or on where things are.
///
/// A list of what is recorded, not of what isn't: environments hold secrets under any name.
package enum RunEnvironment {
    private static let prefixes = ["D3LLM_", "OPENBLAS_", "OMP_"]
    private static let names: Set<String> = [
        "GOTO_NUM_THREADS", "HF_HUB_OFFLINE", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "TMPDIR",
    ]
    /// Even a name that the prefixes let through isn't recorded when it sounds like a secret.
    private static let secrets = ["TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL"]

    /// Those that are set.
    package static func current() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // not text: a name and a value
            if parts.count == 2, isRecorded(String(parts[0])) { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }

    static func isRecorded(_ name: String) -> Bool {
        if names.contains(name) { return true }
        return prefixes.contains { name.byteText.hasPrefix($0) } && !secrets.contains { name.contains($0) }
    }
}
