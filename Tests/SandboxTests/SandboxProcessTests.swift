import Files
import Sandbox
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Programs that start others, signal others, or reach for the network.
@Suite(.serialized)
struct SandboxProcessTests {
    /// Processes of this machine whose command line has a word.
    private func processes(with word: String) throws -> Int {
        try FileSystem.list("/proc").count { name in
            guard Int(name) != nil, let line = try? FileSystem.read(FilePath("/proc/\(name)/cmdline")) else {
                return false
            }
            return String(decoding: line, as: UTF8.self).contains(word)
        }
    }

    /// Waits for processes that were killed to be gone.
    private func areGone(_ word: String) throws -> Bool {
        for _ in 0..<100 {
            if try processes(with: word) == 0 { return true }
            usleep(50_000)
        }
        return false
    }

    @Test(arguments: SandboxEscapeTests.levels) func nothingThatAProgramStartsOutlivesIt(_ sandbox: Sandbox)
        throws
    {
        let word = "7\(UInt32.random(in: 100_000_000...999_999_999))"
        // Grandchildren in sessions of their own, some of them zombies.
        let program = """
            import os
            def check():
                for i in range(4):
                    try:
                        child = os.fork()
                    except OSError:
                        continue
                    if child == 0:
                        os.setsid()
                        if os.fork() == 0:
                            if i % 2 == 0: os._exit(0)
                            os.execv("/bin/sleep", ["sleep", "\(word)"])
                        os._exit(0)
            """
        #expect(try sandbox.run(program, tests: "check()") == .passed)
        #expect(try areGone(word))
    }

    @Test(arguments: SandboxEscapeTests.levels) func forkBombsEnd(_ sandbox: Sandbox) throws {
        let word = "8\(UInt32.random(in: 100_000_000...999_999_999))"
        let program = """
            import os
            marker = "\(word)"
            def check():
                for i in range(40):
                    try:
                        if os.fork() == 0:
                            while True:
                                try:
                                    if os.fork() == 0: os.execv("/bin/sleep", ["sleep", marker])
                                except OSError:
                                    pass
                    except OSError:
                        pass
                while True: pass
            """
        let outcome = try sandbox.run(
            program, tests: "check()", limits: SandboxLimits(cpuSeconds: 2, wallSeconds: 10))
        #expect(outcome == .timeLimit)
        #expect(try areGone(word))
    }

    @Test(arguments: SandboxEscapeTests.levels) func signalsReachNobody(_ sandbox: Sandbox) throws {
        // A filter refuses them; without one they reach the process that watches, unless that is root's.
        let program = """
            import os, signal
            def check():
                reached = 0
                for target in (0, -1, os.getppid(), \(getpid())):
                    if target == \(getpid()) or target == -1:
                        if not \(sandbox.isolation >= .seccomp ? "True" : "False"): continue
                    try:
                        os.kill(target, 0 if target == 0 else signal.SIGTERM)
                        reached += target != 0
                    except OSError:
                        pass
                assert reached == 0
            """
        let outcome = try sandbox.run(program, tests: "check()")
        #expect(outcome.hasPassed == (sandbox.isolation >= .seccomp || geteuid() == 0))
    }

    @Test(arguments: SandboxEscapeTests.levels) func setsidDoesntEscape(_ sandbox: Sandbox) throws {
        let program = """
            import os, time
            def check():
                try:
                    os.setsid()
                except OSError:
                    pass
                time.sleep(1000)
            """
        let outcome = try sandbox.run(
            program, tests: "check()", limits: SandboxLimits(cpuSeconds: 2, wallSeconds: 1))
        #expect(outcome == .timeLimit)
    }

    @Test(arguments: SandboxEscapeTests.filtered) func theNetworkIsOutOfReach(_ sandbox: Sandbox) throws {
        let server = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(server) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port: UInt16 = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                _ = bind(server, raw, length)
                _ = listen(server, 8)
                getsockname(server, raw, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        let program = """
            def check():
                import socket
                try:
                    socket.create_connection(("127.0.0.1", \(port)), 2).sendall(b"hello")
                except OSError:
                    return
                assert False
            """
        #expect(try sandbox.run(program, tests: "check()") == .passed)
        var entry = pollfd(fd: server, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 200) == 0, "a connection came")
        // The same program does reach it where nothing forbids it.
        if let open = SandboxEscapeTests.levels.first, open.isolation == .limits {
            #expect(try open.run(program, tests: "check()").hasPassed == false)
            #expect(poll(&entry, 1, 2000) == 1)
        }
    }
}
