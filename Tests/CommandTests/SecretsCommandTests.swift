import Files
import JSON
import Synchronization
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What other programs of the same user can see of a token that d3llm was given.
@Suite struct SecretsCommandTests {
    static let setpriv: String? = ["/usr/bin/setpriv", "/bin/setpriv"].first { (path: String) in
        access(path, X_OK) == 0
    }

    /// Runs `d3llm fetch` as a user, and what `look` does of its process while it waits for the server's answer.
    private func whileFetching(
        _ environment: [String: String], look: @escaping @Sendable (pid_t) -> String
    ) throws -> (seen: String, authorization: String?) {
        let command = try D3LLMCommand()
        let setpriv = try #require(Self.setpriv)
        let folder = command.scratch.path
        let program = folder.appending("d3llm-of-the-test")
        try #require(
            try Command(
                "/bin/cp", ["--reflink=auto", D3LLMCommand.executable.string, program.string], scratch: folder
            )
            .wait().code == 0)
        chmod(folder.string, 0o777)
        let seen = Mutex("")
        let server = try LoopbackServer { request in
            let pid = Self.process(of: program)
            seen.withLock { text in
                if text.isEmpty { text = pid.map(look) ?? "no process" }
            }
            return request.reply(404)
        }
        var variables = environment
        variables["HF_ENDPOINT"] = server.url("")
        variables["HOME"] = folder.string
        variables["D3LLM_CACHE"] = folder.appending("files").string
        variables["HF_HOME"] = folder.appending("hf").string
        variables["LD_LIBRARY_PATH"] = Command.environment("LD_LIBRARY_PATH")
        let lock: JSONValue = [
            "format": 1,
            "inputs": [
                "tiny": [
                    "repository": "org/name", "type": "model", "revision": "main", "include": ["*"],
                    "files": [],
                ]
            ],
        ]
        let lockFile = folder.appending("data.lock")
        try FileSystem.writeAtomically(lock.prettyBytes(), to: lockFile)
        let process = try Command(
            FilePath(setpriv),
            [
                "--reuid=12345", "--regid=12345", "--clear-groups", program.string, "fetch", "tiny", "--lock",
                lockFile.string,
            ],
            environment: variables, scratch: folder)
        let outcome = process.wait()
        #expect(!server.requests.isEmpty, "\(outcome.log)")
        return (seen.withLock { $0 }, server.requests.first?.fields["authorization"])
    }

    private static func process(of program: FilePath) -> pid_t? {
        let names = (try? FileSystem.list("/proc")) ?? []
        return names.compactMap { pid_t($0) }.first { pid in
            var buffer = [CChar](repeating: 0, count: 4097)
            let count = readlink("/proc/\(pid)/exe", &buffer, buffer.count - 1)
            let target = String(
                decoding: buffer[..<max(0, count)].map(UInt8.init(bitPattern:)), as: UTF8.self)
            return target == program.string
        }
    }

    /// What a program of that user reads of another's process.
    private static func asUser(_ pid: pid_t, _ file: String) -> String {
        guard let setpriv, let scratch = try? ScratchFolder() else { return "not tried" }
        let outcome = try? Command(
            FilePath(setpriv),
            ["--reuid=12345", "--regid=12345", "--clear-groups", "/bin/cat", "/proc/\(pid)/\(file)"],
            scratch: scratch.path
        ).wait()
        return outcome.map { "\($0.output)\($0.log)" } ?? "not tried"
    }

    @Test(.enabled(if: geteuid() == 0 && Self.setpriv != nil))
    func aTokenReachesTheHubAndNobodyElse() throws {
        let (seen, authorization) = try whileFetching([
            "HF_TOKEN": "hf_SECRETTOKEN", "OPENAI_API_KEY": "sk_SECRET",
        ]) {
            pid in
            // As root, who may read it whatever the process says.
            let own = (try? FileSystem.read(FilePath("/proc/\(pid)/environ"))) ?? []
            return [
                String(decoding: own, as: UTF8.self), Self.asUser(pid, "environ"), Self.asUser(pid, "maps"),
            ]
            .joined(separator: "|")
        }
        #expect(authorization == "Bearer hf_SECRETTOKEN")
        #expect(!seen.contains("SECRET") && seen.contains("HF_ENDPOINT"), "\(seen)")
        #expect(
            seen.split(separator: "|").dropFirst().allSatisfy { $0.contains("Permission denied") }, "\(seen)")
    }

    @Test(.enabled(if: geteuid() == 0 && Self.setpriv != nil))
    func aDebuggerCanBeLetIn() throws {
        let (seen, _) = try whileFetching(["HF_TOKEN": "hf_SECRETTOKEN", "D3LLM_DEBUGGABLE": "1"]) {
            Self.asUser($0, "environ")
        }
        #expect(seen.contains("D3LLM_DEBUGGABLE=1") && !seen.contains("SECRET"), "\(seen)")
    }
}
