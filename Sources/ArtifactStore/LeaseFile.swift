internal import Base
import Files
import JSON
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What a file of a lease says.
///
/// ```
/// d3llm-lease 1
/// <32 hexadecimal digits: the holder>
/// <16 hexadecimal digits: how often it was renewed>
/// <seconds after which it may be taken over>
/// {"process": 12, "host": "node3", "since": "…"}
/// ```
struct LeaseFile: Sendable, Hashable {
    /// Of this one holding of a lease; never used again.
    ///
    /// Empty where the file can't be read.
    package let id: String
    let counter: String
    /// As its holder keeps it, in seconds.
    let expiry: Double
    /// For those who wait.
    package let owner: String

    private static let head = "d3llm-lease 1\n"
    /// Where the digits of the counter begin; they alone are ever written again, so that a reader in between sees the
    /// old number, the new one or a mixture, and any of them tells a change.
    static let counterOffset = Int64(head.utf8.count + 33)

    static func counterText(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The bytes of a new file.
    package static func bytes(id: String, expiry: Double) -> [UInt8] {
        let owner: JSONValue = [
            "process": .integer(Int(getpid())), "host": .string(Machine.hostName),
            "since": .string(Timestamp.now().text),
        ]
        let text = (try? owner.compactBytes()) ?? []
        return Array("\(head)\(id)\n\(counterText(0))\n\(expiry)\n".utf8) + text + [UInt8(ascii: "\n")]
    }

    /// Reads a file; nil where there is none.
    ///
    /// It is opened anew each time: that is when clients of NFS ask the server whether it has changed.
    /// - Throws: `FileError`, also where something else than a plain file stands there.
    package static func read(_ name: FilePath, in folder: Folder) throws(FileError) -> LeaseFile? {
        do {
            return try folder.read(name, limit: 1 << 16).map { LeaseFile($0) }
        } catch {
            switch error.errno {
            case .noSuchFileOrDirectory, .staleNFSFileHandle: return nil
            case .fileTooLarge: return unreadable([])
            default: throw error
            }
        }
    }

    /// Another version's, or cut off by a crash of the server, or somebody's idea of a lease: taken for one that nobody
    /// renews, and nothing that it says is acted on.
    static func unreadable(_ bytes: [UInt8]) -> LeaseFile {
        LeaseFile(
            id: "", counter: SHA256.hex(of: bytes), expiry: Lease.standardExpiry, owner: "another process")
    }

    private init(id: String, counter: String, expiry: Double, owner: String) {
        (self.id, self.counter, self.expiry, self.owner) = (id, counter, expiry, owner)
    }

    private init(_ bytes: [UInt8]) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        // The holder becomes a part of names, so that it has to be what this program writes, byte for byte.
        guard bytes.starts(with: Self.head.utf8), lines.count >= 5, Self.areDigits(lines[1], count: 32),
            Self.areDigits(lines[2], count: 16),
            // A number ends at a NUL for those who read it.
            lines[3].allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
            let expiry = Double(String(decoding: lines[3], as: UTF8.self)), expiry > 0,
            expiry <= Lease.longestExpiry
        else {
            self = .unreadable(bytes)
            return
        }
        self.init(
            id: String(decoding: lines[1], as: UTF8.self), counter: String(decoding: lines[2], as: UTF8.self),
            expiry: expiry, owner: ArtifactLock.ownerText(Array(lines[4])) ?? "another process")
    }

    /// Whether a line is so many hexadecimal digits, as this program writes them.
    private static func areDigits(_ line: ArraySlice<UInt8>, count: Int) -> Bool {
        line.count == count && line.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

/// The files that say who holds a lease, from the first holder to the one that holds it now.
///
/// The lease is `NAME.lease`. Who takes it over from a holder that stands still doesn't touch that file, which others
/// may be about to take over too, but makes the file `NAME.HOLDER.next`: only one can, because a holder's id is never
/// used again. Who holds the lease is who made the last file that is reached this way; removing the first file frees
/// it, whatever else is left.
struct LeaseChain {
    package let folder: Folder
    package let name: String
    private(set) var files: [(name: FilePath, lease: LeaseFile)] = []

    /// - Throws: `FileError` when a file is there but can't be read.
    package init(_ folder: Folder, _ name: String) throws(FileError) {
        self.folder = folder
        self.name = name
        var file = Self.first(name)
        var known: Set<String> = []
        // Each holder's file is named after the one before, so that no circle is possible but in files that somebody made
        // up: the file that leads back says nothing then, nor does one that no chain is long enough for.
        while let lease = try LeaseFile.read(file, in: folder) {
            guard !lease.id.isEmpty, known.insert(lease.id).inserted, known.count < 10_000 else {
                files.append((file, lease.id.isEmpty ? lease : .unreadable([])))
                return
            }
            files.append((file, lease))
            file = Self.next(name, after: lease.id)
        }
    }

    /// Who holds the lease, or held it last; nil when it is free.
    package var holder: LeaseFile? { files.last?.lease }

    /// The name in the folder of the file that whoever takes the lease now has to make.
    package var next: FilePath {
        files.last.map { Self.next(name, after: $0.lease.id) } ?? Self.first(name)
    }

    /// The name of a lease's first file.
    package static func first(_ name: String) -> FilePath { FilePath("\(name).lease") }

    /// The name of the file by which a lease is taken over.
    package static func next(_ name: String, after id: String) -> FilePath { FilePath("\(name).\(id).next") }

    /// What tells a lease from those of other folders.
    static func place(_ folder: Folder, _ name: String) -> FilePath {
        folder.path.pushing(first(name))
    }
}
