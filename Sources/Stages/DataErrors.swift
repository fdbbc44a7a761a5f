public import Base
public import SystemPackage

/// Why a stage can't work with what it was given, although every file is whole.
struct DataError: Error, Sendable, CustomStringConvertible {
    let description: String
}

/// A file of an artifact or of a journal that holds something else than it should.
public struct DamagedFileError: Failure, Sendable {
    public var failureKind: FailureKind { .inputOutput }

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
