#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// How this process was started as one of several, as its environment tells; nothing is loaded for it.
package struct RankLaunch: Sendable, Hashable {
    /// How many ranks the job has; nil where only MPI itself knows.
    package let size: Int?
    /// How many of them are on this machine; nil where that isn't told.
    package let localSize: Int?
    /// The variable that tells of it.
    package let variable: String

    /// What `mpirun`, `mpiexec` or `srun --mpi` left; nil where this process is alone.
    package static func current() -> RankLaunch? { read { getenv($0).map { String(cString: $0) } } }

    /// - Parameter value: The value of a variable of the environment.
    static func read(_ value: (String) -> String?) -> RankLaunch? {
        func number(_ names: String...) -> Int? {
            names.lazy.compactMap(value).compactMap {
                Int(String($0.unicodeScalars.prefix { ("0"..."9").contains($0) }))
            }.first
        }
        let local = number("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE")
        for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
            guard let size = number(name) else { continue }
            return size > 1 ? RankLaunch(size: size, localSize: local, variable: name) : nil
        }
        // `srun --mpi=pmix`. Without --mpi, srun starts processes that don't know of one another.
        guard value("PMIX_RANK") != nil else { return nil }
        let tasks = number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
        return tasks == 1 ? nil : RankLaunch(size: tasks, localSize: local, variable: "PMIX_RANK")
    }

    /// How many threads a rank should have where nobody says.
    ///
    /// - Parameters:
    ///   - allowed: Processors that this process may use.
    ///   - online: Processors of the machine.
    package func threads(allowed: Int, online: Int) -> Int {
        // A launcher that has bound each rank to processors of its own has divided them already.
        guard let localSize, localSize > 1, allowed >= online else { return allowed }
        return max(1, allowed / localSize)
    }

    /// Processors of this machine, whoever may use them.
    package static var onlineProcessors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
