import ArgumentParser
import JSON

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
