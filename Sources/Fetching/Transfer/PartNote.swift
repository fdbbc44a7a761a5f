internal import Files
internal import JSON
internal import SystemPackage

/// What a part came from, so that the rest can be asked for: `<part>.json` beside it.
struct PartNote: Hashable {
    /// SHA-256 of the address without its secrets.
    let source: String
    /// A strong entity tag or a date of change: what `If-Range` takes.
    let validator: String

    /// - Parameter source: The address that a redirect may have led away from.
    init?(_ head: ResponseHead, source: PublicAddress) {
        guard let validator = head.strongTag ?? Self.date(head) else { return nil }
        self.source = Self.key(source)
        self.validator = validator
    }

    /// The note of a part; nil where there is none, or one that can't be believed.
    init?(ofPart path: FilePath) {
        guard let bytes = try? FileSystem.read(Self.path(ofPart: path)), bytes.count < 10_000,
            let root = try? JSONDocument(parsing: bytes, name: "note").root,
            let source = root["source"]?.string, let validator = root["validator"]?.string,
            // It becomes a header field.
            validator.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        (self.source, self.validator) = (source, validator)
    }

    func write(forPart path: FilePath) throws {
        let value: JSONValue = ["source": .string(source), "validator": .string(validator)]
        try FileSystem.writeAtomically(value.prettyBytes(), to: Self.path(ofPart: path))
    }

    static func remove(ofPart path: FilePath) throws(FileError) {
        try FileSystem.remove(Self.path(ofPart: path))
    }

    func isOf(_ address: PublicAddress) -> Bool { source == Self.key(address) }

    private static func path(ofPart path: FilePath) -> FilePath { FilePath(path.string + ".json") }

    private static func key(_ address: PublicAddress) -> String {
        SHA256.hex(of: Array(address.description.utf8))
    }

    /// A server that gives a tag, even a weak one, shouldn't be asked by date.
    private static func date(_ head: ResponseHead) -> String? {
        head["etag"] == nil ? head["last-modified"] : nil
    }
}
