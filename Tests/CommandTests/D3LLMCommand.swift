import Files
import SystemPackage
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The built `d3llm` with a scratch folder for stores.
struct D3LLMCommand {
    static let executable = Command.built("d3llm")
    static let root = Fixtures.path("").removingLastComponent().removingLastComponent()
    static let micro = Fixtures.path("experiments/micro.json").string
    /// The same with fine-tuning.
    static let tuned = Fixtures.path("experiments/micro-tuned.json").string

    let scratch: ScratchFolder
    var store: FilePath { scratch.path.appending("store") }
    var experiment: FilePath { store.appending("micro") }

    init() throws { scratch = try ScratchFolder() }

    func start(_ arguments: [String], environment: [String: String] = [:]) throws -> Command {
        // Help is wrapped at the terminal's width; without a terminal, at COLUMNS.
        let columns = environment.merging(["COLUMNS": "100"]) { given, _ in given }
        return try Command(
            Self.executable, arguments, environment: columns, scratch: scratch.path)
    }

    /// Another program, with the same place for its output.
    func started(_ program: FilePath, _ arguments: [String]) throws -> Command {
        try Command(program, arguments, scratch: scratch.path)
    }

    func callAsFunction(_ arguments: String..., environment: [String: String] = [:]) throws -> Command.Outcome
    {
        try start(arguments, environment: environment).wait()
    }

    /// Writes a configuration and gives its path.
    func config(_ text: String, _ name: String = "config.json") throws -> String {
        let path = scratch.path.appending(name)
        try FileSystem.writeAtomically(text, to: path)
        return path.string
    }

    /// Inode, size and time of change of all files in a folder, the store unless given: what tells whether anything
    /// was written.
    func listing(of folder: FilePath? = nil) throws -> [String] {
        let folder = folder ?? store
        return try ScratchFolder.files(below: folder).map { file in
            var info = stat()
            _ = folder.pushing(FilePath(file)).withPlatformString { lstat($0, &info) }
            return "\(file) \(info.st_ino) \(info.st_size) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec)"
        }
    }

    /// Waits until a checkpoint or a journal has changed so many times, or the log has told of another stage.
    func waitForProgress(_ process: Command, changes: Int) {
        let log = process.log
        var (last, count) = (try? listing(of: store.appending(".work")), 0)
        let start = ContinuousClock.now
        while count < changes, process.log == log, start.duration(to: .now) < .seconds(900) {
            // Files come and go meanwhile; a listing that fails is no change.
            let now = try? listing(of: store.appending(".work"))
            if let now, now != last { (last, count) = (now, count + 1) }
            usleep(1000)
        }
    }
}

extension Command {
    /// Waits until the log has a text; the outcome if the process ended without writing it, else nil.
    func waitForLog(_ text: String) -> Outcome? {
        while !log.contains(text) {
            if let outcome = poll() { return outcome }
            usleep(2000)
        }
        return nil
    }
}
