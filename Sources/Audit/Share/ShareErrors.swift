package import Base
import SystemPackage

/// A run that can't be given away as it is.
package struct ExportError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    package let description: String

    init(_ description: String) { self.description = description }
}

/// A bundle that isn't taken over, or not into this store.
package struct ImportError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// The bundle's file, once it is known.
    var file: FilePath?
    /// Why, as a part of a sentence.
    let reason: String

    init(_ reason: String) { self.reason = reason }

    package var description: String {
        "\(file?.string ?? "The bundle") wasn't imported, and the store is as it was: \(reason)."
    }
}
