internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
package import Recipes
package import Runs
internal import Sandbox
internal import StageBasics
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Runs a program of the user's own, with leave only: what goes in and what comes out is recorded, what it does isn't watched.
///
/// The recipe has the command word by word, the artifacts by their fingerprints, and the files by their SHA-256. Which
/// program a name like `python3` finds, and what that reads besides, is not part of it.
package struct CommandStage: RerunStage {
    package static let name = "command"
    package static let version = 1
    package static let summary =
        "Runs a program of your own, with --allow-commands only: it finds artifacts and files by path, and what it leaves in the folder output is the artifact."
    package static let output = ArtifactType.files

    /// The program and what it is given, each as it is: no shell reads them.
    let command: [String]
    /// By the names of their places in the folder inputs.
    let inputs: [LabelledArtifacts]
    let files: [CommandFile]
    /// Files of the artifact, relative to it.
    let standardOutput: String?
    let report: String?
    let metrics: String?
    let environment: [String]
    let timeLimitMinutes: Int

    package init(_ fields: Fields) {
        command = fields.strings(
            "command", atLeast: 1,
            "The program and its arguments, one text each; no shell reads them. It runs in a folder of its own and finds inputs/LABEL, files/NAME and output there. A name without a slash is looked for in the folders of PATH."
        )
        inputs = fields.optionalArtifacts(
            "inputs", types: ArtifactType.all,
            "Artifacts by label: inputs/LABEL is the folder of one, inputs/LABEL/0, /1 and so on are those of several."
        )
        files = fields.optionalObjects(
            "files",
            "Files of this machine that the command needs, above all its scripts: files/NAME is a copy.",
            CommandFile.init)
        standardOutput = fields.optionalString(
            "standardOutput",
            "The file of the artifact that gets what the command prints; otherwise the log gets it.")
        report = fields.optionalString(
            "report", "A text file of the artifact that is printed when the run ends.")
        metrics = fields.optionalString(
            "metrics",
            "A JSON file of the artifact, an object of numbers, which become the metrics of the stage.")
        environment =
            fields.optionalStrings(
                "environment",
                "Names of further variables of the environment that the command sees; not part of the recipe.",
                role: .execution) ?? []
        timeLimitMinutes = fields.integer(
            "timeLimitMinutes", default: 1440, in: 1...100_000,
            "After so long it is ended, and the stage fails.", role: .execution)
        check(fields)
    }

    private func check(_ fields: Fields) {
        if command.first?.isEmpty == true {
            fields.reject("command", "The first text of \"command\" names the program; it is empty.")
        }
        if command.contains(where: { $0.utf8.contains(0) }) {
            fields.reject("command", "A text of \"command\" has a NUL byte, which no program can be given.")
        }
        for label in inputs.map(\.label) where !CommandFolder.isName(label) {
            fields.reject(
                "inputs", "\"\(label.visible)\" can't be the name of a folder.", hint: CommandFolder.namesHint
            )
        }
        if inputs.flatMap(\.artifacts).contains(where: { $0.part != nil }) {
            fields.reject(
                "inputs", "A command gets whole artifacts.",
                hint: "Write \"@stage\" without what follows the dot.")
        }
        if Set(files.map(\.name.byteText)).count < files.count {
            fields.reject(
                "files", "Two of \"files\" have the same name.",
                hint: "Give one of them a \"name\" of its own.")
        }
        for (key, path) in [("standardOutput", standardOutput), ("report", report), ("metrics", metrics)] {
            guard let path, !CommandFolder.isInside(path) else { continue }
            fields.reject(
                key, "\"\(path.visible)\" can't be the path of a file in the folder output.",
                hint: "Write it relative to that folder.")
        }
        for name in environment where name.isEmpty || name.utf8.contains(0) || name.byteText.contains("=") {
            fields.reject("environment", "\"\(name.visible)\" can't be the name of a variable.")
        }
    }

    package func permissionNeed(_ stage: (ArtifactReference) -> (any StageDescription)?) -> PermissionNeed? {
        PermissionNeed(
            .commands, because: "it runs the command \(shownCommand) with all rights that you have")
    }

    /// For people; a long one is cut.
    private var shownCommand: String {
        command.map { word in
            let isPlain = !word.isEmpty && word.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x27 }
            return isPlain ? word.visible : "\"\(word.visible)\""
        }.joined(separator: " ").shortened(to: 300)
    }

    package func run(_ context: StageContext) throws -> StageResult {
        guard context.permissions.commands else {
            throw PermissionError("The command \(shownCommand) runs with \(Permission.commands.flag) only.")
        }
        let folder = try CommandFolder(context.output)
        for group in inputs { try folder.link(group.label, to: group.artifacts.map(context.folder(of:))) }
        for file in files { try folder.take(file) }
        let printed = try standardOutput.map { try folder.create($0) }
        defer { try? printed?.close() }
        let log = CommandLog { context.log($0) }
        let process = OpenProcess(
            try executable(), command, environment: try variables(context, folder), in: folder.path,
            output: printed, seconds: timeLimitMinutes * 60)
        let ending: OpenProcess.Ending
        do {
            ending = try process.run(isStopped: { context.isCancelled }, hear: log.take)
        } catch {
            throw DataError(description: "The command \(shownCommand) can't be started: \(error).")
        }
        log.end()
        // What it left before somebody stopped the run may be half of it, even where it has ended by itself.
        try context.checkCancellation()
        try check(ending, log)
        if let printed { try FileSystem.synchronize(printed, folder.path) }
        try folder.collect()
        return try result(context.output)
    }

    private func check(_ ending: OpenProcess.Ending, _ log: CommandLog) throws {
        let what: String
        switch ending {
        case .exit(0): return
        case .exit(let code): what = "ended with code \(code)"
        case .signal(let number): what = "was ended by signal \(number)"
        case .timeLimit:
            what =
                "took longer than \(timeLimitMinutes) \(timeLimitMinutes == 1 ? "minute" : "minutes") and was ended; \"timeLimitMinutes\" gives it more"
        case .stopped: throw Interrupted()
        case .notStarted(let reason):
            let hint =
                reason == .noSuchFileOrDirectory || Self.notExecutable == reason
                ? " A script needs a first line that names its interpreter, such as #!/bin/sh, or the interpreter as the program."
                : ""
            throw DataError(description: "The command \(shownCommand) can't be started: \(reason).\(hint)")
        }
        throw DataError(description: "The command \(shownCommand) \(what).\(log.lastWords())")
    }

    /// ENOEXEC, for which there is no name.
    private static let notExecutable = Errno(rawValue: ENOEXEC)

    /// The path of the program.
    private func executable() throws -> String {
        let name = command[0]
        guard !name.byteText.contains("/") else { return name }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        // A relative folder of PATH would be one below the command's own.
        for place in path.byteText.split(":") where place.bytes.first == UInt8(ascii: "/") {
            let candidate = "\(place.text)/\(name)"
            if access(candidate, X_OK) == 0, try FileSystem.status(FilePath(candidate))?.kind == .file {
                return candidate
            }
        }
        throw DataError(
            description:
                "No folder of PATH has the program \"\(name.visible)\". Install it, or write its path; one of \"files\" is files/NAME."
        )
    }

    /// What the program sees of the environment: what finds programs, libraries and languages, and what is asked for.
    private static let inherited = [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH",
        "VIRTUAL_ENV",
        "CUDA_VISIBLE_DEVICES",
    ]

    private func variables(_ context: StageContext, _ folder: CommandFolder) throws -> [String] {
        for name in environment where EnvironmentSecrets.isSecret(name) {
            throw DataError(
                description:
                    "The variable \(name) sounds like a secret, and secrets reach no program that d3llm starts. Take it out of \"environment\"; a command can read it from a file that only you can read."
            )
        }
        let own = [
            "TMPDIR": folder.temporary.string, "D3LLM_THREADS": "\(context.threads)",
            "D3LLM_SEED": "\(context.seed)",
        ]
        // Each once: of two of a name some programs take the first, others the last.
        let names = Set((Self.inherited + environment).map(\.byteText)).map(\.text).sorted()
        let passed = names.compactMap { name in
            own[name] == nil ? getenv(name).map { "\(name)=\(String(cString: $0))" } : nil
        }
        return passed + own.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    }

    private func result(_ artifact: FilePath) throws -> StageResult {
        let files = try PinnedSource.files(below: artifact)
        let size = files.reduce(0) { $0 + $1.size }
        for (key, path) in [("standardOutput", standardOutput), ("report", report), ("metrics", metrics)] {
            guard let path, !files.contains(where: { $0.path.byteText == path.byteText }) else { continue }
            throw DataError(
                description: "The command left no file \(path.visible) in output, which \"\(key)\" names.")
        }
        if let report { _ = try text(artifact, report) }
        return StageResult(
            summary: "\(files.count == 1 ? "1 file" : "\(files.count) files"), \(Readable.size(size))",
            metrics: try metrics.map { try numbers(artifact, $0) } ?? [
                "files": .integer(files.count), "bytes": .integer(size),
            ],
            report: report.map { FilePath($0) })
    }

    private func text(_ artifact: FilePath, _ path: String) throws -> String {
        let bytes = try FileSystem.read(artifact.pushing(FilePath(path)), limit: FileLimit.settings)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DataError(description: "\(path.visible), which the command left, isn't text in UTF-8.")
        }
        return text
    }

    private func numbers(_ artifact: FilePath, _ path: String) throws -> JSONValue {
        let root = try JSONDocument(parsing: Array(try text(artifact, path).utf8), name: path).root
        guard let members = root.members else {
            throw DataError(
                description: "\(path.visible), which \"metrics\" names, isn't an object of numbers.")
        }
        let numbers = try members.map { member -> (String, JSONValue) in
            guard case .number(let number) = member.value.value, let value = number.double, value.isFinite
            else {
                throw DataError(
                    description:
                        "\(path.visible): \"\(member.key.visible)\" should be a number, because it is a metric; this is \(member.value.shown)."
                )
            }
            return (member.key, number.int.map { .integer($0) } ?? .number(value))
        }
        return .object(JSONObject(numbers))
    }
}

/// What a command prints, as far as people are told.
final class CommandLog {
    /// So many lines go to the log.
    private static let most = 200
    /// So many bytes of one line.
    private static let longest = 500
    /// So many of the last lines are said in any case when the command fails.
    private static let kept = 20

    private let say: (String) -> Void
    private var line: [UInt8] = []
    private var count = 0
    private var last: [String] = []

    init(_ say: @escaping (String) -> Void) { self.say = say }

    /// Hears a piece of what is printed.
    func take(_ bytes: [UInt8]) {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"): end()
            // What is written over isn't said: bars of progress.
            case UInt8(ascii: "\r"): line = []
            default: if line.count < Self.longest { line.append(byte) }
            }
        }
    }

    /// The last line may have no end.
    func end() {
        guard !line.isEmpty else { return }
        let text = String(decoding: line, as: UTF8.self).visible
        line = []
        count += 1
        last.append(text)
        if last.count > Self.kept { last.removeFirst() }
        if count <= Self.most { say(text) }
        if count == Self.most {
            say(
                "prints more than \(Self.most) lines; further ones aren't shown, but for the last \(Self.kept) if it fails"
            )
        }
    }

    /// The last line, for an error; those before it are said, if they weren't.
    func lastWords() -> String {
        guard let line = last.last else { return " It printed nothing." }
        if count > Self.most { for line in last { say(line) } }
        return " The last that it printed: \(line)"
    }
}
