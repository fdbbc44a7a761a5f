import ArgumentParser
import ArtifactStore
import Cluster
import JSON
import Runs
import Stages
import SystemPackage

/// How the ranks of a job work together.
struct RankOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Under mpirun or srun, how long to wait for a rank that isn't heard of before going on without it.",
            valueName: "seconds"))
    var rankTimeout = 60

    @Flag(help: "Under mpirun or srun, say for each stage what each rank did.")
    var ranksLog = false

    func validate() throws {
        guard !(1...86_400).contains(rankTimeout) else { return }
        throw ValidationError("--rank-timeout is \(rankTimeout); it should be 1 to 86400 seconds.")
    }

    /// Joins the other ranks; nil where this process is alone.
    ///
    /// - Throws: `ClusterError` when that fails.
    func join() throws -> MPITransport? {
        guard RankLaunch.current() != nil else { return nil }
        let transport = try MPITransport.join(timeout: .seconds(rankTimeout))
        guard transport.count == 1 else { return transport }
        transport.close(abandoning: false)
        return nil
    }

    /// How many threads a rank has where nobody says; as many as there are cores without ranks.
    static func threads(_ given: Int?) -> Int {
        given ?? RankLaunch.current()?.threads(
            allowed: Machine.current.cores, online: RankLaunch.onlineProcessors) ?? ThreadsOption.count(nil)
    }
}

/// A run whose work several ranks share, as rank 0 sees it.
struct RankedJob {
    let transport: MPITransport
    let pool: RankPool

    init(_ transport: MPITransport, _ options: RankOptions, _ reporter: ProgressReporter) {
        self.transport = transport
        pool = RankPool(
            transport, timeout: .seconds(options.rankTimeout), isVerbose: options.ranksLog,
            log: { reporter.log("ranks: \($0)") })
        reporter.log("\(transport.count) ranks, \(transport.library)")
    }

    /// Runs `body` and ends the job; where ranks are lost this ends the process, with the exit code of the run.
    func run(_ body: () throws -> Void) throws {
        var failure: (any Error)?
        do { try body() } catch { failure = error }
        pool.close()
        if pool.hasLostRanks {
            // Leaving MPI in the regular way would wait for them for ever.
            MPITransport.abort(code: failure.map { D3LLM.exitCode(for: $0).rawValue } ?? 0)
        }
        if let failure { throw failure }
    }
}

/// A rank other than 0: computes what rank 0 asks for, from the same command line, and says nothing itself.
enum RankServing {
    /// - Throws: `ExitCode` when rank 0 is gone.
    static func run(_ transport: MPITransport, _ equipment: () throws -> RankServer.Equipment) throws {
        // A signal to all ranks is rank 0's to act on; a second one ends this one at once.
        _ = Cancellation.onSignals()
        let server = RankServer(transport, equipment)
        guard case .lost(let reason) = server.run() else { return }
        Output.notice("rank \(transport.rank): rank 0 \(reason); this rank ends.\n")
        throw ExitCodes.failure
    }
}
