package import Base
import Files
package import JSON
package import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The machine that an artifact is made on, as far as it may matter for numbers and times.
package struct Machine: Sendable {
    /// The processor's name, as the kernel gives it.
    package let processor: String
    /// Logical processors that this process may use.
    package let cores: Int
    /// In bytes.
    package let memory: Int
    /// The distribution and the kernel.
    package let system: String

    /// The machine that runs this.
    package static let current = Machine(
        processor: field("model name", of: "/proc/cpuinfo") ?? "unknown", cores: availableCores(),
        memory: (field("MemTotal", of: "/proc/meminfo")?.byteText.split(" ").first.flatMap { Int($0.text) }
            ?? 0)
            * 1024,
        system: systemName())

    /// As records hold it.
    ///
    /// - Parameters:
    ///   - threads: How many threads the run uses.
    ///   - extras: What the caller knows besides, such as the name of the BLAS kernels.
    package func value(threads: Int, extras: JSONObject) -> JSONValue {
        var object: JSONObject = [
            "processor": .string(processor), "cores": .integer(cores), "threads": .integer(threads),
            "memoryBytes": .integer(memory), "system": .string(system),
        ]
        for member in extras.members { object[member.key] = member.value }
        return .object(object)
    }

    package static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "unknown" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }()

    /// Changes with every start of the machine.
    static let bootID: String =
        (try? FileSystem.readText("/proc/sys/kernel/random/boot_id"))?.byteText.trimmed.text ?? "unknown"

    /// Counts what the kernel lets this process use: fewer than there are under `taskset` or in a container.
    private static func availableCores() -> Int {
        let ranges =
            field("Cpus_allowed_list", of: "/proc/self/status")?.byteText.split(",").map(\.text) ?? []
        let counts = ranges.map { range in
            let ends = range.byteText.split("-").compactMap { Int($0.text) }
            return ends.count == 2 ? ends[1] - ends[0] + 1 : ends.count
        }
        let count = counts.reduce(0, +)
        return count > 0 ? count : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }

    private static func systemName() -> String {
        let name =
            field("PRETTY_NAME", of: "/etc/os-release", separator: "=")?.byteText.replacing("\"", with: "")
            .text ?? "Linux"
        let kernel = (try? FileSystem.readText("/proc/sys/kernel/osrelease"))?.byteText.trimmed.text ?? ""
        return "\(name), kernel \(kernel)"
    }

    /// The value of the first line `name: value`.
    package static func field(_ name: String, of path: FilePath, separator: ByteText = ":") -> String? {
        guard let text = try? FileSystem.readText(path) else { return nil }
        for line in text.byteText.split("\n") {
            guard let (key, value) = line.cut(at: separator) else { continue }
            if key.trimmed == name.byteText { return value.trimmed.text }
        }
        return nil
    }
}

/// What changes while a machine runs, and so isn't part of `Machine.current`.
extension Machine {
    /// Memory that programs can still get without swapping, in bytes; nil where the kernel doesn't tell.
    package static func availableMemory() -> Int? {
        field("MemAvailable", of: "/proc/meminfo")?.byteText.split(" ").first.flatMap { Int($0.text) }.map {
            $0 * 1024
        }
    }

    /// The logical processors that this process may use, as the kernel lists them: `0-3,8`.
    package static func allowedProcessors() -> String? { field("Cpus_allowed_list", of: "/proc/self/status") }

    /// How many logical processors are switched on, whether this process may use them or not.
    package static func onlineProcessors() -> Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

extension Store {
    /// Bytes that can still be written to the disk that the store is on, or will be; nil when the system can't tell.
    package func freeSpace() -> Int? {
        var info = statvfs()
        guard existingFolder.withPlatformString({ statvfs($0, &info) }) == 0 else { return nil }
        return Int(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
                .partialValue)
    }

    /// The store's folder, or the nearest one above it that exists already.
    package var existingFolder: FilePath {
        var folder = root
        while !FileSystem.exists(folder) {
            let parent = folder.removingLastComponent()
            guard parent != folder, !parent.isEmpty else { return root.isAbsolute ? "/" : "." }
            folder = parent
        }
        return folder
    }
}

/// Short questions to other programs.
package enum Subprocess {
    /// What a command prints on standard output, without white space at its ends; nil when it isn't there or fails.
    static func output(_ command: [String]) -> String? {
        guard let bytes = bytes(command) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.byteText.trimmed.text
    }

    /// What a command prints on standard output; nil when it isn't there or fails.
    static func bytes(_ command: [String]) -> [UInt8]? {
        guard let name = command.first, let (reader, writer) = try? FileDescriptor.pipe() else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, writer.rawValue, 1)
        posix_spawn_file_actions_addclose(&actions, reader.rawValue)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let failed = posix_spawnp(&child, name, &actions, nil, &arguments, environ)
        try? writer.close()
        defer { try? reader.close() }
        guard failed == 0 else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while let count = try? buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
            bytes += buffer[..<count]
        }
        var status: CInt = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
        return status == 0 ? bytes : nil
    }

    /// Runs a command that reads nothing, with its messages on this program's standard error and without what it prints:
    /// how it ended, 128 and more for a signal; nil when it can't be started.
    package static func run(_ command: [String]) -> Int? {
        guard let name = command.first else { return nil }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        guard posix_spawnp(&child, name, &actions, nil, &arguments, environ) == 0 else { return nil }
        var status: CInt = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
        let signal = Int(status & 0x7F)
        return signal == 0 ? Int((status >> 8) & 0xFF) : 128 + signal
    }

    /// Where a symbolic link points to.
    static func linkTarget(_ path: FilePath) -> FilePath? {
        var buffer = [CChar](repeating: 0, count: 4097)
        let count = path.withPlatformString { readlink($0, &buffer, buffer.count - 1) }
        guard count > 0 else { return nil }
        return FilePath(String(decoding: buffer[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self))
    }
}

/// The version of this program, as `d3llm --version` and the records say it.
package enum Version {
    package static let current = "0.1.0"

    /// The compiler that built it, to the minor version: all that Swift tells its source.
    package static let swift: String = {
        #if compiler(>=6.5)
            "6.5 or later"
        #elseif compiler(>=6.4)
            "6.4"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }()
}

/// Which program made an artifact.
///
/// It isn't part of the recipe: a kind's version says when results change.
package struct CodeIdentity: Sendable {
    /// SHA-256 of the executable file.
    package let executable: String?
    /// The commit of the repository that the executable was built in, if it still lies there.
    package let commit: String?
    /// Whether that working tree has changes that are in no commit.
    package let isDirty: Bool?
    /// SHA-256 of those changes to files that are under version control, as `git diff --binary HEAD` prints them.
    let diff: String?

    /// Finds out; takes a fraction of a second, so ask only when something is to be made.
    package static func current() -> CodeIdentity {
        let hash = try? SHA256.hex(ofFile: "/proc/self/exe")
        guard let path = Subprocess.linkTarget("/proc/self/exe") else {
            return CodeIdentity(executable: hash, commit: nil, isDirty: nil, diff: nil)
        }
        let folder = path.removingLastComponent().string
        let commit = Subprocess.output(["git", "-C", folder, "rev-parse", "HEAD"])
        let changes = commit == nil ? nil : Subprocess.output(["git", "-C", folder, "status", "--porcelain"])
        let isDirty = changes.map { !$0.isEmpty }
        return CodeIdentity(
            executable: hash, commit: commit, isDirty: isDirty,
            diff: isDirty == true ? diff(in: folder) : nil)
    }

    private static func diff(in folder: String) -> String? {
        // Whatever a person's configuration makes of diffs, the same changes have the same hash.
        let settings = ["diff.noprefix=false", "diff.mnemonicPrefix=false", "diff.algorithm=default"]
        let command = ["git", "-C", folder] + settings.flatMap { ["-c", $0] }
        return Subprocess.bytes(
            command + ["diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "HEAD"]
        ).map { SHA256.hex(of: $0) }
    }

    package var value: JSONValue {
        [
            "version": .string(Version.current),
            "executableSHA256": .text(executable),
            "commit": .text(commit), "dirty": isDirty.map(JSONValue.bool) ?? .null,
            "dirtyDiffSHA256": .text(diff),
        ]
    }
}

/// The variables of the environment that decide on numbers or on where things are.
///
/// A list of what is recorded, not of what isn't: environments hold secrets under any name.
package enum RunEnvironment {
    private static let prefixes = ["D3LLM_", "OPENBLAS_", "OMP_"]
    private static let names: Set<String> = [
        "GOTO_NUM_THREADS", "HF_HUB_OFFLINE", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_ARENA_MAX", "TMPDIR",
    ]
    /// Even a name that the prefixes let through isn't recorded when it sounds like a secret.
    private static let secrets = ["TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL"]

    /// Those that are set.
    package static func current() -> [String: String] {
        var result: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            // not text: a name and a value
            if parts.count == 2, isRecorded(String(parts[0])) { result[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        return result
    }

    static func isRecorded(_ name: String) -> Bool {
        if names.contains(name) { return true }
        return prefixes.contains { name.byteText.hasPrefix($0) } && !secrets.contains { name.contains($0) }
    }
}
