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
    private(set) var folders: [String]
    /// What programs may import beside the standard library.
    package private(set) var packages: [Package] = []

    /// A package that is installed for an interpreter.
    package struct Package: Sendable, Hashable {
        /// As it is imported, without a dot.
        package let name: String
        package let version: String
        /// The folder that it is in, among others.
        let place: String
    }

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

    /// The same interpreter, whose programs may import packages.
    ///
    /// - Parameter names: of modules that the standard library doesn't have, without dots.
    /// - Returns: nil where one of them isn't installed for it.
    func with(packages names: [String]) -> PythonInterpreter? {
        let command = ConfinedProcess.Command(
            executable: executable, arguments: ["-s", "-B", "-c", Self.packageQuestion] + names,
            environment: ["LANG=C.UTF-8"], readable: [])
        guard
            let outcome = try? ConfinedProcess.run(
                command, input: [], isolation: .limits,
                limits: SandboxLimits(cpuSeconds: 30, wallSeconds: 120), isTrusted: true),
            outcome.ending == .exit(0),
            let found = try? JSONDocument(parsing: outcome.output, name: executable).root.array,
            found.count == names.count
        else { return nil }
        var python = self
        for (name, entry) in zip(names, found) {
            guard let place = entry["place"]?.string, place.byteText.hasPrefix("/"),
                let version = entry["version"]?.string
            else { return nil }
            python.packages.append(Package(name: name, version: version, place: place))
            // Wheels have their libraries in a folder beside the package.
            python.folders += ["\(place)/\(name)", "\(place)/\(name).libs"].filter { access($0, F_OK) == 0 }
        }
        return python
    }

    private static let packageQuestion = """
        import importlib.metadata, importlib.util, json, os, sys
        found = []
        for name in sys.argv[1:]:
            try:
                spec = importlib.util.find_spec(name)
                folders = list(spec.submodule_search_locations or [])
                place = os.path.dirname(folders[0] if folders else spec.origin)
                names = getattr(importlib.metadata, "packages_distributions", dict)().get(name, [name])
                found.append({"place": place, "version": importlib.metadata.version(names[0])})
            except Exception:
                found.append({})
        os.write(3, json.dumps(found).encode())
        """

    /// Python that a program's process begins with, so that the packages can be imported and nothing that lies beside them.
    var prelude: String {
        guard !packages.isEmpty else { return "" }
        // JSON's texts are Python's too.
        let places = JSONValue.object(JSONObject(packages.map { ($0.name, .string($0.place)) }))
        guard let literal = try? places.compactBytes() else { return "" }
        return """
            import importlib.machinery, sys
            class Packages:
                places = \(String(decoding: literal, as: UTF8.self))
                path_finder = importlib.machinery.PathFinder
                @classmethod
                def find_spec(cls, name, path=None, target=None):
                    if path is None and name in cls.places:
                        return cls.path_finder.find_spec(name, [cls.places[name]])
            sys.meta_path.append(Packages)
            del Packages

            """
    }

    /// Packages that compute with threads of their own have one: more count against the limits of a program.
    var environment: [String] {
        packages.isEmpty ? [] : ["OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", "MKL_NUM_THREADS=1"]
    }

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
