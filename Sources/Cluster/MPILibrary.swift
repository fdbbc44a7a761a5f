internal import CMPI

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The library that `make mpi` builds with the site's own compiler for MPI, loaded when a process is one of several.
///
/// One build of d3llm so serves every implementation of MPI, and those who have none need none.
struct MPILibrary: Sendable {
    /// The file's name; it lies beside d3llm.
    static let fileName = "libd3mpi.so"

    /// `nonisolated(unsafe)`: the table is constant and lives as long as the process.
    nonisolated(unsafe) let functions: UnsafePointer<d3_mpi>

    /// - Throws: `ClusterError` when there is none, or another one.
    init() throws(ClusterError) {
        let path = Self.path
        var message = [CChar](repeating: 0, count: 1024)
        guard let table = d3_mpi_load(path, &message, message.count) else {
            throw ClusterError(
                code: .library,
                description: """
                    This process was started as one of several, but \(path) can't be loaded: \(text(message)). Build it \
                    with `make mpi`, which needs mpicc (on Debian: apt-get install openmpi-bin libopenmpi-dev); \
                    D3LLM_MPI names another place.
                    """)
        }
        functions = table
    }

    private static var path: String {
        if let given = getenv("D3LLM_MPI"), given.pointee != 0 { return String(cString: given) }
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = max(0, readlink("/proc/self/exe", &buffer, buffer.count - 1))
        let executable = String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
        let folder = executable.lastIndex(of: "/").map { executable[..<$0] } ?? "."
        return "\(folder)/\(fileName)"
    }

    /// Joins the job.
    func join() throws(ClusterError) -> (rank: Int, size: Int) {
        var (rank, size) = (CInt(0), CInt(0))
        var message = [CChar](repeating: 0, count: 1024)
        guard functions.pointee.`init`(&rank, &size, &message, message.count) == 0 else {
            throw ClusterError(
                code: .joining, description: "This process can't join the other ranks: \(text(message)).")
        }
        return (Int(rank), Int(size))
    }

    /// Name and version of the implementation, on one line.
    var name: String {
        let whole = functions.pointee.library().map { String(cString: $0) } ?? "MPI"
        return String(whole.unicodeScalars.prefix { $0 != "," && $0 != "\n" && $0 != "\0" })
    }
}

private func text(_ buffer: [CChar]) -> String {
    String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
