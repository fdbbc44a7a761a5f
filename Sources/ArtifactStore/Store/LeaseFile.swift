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
    package static func read(_ path: FilePath) throws(FileError) -> LeaseFile? {
        let bytes: [UInt8]
        do {
            bytes = try FileSystem.read(path)
        } catch {
            if error.errno == .noSuchFileOrDirectory || error.errno == .staleNFSFileHandle { return nil }
            throw error
        }
        return LeaseFile(bytes)
    }

    private init(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.byteText.split("\n", keepingEmpty: true).map(\.text)
        guard text.byteText.hasPrefix(Self.head), lines.count >= 5, lines[1].count == 32,
            let expiry = Double(lines[3]), expiry > 0, expiry.isFinite
        else {
            // Another version's, or cut off by a crash of the server: taken for one that nobody renews.
            (id, counter, expiry, owner) = ("", SHA256.hex(of: bytes), 60, "another process")
            return
        }
        (id, counter, self.expiry) = (lines[1], lines[2], expiry)
        owner = ArtifactLock.ownerText(Array(lines[4].utf8)) ?? "another process"
    }
}

/// The files that say who holds a lease, from the first holder to the one that holds it now.
///
/// The lease is `NAME.lease`. Who takes it over from a holder that stands still doesn't touch that file, which others
/// may be about to take over too, but makes the file `NAME.HOLDER.next`: only one can, because a holder's id is never
/// used again. Who holds the lease is who made the last file that is reached this way; removing the first file frees
/// it, whatever else is left.
struct LeaseChain {
    package let folder: FilePath
    package let name: String
    private(set) var files: [(path: FilePath, lease: LeaseFile)] = []

    /// - Throws: `FileError` when a file is there but can't be read.
    package init(_ folder: FilePath, _ name: String) throws(FileError) {
        self.folder = folder
        self.name = name
        var path = folder.appending("\(name).lease")
        // Each holder's file is named after the one before, so that no circle is possible; a limit all the same.
        while files.count < 10_000, let lease = try LeaseFile.read(path) {
            files.append((path, lease))
            guard !lease.id.isEmpty else { return }
            path = Self.next(folder, name, after: lease.id)
        }
    }

    /// Who holds the lease, or held it last; nil when it is free.
    package var holder: LeaseFile? { files.last?.lease }

    /// The file that whoever takes the lease now has to make.
    package var next: FilePath {
        files.last.map { Self.next(folder, name, after: $0.lease.id) } ?? folder.appending("\(name).lease")
    }

    package static func next(_ folder: FilePath, _ name: String, after id: String) -> FilePath {
        folder.appending("\(name).\(id).next")
    }
}
