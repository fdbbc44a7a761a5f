public import Base
public import SystemPackage

/// A file operation that the system refused.
public struct FileError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// What was attempted, as a verb phrase: "read", "create folder".
    public let operation: String
    /// The file or folder concerned.
    public let path: FilePath
    /// The system's reason.
    public let errno: Errno
    /// What the matter is where the program knows better than the system, with what to do; the end of a sentence.
    private let explanation: String?

    /// Joins an operation, its path and the system's reason.
    ///
    /// - Parameter explanation: Stands for the system's reason, without its full stop.
    public init(_ operation: String, _ path: FilePath, _ errno: Errno, _ explanation: String? = nil) {
        self.operation = operation
        self.path = path
        self.errno = errno
        self.explanation = explanation
    }

    /// Why it was refused, as the end of a sentence without its full stop.
    public var reason: String { explanation ?? errno.description.lowercasedFirst }

    public var description: String {
        if let explanation { return "Could not \(operation) \(path): \(explanation)." }
        let cure = cure.map { " " + $0 } ?? ""
        return "Could not \(operation) \(path): \(errno.description.lowercasedFirst).\(cure)"
    }

    /// What to do about it, where something can be said.
    private var cure: String? {
        switch errno {
        case .noSpace: "Free some space on that disk, or choose another place."
        case .diskQuotaExceeded: "Free some of your quota, or choose another place."
        case .permissionDenied, .notPermitted: "Check the owner and the mode of the file and of its folder."
        case .readOnlyFileSystem: "That file system is mounted read-only; choose another place."
        case .noSuchFileOrDirectory: "Check the spelling, and that the folder exists."
        case .tooManyOpenFiles, .tooManyOpenFilesInSystem: "Raise the limit with `ulimit -n`."
        case .notDirectory: "A part of that path is a file; a folder is needed there."
        case .isDirectory: "A folder stands where a file is needed."
        case .fileNameTooLong: "Choose a shorter name."
        case .improperLink: "The two places have to be on one file system."
        case .tooManySymbolicLinkLevels: "A symbolic link there leads back to itself; remove or correct it."
        case .noMemory: "Free some memory, or use a machine that has more."
        default: nil
        }
    }
}
