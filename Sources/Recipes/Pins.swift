package import JSON
package import SystemPackage

/// A kind whose stages take inputs from outside, named by their key `input` and others.
///
/// The hashes of the input's files are part of the recipe. They come from the experiment's key `pins`, and where that
/// has none from a lock file: it is looked for beside the configuration and in the folders above. What was read there
/// becomes part of the configuration, so that a run's own copy gives the same recipes wherever it is read.
package protocol PinnedStage: StageDescription {
    /// The keys that name inputs.
    static var inputKeys: [String] { get }
}

extension PinnedStage {
    package static var inputKeys: [String] { ["input"] }
}

/// One file of an input and its hash.
package struct Pin: Sendable, Hashable {
    /// Relative to the input's folder.
    package let path: String
    /// In hexadecimal.
    package let sha256: String

    package init(path: String, sha256: String) { (self.path, self.sha256) = (path, sha256) }
}

/// How lock files are called and read.
package struct PinSource: Sendable {
    package let fileName: String
    package let read: @Sendable (_ bytes: [UInt8], _ path: FilePath) throws -> [(input: String, pins: [Pin])]

    /// - Parameter read: The pins of all inputs in a lock file; none for an input that isn't pinned yet.
    package init(
        fileName: String,
        read:
            @escaping @Sendable (_ bytes: [UInt8], _ path: FilePath) throws -> [(input: String, pins: [Pin])]
    ) {
        (self.fileName, self.read) = (fileName, read)
    }
}

/// The hashes that the stages of one experiment are read with.
package struct Pins: Sendable {
    /// The key of an experiment that holds them.
    package static let key = "pins"

    /// By input.
    let pins: [String: [Pin]]
    /// The lock file, where one was found.
    package let lock: FilePath?

    package static let none = Pins(pins: [:], lock: nil)

    private init(pins: [String: [Pin]], lock: FilePath?) { (self.pins, self.lock) = (pins, lock) }

    /// Reads the key of an experiment.
    package init(_ root: JSONNode, lock: FilePath?, report: (Diagnostic) -> Void) {
        var pins: [String: [Pin]] = [:]
        if let node = root[Self.key], node.members == nil {
            report(Diagnostic(at: node.origin, "\"pins\" should be an object; this is \(node.shown)."))
        }
        for input in root[Self.key]?.members ?? [] {
            guard let files = input.value.members,
                files.allSatisfy({ file in file.value.string.map(Self.isHash) ?? false })
            else {
                report(
                    Diagnostic(
                        at: input.value.origin, "The pins of \"\(input.key)\" should be SHA-256 by path.",
                        hint: "They are put in from the lock file where the key is left out."))
                continue
            }
            pins[input.key] = files.map { Pin(path: $0.key, sha256: $0.value.string ?? "") }
        }
        self.init(pins: pins, lock: lock)
    }

    private static func isHash(_ text: String) -> Bool { Recipe.isFingerprint(text) }
}

extension Fields {
    /// The hashes of an input's files, which become part of the recipe; none while it isn't pinned.
    ///
    /// Call it once for each, with the value of the key that names it.
    /// - Parameter key: What the hashes are called in the recipe.
    package func pins(of input: String, as key: String = "sha256") -> [Pin] {
        guard node != nil else { return [] }
        let pins = references?.pins.pins[input] ?? []
        config[key] = .object(.init(pins.map { ($0.path, .string($0.sha256)) }))
        return pins
    }

    /// The lock file that the experiment is read with; not a part of any recipe.
    package var lockFile: FilePath? { references?.pins.lock }
}
