internal import Base
internal import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the queue says of one job or of one task of an array.
struct QueueEntry: Sendable, Hashable {
    /// `12`, or `12_3` for a task of an array.
    let address: String
    /// Slurm's long name, such as `RUNNING`.
    let state: String
    /// Why it waits or how it failed, as Slurm calls it; empty where there is nothing to say.
    let reason: String
    let nodes: String
    /// What d3llm has marked the job with.
    let comment: String

    /// Whether it may still make its stage.
    var isLive: Bool { Self.live.contains(state) && !isStuck }
    var isRunning: Bool { isLive && state != "PENDING" && !state.byteText.hasPrefix("REQUEUE") }
    /// Whether it waits for something that can't happen any more.
    var isStuck: Bool { state == "PENDING" && reason == Self.neverSatisfied }

    static let neverSatisfied = "DependencyNeverSatisfied"

    private static let live: Set<String> = [
        "PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING", "REQUEUED", "REQUEUE_FED",
        "REQUEUE_HOLD", "RESIZING", "RESV_DEL_HOLD", "SIGNALING", "SPECIAL_EXIT", "STAGE_OUT", "STOPPED",
    ]

    /// The format that ``init(line:)`` reads, for `squeue --format`: the comment last, because anything may be in it.
    static let format = "%F|%K|%T|%r|%N|%k"

    /// A line that squeue has printed; nil for one of another form.
    init?(line: some StringProtocol) {
        let parts = line.byteText.split("|", maxSplits: 5, keepingEmpty: true).map(\.text)
        guard parts.count == 6, let first = parts[0].unicodeScalars.first, ("0"..."9").contains(first) else {
            return nil
        }
        address = Int(parts[1]) == nil ? parts[0] : "\(parts[0])_\(parts[1])"
        (state, nodes, comment) = (parts[2], parts[4], parts[5])
        reason = parts[3] == "None" ? "" : parts[3]
    }

    init(address: String, state: String) {
        (self.address, self.state) = (address, state)
        (reason, nodes, comment) = ("", "", "")
    }
}

/// The commands of Slurm that are used.
struct Queue: Sendable {
    /// All that this user has in the queue, and what the controller remembers of what ended lately.
    ///
    /// - Throws: `LaunchError`.
    func entries() throws -> [QueueEntry] {
        let outcome = try checked(
            ["squeue", "--me", "--noheader", "--states=all", "--array", "--format=\(QueueEntry.format)"])
        return outcome.output.byteText.split("\n").compactMap { QueueEntry(line: $0.text) }
    }

    /// What the accounting knows of jobs that the queue has forgotten; nothing where there is no accounting.
    func history(_ addresses: [String]) -> [String: QueueEntry] {
        guard !addresses.isEmpty,
            let outcome = try? Tool.run([
                "sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State",
                "--jobs=\(addresses.joined(separator: ","))",
            ]), outcome.code == 0
        else { return [:] }
        var entries: [String: QueueEntry] = [:]
        for line in outcome.output.byteText.split("\n").map(\.text) {
            let parts = line.byteText.split("|", keepingEmpty: true).map(\.text)
            guard parts.count == 2, let state = parts[1].byteText.split(" ").first?.text else { continue }
            // "CANCELLED by 1000" is one state.
            entries[String(parts[0])] = QueueEntry(address: String(parts[0]), state: String(state))
        }
        return entries
    }

    /// Hands in a script and gives the job's number.
    ///
    /// - Parameter needs: What has to end well first; what can't come to that any more cancels the job.
    /// - Throws: `LaunchError`.
    func submit(_ script: String, comment: String, after needs: [String]) throws -> String {
        let dependency =
            needs.isEmpty
            ? [] : ["--dependency=afterok:\(needs.joined(separator: ":"))", "--kill-on-invalid-dep=yes"]
        let command = ["sbatch", "--parsable", "--comment=\(comment)"] + dependency + [script]
        let outcome = try checked(command)
        // Clusters of clusters print "12;name".
        let id = outcome.output.byteText.lines.last { !$0.isEmpty }?.split(";").first?.text
        guard let id, Int(id) != nil else { throw LaunchError.failed(command, outcome) }
        return id
    }

    /// Takes jobs or tasks out of the queue.
    ///
    /// - Throws: `LaunchError`.
    func cancel(_ addresses: [String]) throws {
        guard !addresses.isEmpty else { return }
        _ = try checked(["scancel"] + addresses)
    }

    private func checked(_ command: [String]) throws -> Tool.Outcome {
        let outcome = try Tool.run(command)
        guard outcome.code == 0 else { throw LaunchError.failed(command, outcome) }
        return outcome
    }
}

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
