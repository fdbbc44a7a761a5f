package import Base
package import SystemPackage

/// An archive that isn't unpacked, and why.
package struct ArchiveError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What kind of reason it is.
    package enum Code: Sendable, Hashable {
        /// It isn't an archive, isn't whole, or something else stands in it or behind it.
        case damaged
        /// It has an entry that could write where it shouldn't, or that is no plain file or folder.
        case unsafe
        /// It is larger in some way than the limits allow.
        case tooLarge
        /// It is of a kind that isn't read here.
        case unsupported
    }

    /// The archive.
    package let file: FilePath
    package let code: Code
    /// A sentence without the archive's name.
    package let reason: String

    init(_ file: FilePath, _ code: Code, _ reason: String) {
        self.file = file
        self.code = code
        self.reason = reason
    }

    package var description: String {
        "\(file) wasn't unpacked, and nothing of it is kept: \(reason)"
    }
}
