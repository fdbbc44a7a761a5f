internal import Base
internal import Files
package import Recipes
package import SystemPackage

/// What a cluster wants of every job: partition, account, modules, container.
///
/// It is kept in a file of its own, never in an experiment, and nothing of it enters a fingerprint.
package struct Site: Sendable, Hashable {
    /// What jobs ask the queue for; the command line may ask for something else.
    package var resources: Resources
    /// Environment modules that jobs load first, in order.
    package var modules: [String]
    /// Words that stand before the command in jobs, such as `apptainer exec image.sif`.
    package var container: [String]
    /// The program as jobs call it; the path of this program where it is nil.
    package var program: String?
    /// Variables of the environment, each as `NAME=value`.
    package var environment: [String]
    /// Further options of sbatch, each as a line `#SBATCH` has them.
    package var options: [String]
    /// How many tasks of one array may run at once; no limit where it is nil.
    package var tasksAtOnce: Int?
    /// How many seconds before its time limit a task is told to save and end.
    package var warningSeconds: Int
    /// How often a task that came to its time limit is queued again to go on.
    package var restarts: Int
    /// What srun starts ranks with: the value of its `--mpi`.
    package var mpi: String

    /// The keys of a site file.
    package init(_ fields: Fields) {
        resources = Resources(fields)
        modules = fields.strings("modules", default: [], "Environment modules that jobs load, in order.")
        container = fields.strings(
            "container", default: [],
            "Words before the command in jobs, such as [\"apptainer\", \"exec\", \"image.sif\"].")
        program = fields.optionalString(
            "program", "The command d3llm as jobs find it; this program's own path where it is left out.")
        environment = fields.strings(
            "environment", default: [], "Variables of the environment of jobs, each as \"NAME=value\".")
        options = fields.strings(
            "options", default: [], "Further options of sbatch, such as \"--constraint=avx512\".")
        tasksAtOnce = fields.optionalInteger(
            "tasksAtOnce", in: 1..., "How many tasks of one array may run at once.")
        warningSeconds = fields.integer(
            "warningSeconds", default: 120, in: 1...65_535,
            "How long before its time limit a task is told to save and end.")
        restarts = fields.integer(
            "restarts", default: 20, in: 0...1000,
            "How often a task that came to its time limit is queued again to go on.")
        mpi = fields.string("mpi", default: "pmix", "What srun starts ranks with.")
        check(fields)
    }

    private func check(_ fields: Fields) {
        for (key, words) in [("modules", modules), ("container", container)] {
            for word in words where word.isEmpty || !word.allSatisfy(Self.isPrintable) {
                fields.reject(key, "\"\(key)\" has a word that is empty or has control characters.")
            }
        }
        for entry in environment where !Self.isAssignment(entry) {
            fields.reject(
                "environment", "\"\(entry)\" sets no variable.",
                hint: "Write NAME=value, the name of letters, digits and _.")
        }
        for option in options {
            if !option.byteText.hasPrefix("-") || !option.allSatisfy(Self.isPrintable) {
                fields.reject(
                    "options", "\"\(option)\" is no option of sbatch.",
                    hint: "Write one option as a line #SBATCH has it, such as \"--constraint=avx512\".")
            }
            let name = String(option.unicodeScalars.prefix { $0 != "=" && $0 != " " })
            if let reason = Self.taken[name] {
                fields.reject("options", "\(name) can't be an option of all jobs: \(reason).")
            }
        }
        if !ScriptWord.isPlain(mpi) { fields.reject("mpi", "\"\(mpi)\" is no value of srun's --mpi.") }
    }

    /// Options that jobs have from elsewhere.
    private static let taken: [String: String] = {
        var taken: [String: String] = [:]
        for name in ["--array", "-a", "--dependency", "-d", "--job-name", "-J", "--comment", "--signal"] {
            taken[name] = "d3llm sets it for each job"
        }
        for name in ["--output", "-o", "--error", "-e", "--chdir", "-D", "--wrap", "--parsable"] {
            taken[name] = "d3llm says where jobs run and write"
        }
        for name in ["--no-requeue"] { taken[name] = "tasks that lose their node are to be queued again" }
        for (option, key) in Resources.keys { taken[option] = "it has a key of its own, \"\(key)\"" }
        return taken
    }()

    private static func isPrintable(_ character: Character) -> Bool {
        character.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
    }

    private static func isAssignment(_ text: String) -> Bool {
        guard let (before, _) = text.byteText.cut(at: "="), !text.byteText.contains("\0") else {
            return false
        }
        let name = before.text.unicodeScalars
        return name.first.map { !("0"..."9").contains($0) } == true
            && name.allSatisfy { $0.isNameSign || $0 == "_" }
    }
}

extension Unicode.Scalar {
    /// Whether it is a letter or a digit of ASCII.
    var isNameSign: Bool {
        ("a"..."z").contains(self) || ("A"..."Z").contains(self) || ("0"..."9").contains(self)
    }
}

extension Site {
    /// Reads a site file.
    ///
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when the file can't be read.
    package static func read(_ path: FilePath) throws -> Site {
        try SettingsFile.read(path, subject: "the site file") { Site($0) }
    }

    /// Reads the site file of this user.
    ///
    /// It is the one that is named, else that of the environment variable `D3LLM_SITE`, else
    /// `~/.config/d3llm/site.json` (or in `XDG_CONFIG_HOME`) if that is there; else nothing is set.
    /// - Parameters:
    ///   - named: The file that the command line names.
    ///   - variables: Gives the value of a variable of the environment.
    /// - Throws: `ConfigurationError` with every problem found; `FileError` when a file that was named can't be read.
    package static func find(named: String?, variables: (String) -> String?) throws -> (
        site: Site, path: FilePath?
    ) {
        if let path = named ?? variables("D3LLM_SITE").flatMap({ $0.isEmpty ? nil : $0 }) {
            return (try read(FilePath(path)), FilePath(path))
        }
        let folder =
            variables("XDG_CONFIG_HOME").flatMap { $0.isEmpty ? nil : FilePath($0) }
            ?? variables("HOME").map { FilePath($0).appending(".config") }
        guard let path = folder?.appending("d3llm").appending("site.json"), FileSystem.exists(path) else {
            return (.plain, nil)
        }
        return (try read(path), path)
    }

    /// Nothing asked for beyond the defaults.
    package static var plain: Site { Site(.none) }

    private enum Nothing { case none }

    private init(_: Nothing) {
        resources = Resources()
        (modules, container, environment, options) = ([], [], [], [])
        (program, tasksAtOnce) = (nil, nil)
        (warningSeconds, restarts, mpi) = (120, 20, "pmix")
    }
}
