internal import Base
import Files
import JSON
package import SystemPackage

/// Weights that an artifact should have but that were left out of the bundle it came from.
///
/// `incomplete.json` in the artifact's folder names them. Such an artifact is never taken for a whole one: what needs
/// it makes it again, in its place. What it does have, its record among it, can be read and checked.
package struct IncompleteMarker {
    package static let fileName = "incomplete.json"
    package static let format = 1

    /// What may be left out: other files are what a check is made of.
    package static func mayBeLeftOut(_ path: String) -> Bool { path.byteText.hasSuffix(".safetensors") }

    /// Relative to the artifact's folder.
    package let leftOut: [String]

    package init(leftOut: [String]) {
        self.leftOut = leftOut
    }

    package var bytes: [UInt8] {
        get throws {
            try JSONValue.object([
                "format": .integer(Self.format), "leftOut": .array(leftOut.map(JSONValue.string)),
            ]).prettyBytes()
        }
    }
}

extension IncompleteMarker {
    /// The marker of an artifact; nil where there is none, or one that can't be believed.
    package init?(of record: ArtifactRecord, in folder: FilePath) {
        let path = folder.appending(Self.fileName)
        guard !record.files.contains(where: { $0.path == Self.fileName }),
            (try? FileSystem.status(path, followingLinks: false))?.kind == .file,
            let bytes = try? FileSystem.read(path),
            let root = try? JSONDocument(parsing: bytes, name: Self.fileName).root,
            root["format"]?.int == Self.format
        else { return nil }
        let names = (root["leftOut"]?.array ?? []).compactMap(\.string)
        let listed = Set(record.files.map(\.path.byteText))
        guard !names.isEmpty, names.allSatisfy({ listed.contains($0.byteText) && Self.mayBeLeftOut($0) })
        else {
            return nil
        }
        leftOut = names
    }
}
