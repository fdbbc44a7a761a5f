internal import Base
internal import JSON
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A Python interpreter that programs are run by.
package struct PythonInterpreter: Sendable, Hashable {
    /// Its path, as it says itself: what is in `PATH` may be a script that looks for it.
    package let executable: String
    /// What tells it from others: the same without links, and its environment.
    let real: String
    /// For example `3.11.7`: what programs do depends on it.
    package let version: String
    /// The version of sympy; nil without sympy or without antlr 4.11, which its LaTeX parser needs.
    package let sympy: String?
    /// What it needs to read beside the system's libraries.
    let folders: [String]

    /// Every `python3` of `PATH` that works, each interpreter once.
    ///
    /// Several, because not each of them can be executed by the user that programs run as.
    /// - Parameter path: folders with colons between them; `PATH` of this process when nil.
    package static func all(path: String? = nil) -> [PythonInterpreter] {
        let path = path ?? getenv("PATH").map { String(cString: $0) } ?? ""
        var found: [PythonInterpreter] = []
        for folder in path.byteText.split(":").map(\.text) where folder.byteText.hasPrefix("/") {
            let candidate = "\(folder)/python3"
            guard access(candidate, X_OK) == 0, let python = asked(candidate),
                !found.contains(where: { $0.real == python.real })
            else { continue }
            found.append(python)
        }
        return found
    }

    private init(executable: String, real: String, version: String, sympy: String?, folders: [String]) {
        self.executable = executable
        self.real = real
        self.version = version
        self.sympy = sympy
        self.folders = folders
    }

    private static func asked(_ executable: String) -> PythonInterpreter? {
        let command = ConfinedProcess.Command(
            executable: executable, arguments: ["-s", "-c", question], environment: ["LANG=C.UTF-8"],
            readable: [])
        guard
            let outcome = try? ConfinedProcess.run(
                command, input: [], isolation: .limits,
                limits: SandboxLimits(cpuSeconds: 30, wallSeconds: 120),
                isTrusted: true),
            outcome.ending == .exit(0),
            let root = try? JSONDocument(parsing: outcome.output, name: executable).root,
            let path = root["executable"]?.string, path.byteText.hasPrefix("/"),
            let real = root["real"]?.string,
            let version = root["version"]?.string, let folders = root["folders"]?.array
        else { return nil }
        return PythonInterpreter(
            executable: path, real: "\(real) \(root["prefix"]?.string ?? "")", version: version,
            sympy: root["sympy"]?.string,
            folders: folders.compactMap(\.string))
    }

    private static let question = """
        import json, os, sys, sysconfig
        sympy = None
        try:
            from importlib.metadata import version
            if version("antlr4-python3-runtime").startswith("4.11"):
                sympy = version("sympy")
        except Exception:
            pass
        # Not sys.path: what .pth files add to it, such as a project that is installed for editing, is the user's.
        folders = [sys.executable, os.path.realpath(sys.executable), sys.prefix, sys.base_prefix,
                   sys.exec_prefix, sys.base_exec_prefix, sysconfig.get_path("stdlib"),
                   sysconfig.get_path("platstdlib")]
        os.write(3, json.dumps({
            "executable": sys.executable, "real": os.path.realpath(sys.executable), "prefix": sys.prefix,
            "version": "%d.%d.%d" % sys.version_info[:3], "sympy": sympy,
            "folders": [f for f in folders if f.startswith("/") and f != "/"],
        }).encode())
        """

    /// What programs may read: the interpreter and the system's libraries, outer folders first.
    var readable: [String] {
        let system = [
            "/usr", "/lib", "/lib64", "/lib32", "/bin", "/etc/ld.so.cache", "/etc/alternatives",
        ]
        var chosen: [String] = []
        for folder in system + folders.sorted()
        where !chosen.contains(where: { folder == $0 || folder.byteText.hasPrefix($0 + "/") }) {
            chosen.append(folder)
        }
        return chosen
    }
}
