import Files
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files that processes lock by `flock`.
///
/// Whoever can open a file can lock it, so that those who may only read a store could keep others from writing to it.
/// These files can be opened by those who may write to the store, and by nobody else.
enum LockFile {
    /// Opens a lock's file, and makes it where it isn't there.
    ///
    /// - Throws: `FileError`, also where a link stands there, or a file that has another name too.
    static func open(_ name: FilePath.Component?, in folder: Folder) throws(FileError) -> FileDescriptor {
        guard let name, name.kind == .regular else {
            throw FileError("lock", folder.path, .invalidArgument)
        }
        let (place, mode) = (FilePath(root: nil, components: name), try Self.mode(in: folder))
        let file = try folder.openFile(
            place, .readWrite, options: .create, permissions: FilePermissions(rawValue: mode), "lock")
        guard let file else { throw FileError("lock", folder.path.pushing(place), .noSuchFileOrDirectory) }
        var facts = stat()
        guard fstat(file.rawValue, &facts) == 0, facts.st_nlink <= 1 else {
            try? file.close()
            // Who holds a lock is written into its file.
            throw FileError(
                "lock", folder.path.pushing(place), .invalidArgument,
                "the file has another name elsewhere, so that it isn't one of this program. Look at it, and remove it"
            )
        }
        // Earlier versions made files that others may read; only the owner can change that.
        if facts.st_mode & 0o777 != mode, facts.st_uid == geteuid() { _ = fchmod(file.rawValue, mode) }
        return file
    }

    /// Whether the opened file is the one that has this name now.
    static func isAt(_ name: FilePath.Component?, in folder: Folder, _ file: FileDescriptor) -> Bool {
        guard let name else { return false }
        return folder.holds(FilePath(root: nil, components: name), file)
    }

    /// For the owner, and for the others who may write to the folder.
    private static func mode(in folder: Folder) throws(FileError) -> mode_t {
        let writers = try folder.permissions() & 0o022
        return 0o600 | writers | writers << 1
    }

    /// Who holds the lock of an open file, from the kernel's list: "process 12 (python3)"; nil where it doesn't tell.
    static func holder(of file: FileDescriptor) -> String? {
        var facts = stat()
        guard fstat(file.rawValue, &facts) == 0, let list = try? FileSystem.readText("/proc/locks") else {
            return nil
        }
        for line in list.utf8.split(separator: UInt8(ascii: "\n")) {
            let fields = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard fields.count > 5, fields[1] == "FLOCK",
                fields[5].utf8.split(separator: UInt8(ascii: ":")).last.map({
                    String(decoding: $0, as: UTF8.self)
                })
                    == "\(facts.st_ino)",
                let process = Int(fields[4]), process > 0, process != Int(getpid())
            else { continue }
            let name = (try? FileSystem.read(FilePath("/proc/\(process)/comm")))?.filter {
                $0 >= 0x20 && $0 < 0x7F
            }
            let text = name.map { " (\(String(decoding: $0, as: UTF8.self)))" } ?? ""
            return "process \(process)\(text)"
        }
        return nil
    }
}
