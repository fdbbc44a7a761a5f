import ArgumentParser
import Base
import SystemPackage

/// How the command ends; `d3llm help` prints this table.
enum ExitCodes {
    /// A stage, a check or a comparison failed.
    static let failure = ExitCode(1)
    /// The configuration is invalid.
    static let invalidConfiguration = ExitCode(2)
    /// A file or the store can't be read or written, or is damaged.
    static let inputOutput = ExitCode(3)
    /// A library is missing; the number is that of `EX_UNAVAILABLE` in sysexits.h, as 64 is that of `EX_USAGE`.
    static let unavailable = ExitCode(69)
    /// Stopped by Ctrl-C or SIGTERM, at a point from which it can go on.
    static let interrupted = ExitCode(130)

    static let table = """
          0  done
          1  a stage, a check or a comparison failed
          2  the configuration is invalid, or names what isn't there
          3  a file or the store can't be read or written, or is damaged
         64  wrong usage of the command line, or a permission that it doesn't give
         69  a library is missing, as `d3llm doctor` says, or the isolation of programs
        130  interrupted; run the same command again to go on
        """

    /// Runs `body`; an error becomes an exit code and is printed: on standard error, or as JSON where the result would
    /// have been.
    ///
    /// - Parameter isLine: Whether that JSON is one line, as the events before it.
    static func reporting<Result>(
        asJSON json: Bool = false, isLine: Bool = false, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let code as ExitCode {
            throw code
        } catch {
            if json {
                let value = ErrorReport.value(of: error, code: code(for: error))
                if isLine { Output.event(value) } else { try Output.json(value) }
                throw code(for: error)
            }
            Output.notice("\(error.told)\n")
            throw code(for: error)
        }
    }

    private static func code(for error: any Error) -> ExitCode {
        switch (error as? any Failure)?.failureKind {
        case .request: invalidConfiguration
        case .inputOutput: inputOutput
        case .permission: ExitCode.validationFailure
        case .unavailable: unavailable
        case .interruption: interrupted
        case .work, nil: failure
        }
    }
}
