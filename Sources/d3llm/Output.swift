import ArgumentParser
internal import Base
import JSON
import Recipes
import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What commands write: the one place, so that no text of others (a bundle, a server, a model) commands the terminal.
///
/// The progress of stages has a place of its own, `ProgressReporter`, and so do views of decoding: both make foreign
/// text visible before they colour it.
enum Output {
    /// Writes words for people to standard output, with control characters made visible.
    static func words(_ text: String) { print(text.visibleLines, terminator: "") }

    /// Writes JSON to standard output; the same value, with escapes for what a terminal would act on.
    static func json(_ value: JSONValue) throws { print(try value.printedText(), terminator: "") }

    /// Writes JSON on one line to standard output, at once; one that can't be written is no reason to stop.
    static func event(_ value: JSONValue) {
        guard let text = try? value.printedText(isCompact: true) else { return }
        _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
    }

    /// Writes a file's text to standard output: as it is to files and pipes, made visible on a terminal.
    static func file(_ text: String) {
        print(isatty(STDOUT_FILENO) == 1 ? text.visibleLines : text, terminator: "")
    }

    /// Writes words to standard error, with control characters made visible.
    ///
    /// A log that can't be written is no reason to stop.
    static func notice(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(text.visibleLines.utf8)
    }
}

/// `--json`, as the commands that only read have it.
struct JSONOption: ParsableArguments {
    @Flag(
        help:
            "Print one JSON object, also for a configuration that is wrong; docs/json.md says what is in it.")
    var json = false

    /// Prints the object or the text; whichever it isn't is never made.
    func print(_ text: @autoclosure () throws -> String, _ value: @autoclosure () throws -> JSONValue) throws
    {
        if json { try Output.json(try value()) } else { Output.words(try text()) }
    }
}

/// What `--json` prints instead of a result: `{"error": {"code", "message", "problems"}}`.
enum ErrorReport {
    /// - Parameter code: The exit code, which says what kind of error it is.
    static func value(of error: any Error, code: ExitCode) -> JSONValue {
        let problems = (error as? ConfigurationError)?.diagnostics.map(\.value) ?? []
        return [
            "error": [
                "code": .integer(Int(code.rawValue)), "message": .string(message(of: error)),
                "problems": .array(problems),
            ]
        ]
    }

    private static func message(of error: any Error) -> String {
        guard let error = error as? ConfigurationError else { return "\(error)" }
        return "The configuration has \(error.countText.lowercasedFirst)."
    }
}

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
