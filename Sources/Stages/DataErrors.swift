internal import JSON
internal import Pipeline
public import SystemPackage
internal import Tokenizers
internal import Transformers

/// Why a stage can't work with what it was given, although every file is whole.
struct DataError: Error, Sendable, CustomStringConvertible {
    let description: String
}

/// A file of an artifact or of a journal that holds something else than it should.
public struct DamagedFileError: Error, Sendable, CustomStringConvertible {
    /// The file.
    public let path: FilePath
    /// The line, from 1, where one is known.
    public let line: Int?
    public let description: String

    /// Names a file, a line of it and, as a sentence, what is wrong there.
    init(_ path: FilePath, line: Int? = nil, _ problem: String) {
        self.path = path
        self.line = line
        description = "\(path)" + (line.map { ":\($0)" } ?? "") + ": \(problem)"
    }
}

extension DamagedFileError {
    /// Whether an error says that a file's content isn't what it should be: this one and those of the readers of
    /// journals, checkpoints, tokenizers and JSON.
    public static func describes(_ error: any Error) -> Bool {
        error is DamagedFileError || error is CheckpointError || error is JSONSyntaxError
            || error is JournalError || error is TokenizerError
    }
}
