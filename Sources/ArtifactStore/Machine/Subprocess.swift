internal import Base
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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
