import Files
package import JSON
import Synchronization
import SystemPackage

/// A file of an artifact that wasn't made but taken over, from a cache of downloads.
package struct ExternalFile: Sendable, Hashable {
    /// Relative to the artifact's folder.
    package let path: String
    /// Where it can be had, without anything secret.
    package let address: String?
    /// Whether the artifact has only a link to it, because it lies on another file system and is too large for two
    /// copies; else it is the same file under a second name.
    package let isReference: Bool

    package init(path: String, address: String?, isReference: Bool) {
        (self.path, self.address, self.isReference) = (path, address, isReference)
    }

    package init?(_ value: JSONValue) {
        guard let path = value["path"]?.string else { return nil }
        self.init(
            path: path, address: value["address"]?.string, isReference: value["reference"]?.bool ?? false)
    }

    package var value: JSONValue {
        ["path": .string(path), "address": .text(address), "reference": .bool(isReference)]
    }
}

extension ArtifactRecord {
    /// The files that are links to others: weights only, whatever a record says.
    package var references: Set<String> {
        Set(external.filter { $0.isReference && IncompleteMarker.mayBeLeftOut($0.path) }.map(\.path))
    }

    /// Where a file can be had, if it came from elsewhere.
    package func address(of path: String) -> String? { external.first { $0.path == path }?.address }
}
