import Files
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the command makes of stores that it may not write, that have no room left, or that are at odd places.
@Suite struct BadStoreCommandTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    /// Training is killed by a full disk in the middle of a checkpoint and goes on when there is room again.
    @Test(.enabled(if: Tmpfs.isAvailable, "needs the right to mount a tmpfs"))
    func trainingGoesOnAfterAFullDisk() throws {
        let settings = ["--set", "stages.teacher.checkpointSeconds=0", "--only", "teacher", "--no-forecast"]
        func run(_ store: FilePath) throws -> Command.Outcome {
            try command.start(["run", D3LLMCommand.micro, "--store", store.string] + settings).wait()
        }
        #expect(try run(command.store).code == 0)
        let expected = try ScratchFolder.hashes(below: command.store)
        var said: Set<String> = []
        for kibibytes in [56, 88, 120, 152, 184, 216, 248, 280, 312, 376, 440, 504] {
            let disk = try #require(Tmpfs(kibibytes: kibibytes))
            let store = disk.path.appending("store")
            let full = try run(store)
            if full.code != 0 {
                #expect(full.code == 3 || full.code == 1)
                #expect(
                    full.log.contains("no space left on device. Free some space on that disk"), "\(full.log)")
                for name in ["checkpoint.safetensors", "model.safetensors", "jsonl", "artifact.json"]
                where full.log.contains(name) { said.insert(name) }
                #expect((try? FileSystem.list(store.appending(".tmp"))) ?? [] == [])
                try disk.resize(kibibytes: 1 << 14)
            }
            let outcome = try run(store)
            #expect(outcome.code == 0, "\(outcome.log)")
            #expect(try ScratchFolder.hashes(below: store) == expected, "\(kibibytes) KiB")
            #expect(try FileSystem.list(store.appending(".work")) == [])
        }
        #expect(said.contains("checkpoint.safetensors"), "\(said)")
    }

    /// As somebody else than the owner of the store; only root can take another name.
    @Test(.enabled(if: Stranger.isAvailable, "needs root, setpriv, and a build that others may read"))
    func aStoreOfSomebodyElseServesWhatItHas() throws {
        let config = try command.config(ExitCodeTests.quick)
        let made = try command("run", config, "--store", command.store.string)
        #expect(made.code == 0)
        let before = try command.listing()
        func run(_ arguments: String...) throws -> Command.Outcome {
            try Stranger.start(arguments + ["--store", command.store.string], scratch: command.scratch.path)
                .wait()
        }
        let again = try run("run", config)
        #expect(again.code == 0 && again.log.contains("Everything is cached"), "\(again.log)")
        #expect(try run("plan", config).output.contains("1 of 1 stages are cached"))
        #expect(try run("verify", "quick").code == 0)
        let other = try run("run", config, "--set", "seed=5")
        #expect(other.code == 3, "\(other)")
        #expect(other.log.contains("permission denied. Check the owner and the mode"), "\(other.log)")
        #expect(try command.listing() == before)
    }

    @Test(arguments: ["sp ace/größe 模型", "two\nlines", "'\"$(touch x)"])
    func aStoreMayBeAtAnyPath(name: String) throws {
        let config = try command.config(ExitCodeTests.quick)
        let storage = ["--store", command.scratch.path.pushing(FilePath(name)).string]
        let made = try command.start(["run", config] + storage).wait()
        #expect(made.code == 0, "\(made.log)")
        let again = try command.start(["run", config] + storage).wait()
        #expect(again.code == 0 && again.log.hasPrefix("Everything is cached"), "\(again.log)")
        for arguments in [["plan", config], ["verify", "quick"], ["diff", "quick", "quick"]] {
            let outcome = try command.start(arguments + storage).wait()
            #expect(outcome.code == 0, "\(arguments): \(outcome)")
        }
    }
}

/// Somebody who has no rights.
enum Stranger {
    static let isAvailable: Bool = {
        guard geteuid() == 0, let scratch = try? ScratchFolder(),
            let process = try? start(["--version"], scratch: scratch.path)
        else { return false }
        return process.wait().code == 0
    }()

    static func start(_ arguments: [String], scratch: FilePath) throws -> Command {
        try Command(
            "/usr/bin/setpriv",
            ["--reuid", "65534", "--regid", "65534", "--clear-groups", D3LLMCommand.executable.string]
                + arguments,
            scratch: scratch)
    }
}
