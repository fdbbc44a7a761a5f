public import Base
import SystemPackage

/// A run that can't be given away as it is.
public struct ExportError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    public let description: String

    init(_ description: String) { self.description = description }
}

/// A bundle that isn't taken over, or not into this store.
public struct ImportError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// The bundle's file, once it is known.
    var file: FilePath?
    /// Why, as a part of a sentence.
    let reason: String

    init(_ reason: String) { self.reason = reason }

    public var description: String {
        "\(file?.string ?? "The bundle") wasn't imported, and the store is as it was: \(reason)."
    }
}
