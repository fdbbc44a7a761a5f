internal import Base
import JSON
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
