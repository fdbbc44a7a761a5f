/// How a program that a model wrote is kept from everything else; each level has what the ones below have.
package enum Isolation: String, Sendable, Hashable, CaseIterable, Comparable {
    /// Limits of time, memory, file sizes and processes; no new privileges; clean environment, closed descriptors; all
    /// that it starts is killed with it.
    ///
    /// It can read and write what its user can, and reach the network; where this program runs as root that user is
    /// nobody (65534), here and at all levels.
    case limits
    /// A seccomp filter besides: no sockets, no processes, no signals to others, nothing written to any file.
    ///
    /// It can read what its user can.
    case seccomp
    /// Own user, mount, process, network and IPC namespaces besides, with a root file system that has the interpreter,
    /// the system's libraries and an empty folder in memory.
    case namespaces

    package static func < (a: Isolation, b: Isolation) -> Bool { a.rank < b.rank }

    /// The number of the level in the C part.
    var rank: Int32 {
        switch self {
        case .limits: 0
        case .seccomp: 1
        case .namespaces: 2
        }
    }

    /// What the level keeps out, for people.
    package var summary: String {
        switch self {
        case .limits: "resource limits only: files and network of the user can be reached"
        case .seccomp:
            "resource limits and a seccomp filter: no network, no processes, nothing written; files can be read"
        case .namespaces: "namespaces, a root of its own, resource limits and a seccomp filter"
        }
    }
}
