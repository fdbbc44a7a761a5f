import ArgumentParser
import Base
import Cluster
import Runs
import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension D3LLM {
    /// Takes secrets out of reach before anything else is done, then does what the command line says.
    static func main() {
        EnvironmentSecrets.withhold()
        // A file beyond a limit of the shell's is an error of the write, as a full disk is, and no end by a signal.
        signal(SIGXFSZ, SIG_IGN)
        // Ranks of one job on one machine read one another's memory: so do MPI's libraries pass large messages. A debugger
        // needs it as well.
        PeakMemory.prepare()
        if RankLaunch.current() == nil, EnvironmentSecrets.value("D3LLM_DEBUGGABLE") == nil {
            ProcessMemory.protect()
        }
        if let message = SubcommandHint.message(Array(CommandLine.arguments.dropFirst())) {
            Output.notice(message)
            exit(withError: ExitCode.validationFailure)
        }
        main(nil)
    }
}
