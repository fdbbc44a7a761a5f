package import Base
package import SystemPackage

/// Why a stage can't work with what it was given, although every file is whole.
struct DataError: Error, Sendable, CustomStringConvertible {
    let description: String
}

/// A file of an artifact or of a journal that holds something else than it should.
package struct DamagedFileError: Failure, Sendable {
    package var failureKind: FailureKind { .inputOutput }

    /// The file.
    package let path: FilePath
    /// The line, from 1, where one is known.
    package let line: Int?
    package let description: String

    /// Names a file, a line of it and, as a sentence, what is wrong there.
    init(_ path: FilePath, line: Int? = nil, _ problem: String) {
        self.path = path
        self.line = line
        description = "\(path)" + (line.map { ":\($0)" } ?? "") + ": \(problem)"
    }
}
