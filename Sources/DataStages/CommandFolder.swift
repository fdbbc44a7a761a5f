internal import ArtifactStore
internal import Base
internal import Files
internal import JSON
internal import Recipes
internal import StageBasics
internal import SystemPackage

/// A file of this machine that a command gets a copy of.
struct CommandFile: Sendable {
    /// What it is called in the folder files.
    let name: String
    let path: String
    let sha256: String

    init(_ fields: Fields) {
        path = fields.string(
            "path", "The file, absolute or relative to the current folder; not part of the recipe.",
            role: .execution)
        sha256 = fields.string(
            "sha256", "Its SHA-256 in hexadecimal, as sha256sum prints it; the stage itself names it.")
        DigestCheck.reject(sha256, key: "sha256", fields)
        let given = fields.optionalString(
            "name", "What it is called in the folder files; its own name by default.")
        name = given ?? FilePath(foreign: path)?.lastComponent?.string ?? ""
        if !path.isEmpty, !CommandFolder.isName(name) {
            fields.reject(
                given == nil ? "path" : "name", "\"\(name.visible)\" can't be the name of a file.",
                hint: given == nil
                    ? "Give it one: \"name\". \(CommandFolder.namesHint)" : CommandFolder.namesHint)
        }
        // The command names it, wherever it lies.
        fields.config["name"] = .string(name)
    }
}

/// The folder in which a command runs: what it gets, and what becomes of what it leaves.
struct CommandFolder {
    /// The folder, absolute.
    let path: FilePath
    private let folder: Folder

    /// For what it wants to forget.
    var temporary: FilePath { path.appending(Self.temporaryName) }

    private static let outputName = "output"
    private static let temporaryName = "tmp"
    private static let mostEntries = 100_000

    /// What names may be, for a hint.
    static let namesHint = "A name has no slash and no control character, and begins with no dot."

    /// Makes its parts in an empty folder.
    init(_ empty: FilePath) throws {
        path = try FileSystem.absolute(empty)
        folder = try Folder(path)
        for name in ["inputs", "files", Self.outputName, Self.temporaryName] {
            try folder.makeFolder(FilePath(name))
        }
    }

    /// Whether a text can name a file or a folder of the command.
    static func isName(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 200 && !text.byteText.hasPrefix(".")
            && !text.utf8.contains(0x2F) && !text.unicodeScalars.contains(where: \.isInvisible)
    }

    /// Whether a text is a path below a folder, in the form in which files are listed.
    static func isInside(_ text: String) -> Bool {
        ArtifactRecord.File.isInside(text) && FilePath(text).string == text
    }

    /// Puts artifacts where the command finds them.
    func link(_ label: String, to artifacts: [FilePath]) throws {
        let place = FilePath("inputs").appending(label)
        guard artifacts.count > 1 else {
            for artifact in artifacts {
                try folder.symbolicLink(to: FileSystem.absolute(artifact), at: place)
            }
            return
        }
        try folder.makeFolder(place)
        for (index, artifact) in artifacts.enumerated() {
            try folder.symbolicLink(to: FileSystem.absolute(artifact), at: place.appending("\(index)"))
        }
    }

    /// Copies a file of this machine, if it is what is expected.
    func take(_ file: CommandFile) throws {
        let source = try FilePath(named: file.path, of: "a file of the command")
        let place = FilePath("files").appending(file.name)
        try folder.copy(source, to: place)
        // The copy is hashed: the file itself may change meanwhile.
        let found = try SHA256.hex(ofFile: path.pushing(place))
        guard found == file.sha256.lowercased() else {
            throw DataError(
                description:
                    "\(file.path.visible) isn't the file that is expected: its SHA-256 is \(found), and \"sha256\" says \(file.sha256.isEmpty ? "nothing" : file.sha256). If this file is meant, write that sum."
            )
        }
        try folder.makeExecutable(place)
    }

    /// Opens a new file of the artifact.
    func create(_ name: String) throws -> FileDescriptor {
        let place = FilePath(Self.outputName).pushing(FilePath(name))
        try folder.makeFolder(place.removingLastComponent())
        return try folder.create(place)
    }

    /// Makes what the command left in its output the content of the folder, and removes all else.
    ///
    /// - Throws: ``DataError`` where there is nothing, or what no artifact can hold; `FileError`.
    func collect() throws {
        guard try folder.status(FilePath(Self.outputName))?.kind == .folder,
            let output = try folder.folder(FilePath(Self.outputName))
        else {
            throw DataError(
                description: "The command took its folder output away, or put something else there.")
        }
        var files = 0
        var entries = 0
        try Self.check(output, "", &files, &entries)
        guard files > 0 else {
            throw DataError(description: "The command left no file in its folder output.")
        }
        for name in try folder.names() where name.string != Self.outputName {
            try folder.remove(FilePath(root: nil, components: name))
        }
        // Something in it may have its name.
        let aside = FilePath(".d3llm-output-\(String(UInt64.random(in: 0 ... .max), radix: 16))")
        try folder.rename(FilePath(Self.outputName), to: folder, aside)
        for name in try output.names() {
            let place = FilePath(root: nil, components: name)
            try output.rename(place, to: folder, place)
        }
        try folder.remove(aside)
    }

    /// Refuses what isn't a plain file or a folder, and names that aren't text.
    private static func check(_ folder: Folder, _ relative: String, _ files: inout Int, _ entries: inout Int)
        throws
    {
        for name in try folder.names() {
            guard let text = name.validText else {
                throw DataError(
                    description:
                        "The command left \(relative)\(name.string.visible), whose name isn't text in UTF-8.")
            }
            entries += 1
            guard entries <= mostEntries else {
                throw DataError(
                    description:
                        "The command left more than \(mostEntries) files and folders. Let it pack them into one file."
                )
            }
            let place = FilePath(root: nil, components: name)
            switch try folder.status(place)?.kind {
            case .file?: files += 1
            case .folder?:
                if let next = try folder.folder(place) {
                    try check(next, "\(relative)\(text)/", &files, &entries)
                }
            default:
                throw DataError(
                    description:
                        "The command left \((relative + text).visible), which is a link, a pipe or a device; an artifact holds plain files and folders only."
                )
            }
        }
    }
}
