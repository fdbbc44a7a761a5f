internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Secrets that came in the environment, kept where only this process can read them.
///
/// What stands in the environment every child process gets, and other processes of the user can read it in
/// `/proc/PID/environ`, which shows the memory that the process was started with: removing a variable leaves it there.
public enum EnvironmentSecrets {
    private static let withheld = Mutex<[String: String]>([:])

    /// Takes all variables whose names sound like secrets out of the environment, and overwrites where they stood.
    ///
    /// To be called before there is a second thread.
    public static func withhold() { withhold(where: isSecret) }

    static func withhold(where isWithheld: (String) -> Bool) {
        var found: [String] = []
        var entry = environ
        while let text = entry.pointee {
            if let equals = strchr(text, Int32(UInt8(ascii: "="))) {
                let value = equals + 1
                let name = String(
                    decoding: UnsafeRawBufferPointer(start: text, count: equals - text), as: UTF8.self)
                if isWithheld(name) {
                    withheld.withLock { $0[name] = String(cString: value) }
                    memset(value, 0, strlen(value))
                    found.append(name)
                }
            }
            entry += 1
        }
        for name in found { unsetenv(name) }
    }

    /// The value of a variable, whether it was withheld or still stands in the environment.
    public static func value(_ name: String) -> String? {
        withheld.withLock { $0[name] } ?? getenv(name).map { String(cString: $0) }
    }

    /// Whether a variable of that name holds a secret: `HF_TOKEN`, `WANDB_API_KEY`, `AWS_…` and the like.
    ///
    /// Variables by which launchers reach their ranks are none, whatever they are called.
    public static func isSecret(_ name: String) -> Bool {
        let words = name.uppercased().byteText.split("_").map(\.text)
        guard let first = words.first, let last = words.last, !launchers.contains(first) else { return false }
        return first == "AWS" || endings.contains(last)
    }

    private static let launchers: Set<String> = ["OMPI", "PMI", "PMIX", "PRTE", "MPI", "HYDRA", "I", "SLURM"]
    private static let endings: Set<String> = [
        "TOKEN", "KEY", "APIKEY", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS",
        "PAT",
    ]
}
