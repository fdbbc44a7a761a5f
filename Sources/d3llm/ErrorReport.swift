import ArgumentParser
import Base
import JSON
import Recipes

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
