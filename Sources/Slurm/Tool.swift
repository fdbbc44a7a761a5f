internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs programs of the cluster and takes what they print.
struct Tool: Sendable {
    /// What a program printed and how it ended.
    struct Outcome: Sendable {
        let code: Int
        let output: String
        let errors: String
    }

    /// Runs a program that is found in `PATH`, and waits for it.
    ///
    /// - Throws: `LaunchError` when it can't be started.
    static func run(_ command: [String]) throws -> Outcome {
        let name = command.first ?? ""
        let pipe: (readEnd: FileDescriptor, writeEnd: FileDescriptor)
        do { pipe = try FileDescriptor.pipe() } catch { throw LaunchError.tool(name, "\(error)") }
        defer { try? pipe.readEnd.close() }
        // A nameless file for what goes to standard error, so that neither of the two has to wait for a reader.
        guard let file = tmpfile() else { throw LaunchError.tool(name, Errno(rawValue: errno).description) }
        defer { fclose(file) }
        let errors = FileDescriptor(rawValue: fileno(file))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, pipe.writeEnd.rawValue, 1)
        posix_spawn_file_actions_addclose(&actions, pipe.readEnd.rawValue)
        posix_spawn_file_actions_adddup2(&actions, errors.rawValue, 2)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var child = pid_t()
        let failure = posix_spawnp(&child, name, &actions, nil, &arguments, environ)
        try? pipe.writeEnd.close()
        guard failure == 0 else { throw LaunchError.tool(name, Errno(rawValue: failure).description) }
        let output = text(of: pipe.readEnd)
        var status: CInt = 0
        while waitpid(child, &status, 0) == -1, errno == EINTR {}
        rewind(file)
        let signal = Int(status & 0x7F)
        return Outcome(
            code: signal == 0 ? Int((status >> 8) & 0xFF) : 128 + signal, output: output,
            errors: text(of: errors))
    }

    private static func text(of file: FileDescriptor) -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Launcher {
    /// The path of the program that runs.
    package static var ownProgram: String {
        guard let path = realpath("/proc/self/exe", nil) else { return "d3llm" }
        defer { free(path) }
        return String(cString: path)
    }
}
