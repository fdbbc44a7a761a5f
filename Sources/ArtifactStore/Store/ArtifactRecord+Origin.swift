package import JSON

extension ArtifactRecord {
    /// The bundle that an artifact was imported from: not made by the program that has it now.
    package struct Origin: Sendable, Hashable {
        /// The name of the bundle's file.
        package let bundle: String
        /// Of that file, in hexadecimal.
        package let sha256: String
        /// When it was imported: UTC, ISO 8601.
        package let imported: String

        /// Its key in `artifact.json`.
        static let key = "origin"

        package init(bundle: String, sha256: String, imported: String) {
            (self.bundle, self.sha256, self.imported) = (bundle, sha256, imported)
        }

        /// Whatever is there says that the artifact was imported, also where not all can be read.
        init?(_ value: JSONValue) {
            guard value != .null else { return nil }
            self.init(
                bundle: value["bundle"]?.string ?? "?", sha256: value["sha256"]?.string ?? "?",
                imported: value["imported"]?.string ?? "?")
        }

        package var value: JSONValue {
            ["bundle": .string(bundle), "sha256": .string(sha256), "imported": .string(imported)]
        }

        /// The bytes of an `artifact.json` with another origin, or with none; all else stays as it is.
        package static func replaced(in bytes: [UInt8], by origin: Origin?) throws -> [UInt8] {
            let root = JSONValue(try JSONDocument(parsing: bytes, name: ArtifactRecord.fileName).root)
            guard let object = root.object, origin != nil || object[key] != nil else { return bytes }
            var members = object.members.filter { $0.key != key }.map { ($0.key, $0.value) }
            if let origin { members.append((key, origin.value)) }
            return try JSONValue.object(JSONObject(members)).prettyBytes()
        }
    }
}
