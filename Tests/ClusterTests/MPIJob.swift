import Files
import SystemPackage
import TestSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs of the built `d3llm` under the `mpirun` of this machine.
struct MPIJob {
    static let isAvailable = which("mpirun") != nil && which("mpicc") != nil
    static let reason = "mpirun or mpicc is missing (apt-get install openmpi-bin libopenmpi-dev)"

    /// What a test needs and doesn't get.
    struct Missing: Error, CustomStringConvertible {
        let description: String
    }

    /// Stages that ranks share, the student long enough to be hit in the middle.
    static let stages = ["trajectories", "student", "vanilla", "hot"]
    static let settings =
        [
            "student.steps=1000", "student.checkpointSeconds=0.05", "student.batch=16",
            "trajectories.groupSize=1",
            "vanilla.groupSize=2",
        ].flatMap { ["--set", "stages.\($0)"] } + stages.flatMap { ["--only", $0] }
    static let micro = Fixtures.path("experiments/micro.json").string
    static let d3llm = Command.built("d3llm").string

    let scratch: ScratchFolder
    let library: FilePath
    var store: FilePath { scratch.path.appending("store") }

    init() throws {
        scratch = try ScratchFolder()
        library = scratch.path.appending("libd3mpi.so")
        guard let compiler = Self.which("mpicc") else { return }
        let sources = Fixtures.path("").removingLastComponent().removingLastComponent().appending(
            "Sources/CMPI")
        let outcome = try Command(
            compiler,
            [
                "-shared", "-fPIC", "-I\(sources.appending("include"))", "\(sources.appending("shim.c"))",
                "-o",
                library.string,
            ], scratch: scratch.path
        ).wait()
        guard outcome.code == 0 else { throw Missing(description: outcome.log) }
    }

    /// The arguments of a run of one rank.
    func command(store: FilePath? = nil, timeout: Int = 5) -> [String] {
        [
            Self.d3llm, "run", Self.micro, "--store", (store ?? self.store).string, "--threads", "1",
            "--no-forecast", "--ranks-log", "--rank-timeout", "\(timeout)",
        ] + Self.settings
    }

    /// Starts ranks.
    func start(_ arguments: [String]) throws -> Command {
        try Command(
            Self.which("mpirun") ?? "mpirun", ["--oversubscribe"] + arguments,
            environment: [
                "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                "D3LLM_MPI": library.string,
            ], scratch: scratch.path)
    }

    /// Runs one process to the end, which finishes what others left.
    func alone() throws -> Command.Outcome {
        try Command(FilePath(Self.d3llm), Array(command().dropFirst()), scratch: scratch.path).wait()
    }

    /// The process of a rank, once it is there.
    func process(of rank: Int) throws -> pid_t {
        let clock = ContinuousClock.now
        while clock.duration(to: .now) < .seconds(900) {
            for name in try FileSystem.list("/proc") {
                guard let process = pid_t(name),
                    let environment = try? FileSystem.read(FilePath("/proc/\(process)/environ")),
                    let command = try? FileSystem.read(FilePath("/proc/\(process)/cmdline"))
                else { continue }
                let variables = environment.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
                if variables.contains("OMPI_COMM_WORLD_RANK=\(rank)"),
                    String(decoding: command, as: UTF8.self).contains(store.string)
                {
                    return process
                }
            }
            usleep(10_000)
        }
        throw Missing(description: "there is no rank \(rank)")
    }

    static func which(_ name: String) -> FilePath? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin"
        return path.split(separator: ":").lazy.map { FilePath(String($0)).appending(name) }.first {
            FileSystem.exists($0)
        }
    }
}
