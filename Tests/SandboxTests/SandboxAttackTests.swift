import Base
import CSandbox
import Files
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Sandbox

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Programs that call the kernel itself, at every level with a filter, as nobody and as the user that watches them.
@Suite(.serialized)
struct SandboxAttackTests {
    /// Each level as others see it, and with programs that are of the same user as this process.
    static let sandboxes: [Sandbox] = {
        let pythons = PythonInterpreter.all()
        let same = [Isolation.seccomp, .namespaces].compactMap { level in
            try? Sandbox(pythons, atMost: level, floor: level, isTrusted: true)
        }
        return SandboxEscapeTests.filtered + same
    }()

    /// Runs attempts, each a line of Python that raises unless it comes through; gives those that did.
    private func reached(_ sandbox: Sandbox, _ attempts: [String], _ before: String = "") throws
        -> ProgramOutcome
    {
        let lines = attempts.map { "    attempt(lambda: \($0), \(Self.quoted($0)))" }.joined(separator: "\n")
        let program = """
            import ctypes, errno, fcntl, os, signal, socket, sys, threading
            libc = ctypes.CDLL(None, use_errno=True)
            \(Self.numbers)
            reached = []
            def attempt(action, name):
                try:
                    action()
                except OSError as error:
                    if error.errno in (errno.EPERM, errno.ENOSYS, errno.EACCES, errno.ENOENT): return
                    name += f" {error}"
                reached.append(name)
            machine = {"x86_64": numbers_x86_64, "aarch64": numbers_aarch64}[os.uname().machine]
            numbers = dict(zip(names.split(), map(int, machine.split())))
            def call(number, *arguments):
                number = numbers.get(number, number)
                arguments = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
                if libc.syscall(ctypes.c_long(number), *arguments) == -1:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            def prctl(*arguments):
                if libc.prctl(*[ctypes.c_ulong(value) for value in arguments]) == -1:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            \(before)
            def check():
            \(lines)
                assert not reached, "; ".join(reached)
            """
        return try sandbox.run(program, tests: "check()")
    }

    /// The numbers of calls by name, as the kernel has them on both processors.
    private static let numbers = """
        names = ""\"
        tgkill tkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_open pidfd_send_signal clone unshare setxattr
        setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set
        memfd_create bpf userfaultfd perf_event_open ptrace process_vm_readv process_vm_writev keyctl
        add_key mount umount2 chroot setns personality shmget msgget semget mq_open inotify_init1
        fanotify_init io_setup setuid setresuid setgroups capset quotactl syslog sync fchown fchownat
        removexattr fsetxattr splice vmsplice tee kcmp seccomp sethostname clock_settime adjtimex swapon
        reboot acct prlimit64
        ""\"
        numbers_x86_64 = ""\"
        234 200 129 297 434 424 56 272 188 141 203 144 142 314 251 319 321 323 298 101 310 311 250 248 165
        166 161 308 135 29 68 64 240 294 300 206 105 117 116 126 179 103 162 93 260 197 190 275 278 276 312
        317 170 227 159 167 169 163 302
        ""\"
        numbers_aarch64 = ""\"
        131 130 138 240 434 424 220 97 5 140 122 119 118 274 30 279 280 282 241 117 270 271 219 217 40 39 51
        268 92 194 186 190 180 26 262 0 146 147 159 91 60 116 81 55 54 14 7 76 75 77 272 277 161 112 171 224
        142 89 261
        ""\"
        """

    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
    }

    @Test(arguments: sandboxes) func noSignalReachesOthers(_ sandbox: Sandbox) throws {
        let ends = "first, second = socket.socketpair()\nother = os.getppid() or 1"
        let targets = ["other", "1", "0", "-1", "\(getpid())"]
        let kills = targets.flatMap { target in
            [
                "os.kill(\(target), 0)", "os.killpg(abs(\(target)) or 1, 0)",
                "call('tgkill', \(target), \(target), 0)", "call('tkill', \(target), 0)",
                "call('rt_sigqueueinfo', \(target), 0, None)",
                "call('rt_tgsigqueueinfo', \(target), \(target), 0, None)",
                "fcntl.fcntl(first, fcntl.F_SETOWN, \(target))",
                "fcntl.fcntl(first, 15, (ctypes.c_int * 2)(1, \(target)))",
            ]
        }
        // What would tell somebody of events on a descriptor.
        let events = [
            "fcntl.fcntl(first, 10, 9)", "fcntl.fcntl(first, fcntl.F_SETFL, os.O_ASYNC)",
            "fcntl.ioctl(first, 0x5452, b'\\1\\0\\0\\0')", "fcntl.ioctl(first, 0x8901, b'\\1\\0\\0\\0')",
            "fcntl.ioctl(first, 0x8902, b'\\1\\0\\0\\0')",
            "fcntl.fcntl(os.open(sys.prefix, 0), 1026, 1)",
            "fcntl.fcntl(os.open(os.__file__, 0), 1024, 0)",
            "call('pidfd_open', other, 0)", "call('pidfd_send_signal', 0, 9, None, 0)",
        ]
        #expect(try reached(sandbox, kills + events, ends) == .passed)
    }

    @Test(arguments: sandboxes) func itDiesWithWhoWatchesIt(_ sandbox: Sandbox) throws {
        // Its death with its parent, its dumps, its tracer; and another program out of a thread, for which a death with the
        // parent was never asked for.
        let attempts = [
            "prctl(1, 0)", "prctl(1, 15)", "prctl(4, 1)", "prctl(4, 0)", "prctl(0x59616d61, -1)",
            "prctl(36, 1)",
            "prctl(8, 1)", "prctl(22, 1)", "prctl(24, 0)", "prctl(28, 0)", "prctl(35, 8, 0)", "prctl(41, 1)",
            "os.execv('/bin/true', ['true'])", "os.execv(sys.executable, ['python3', '-c', ''])",
            "os.execve(os.open(sys.executable, os.O_RDONLY), ['python3', '-c', ''], {})",
            "os.dup2(0, 100) or os.execve(100, ['python3', '-c', ''], {})",
            "os.setsid()", "os.setpgid(0, 0)", "os.fork() or os._exit(0)",
            "os.posix_spawn('/bin/true', ['true'], {})",
            "call('clone', 0x11, 0, 0, 0, 0)", "call('clone', 0x4111, 0, 0, 0, 0)",
            "call('clone', 0x10000000 | 0x50f00, 0, 0, 0, 0)", "call('unshare', 0x10000000)",
            "call(435, (ctypes.c_char * 88)(), 88)",
        ]
        let thread = """
            def from_thread():
                errors = []
                def run():
                    try:
                        os.execv('/bin/true', ['true'])
                    except OSError as error:
                        errors.append(error)
                thread = threading.Thread(target=run)
                thread.start()
                thread.join()
                raise errors[0]
            """
        #expect(
            try reached(
                sandbox, attempts.filter { !$0.hasPrefix("os.dup2") } + ["from_thread()"], thread) == .passed)
        // A number that is above its limit isn't to be had.
        let own = "import os\ndef check():\n  os.dup2(0, 100)"
        #expect(
            try sandbox.run(own, tests: "check()")
                == .raised("OSError", message: "[Errno 9] Bad file descriptor"))
    }

    @Test(arguments: sandboxes) func noSocketHasAnAddress(_ sandbox: Sandbox) throws {
        let attempts =
            [
                "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
                "socket.socketpair(socket.AF_UNIX, 5)",
                "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)",
                "first.sendto(b'x', '/dev/log')", "first.sendto(b'x', '\\0name')", "first.sendmsg([b'x'])",
                "first.sendmsg([b'x'], [], 0, '/dev/log')", "first.setsockopt(1, 16, 1)", "first.recvmsg(1)",
                "first.bind('/tmp/socket')", "first.listen()", "first.connect('/dev/log')",
            ] + (0..<46).map { "socket.socket(\($0), 1)" } + (0..<46).map { "socket.socket(\($0), 2)" }
        #expect(try reached(sandbox, attempts, "first, second = socket.socketpair()") == .passed)
    }

    /// Whatever kernels add: each number beyond those that a program can need.
    @Test(arguments: sandboxes) func callsThatNobodyListedAreRefused(_ sandbox: Sandbox) throws {
        let known: Set = [435, 436, 437, 439, 441, 452]
        let recent = (424...700).filter { !known.contains($0) }.map { "call(\($0), 0, 0, 0, 0, 0, 0)" }
        let named = """
            setxattr setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr
            ioprio_set memfd_create bpf userfaultfd perf_event_open ptrace process_vm_readv
            process_vm_writev keyctl add_key mount umount2 chroot setns personality shmget msgget
            semget mq_open inotify_init1 fanotify_init io_setup setuid setresuid setgroups capset
            quotactl syslog sync fchown fchownat removexattr fsetxattr splice vmsplice tee kcmp
            seccomp sethostname clock_settime adjtimex swapon reboot acct
            """.split(whereSeparator: \.isWhitespace).map { "call('\($0)', 0, 0, 0, 0, 0, 0)" }
        let others = [
            "os.setpriority(os.PRIO_PROCESS, 0, 5)", "os.nice(1)", "os.sched_setaffinity(0, {0})",
            "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))",
            "call('prlimit64', os.getppid() or 1, 7, None, None)",
        ]
        #expect(try reached(sandbox, recent + named + others) == .passed)
    }

    @Test(arguments: sandboxes) func filesOfOthersAreNeitherLockedNorChanged(_ sandbox: Sandbox) throws {
        let folder = try ScratchFolder()
        let file = folder.path.appending("lock")
        try FileSystem.writeAtomically("text", to: file)
        chmod(folder.path.string, 0o755)
        chmod(file.string, 0o666)
        let opened = "os.open('\(file)', os.O_RDONLY)"
        var attempts = [
            "os.open('\(file)', os.O_WRONLY)", "os.open('\(file)', os.O_RDWR)",
            "os.open('\(file)', os.O_RDONLY | os.O_TRUNC)",
            "os.open('\(file)', os.O_RDONLY | os.O_APPEND | 3)",
            "os.open('\(folder.path)', 0o20200000 | os.O_RDWR)", "os.open('\(file)2', os.O_CREAT)",
            "os.utime('\(file)')", "os.chmod('\(file)', 0)", "os.truncate('\(file)', 0)",
            "os.rename('\(file)', '\(file)2')", "os.link('\(file)', '\(file)2')", "os.unlink('\(file)')",
            "os.chown('\(file)', 0, 0)", "os.setxattr('\(file)', 'user.a', b'b')",
            "fcntl.ioctl(\(opened), 0x40086602, b'\\0' * 8)", "fcntl.ioctl(\(opened), 0x40049409, 0)",
        ]
        if sandbox.isolation == .seccomp {
            attempts += [
                "fcntl.flock(\(opened), fcntl.LOCK_SH)", "fcntl.flock(\(opened), fcntl.LOCK_EX)",
                "fcntl.lockf(\(opened), fcntl.LOCK_SH)", "fcntl.fcntl(\(opened), 37, b'\\0' * 32)",
                "os.open('/proc/%d/environ' % os.getppid(), 0) if os.getuid() else os.fork()",
                "os.open('/proc/%d/mem' % os.getppid(), 0) if os.getuid() else os.fork()",
            ]
        } else {
            attempts += [opened, "os.listdir('/proc')"]
        }
        #expect(try reached(sandbox, attempts) == .passed)
        #expect(try FileSystem.readText(file) == "text")
    }

    /// What a program needs that only computes; at each level, with threads and an event loop.
    @Test(arguments: sandboxes) func theStandardLibraryWorks(_ sandbox: Sandbox) throws {
        let outcome = try sandbox.run(Self.library, tests: "check()")
        #expect(outcome == .passed)
    }

    @Test(arguments: SandboxEscapeTests.levels) func nothingStaysWhenTheWatcherIsKilled(_ sandbox: Sandbox)
        throws
    {
        let word = "6\(UInt32.random(in: 100_000_000...999_999_999))"
        // What is refused by a filter is tried where there is one; then it says by its name that it has tried.
        let source = """
            import ctypes, os, threading, time
            libc = ctypes.CDLL(None)
            def run():
                try:
                    os.execv("/bin/sleep", ["sleep", "1000", "\(word)"])
                except OSError:
                    pass
            if \(sandbox.isolation >= .seccomp ? "True" : "False"):
                libc.prctl(1, 0, 0, 0, 0)
                for action in (os.setsid, os.fork):
                    try:
                        action()
                    except OSError:
                        pass
                thread = threading.Thread(target=run)
                thread.start()
                thread.join()
            libc.prctl(15, b"tried", 0, 0, 0)
            time.sleep(1000)
            """
        let command = Sandbox.command(sandbox.python, ["-S", "-c", source, word])
        let limits = SandboxLimits(cpuSeconds: 600, wallSeconds: 600)
        // A thread of its own: other tests may hold those that tasks share.
        let ending = Ending()
        try BlockingThread.start {
            let outcome = try? ConfinedProcess.run(
                command, input: [], isolation: sandbox.isolation, limits: limits)
            ending.value.withLock { $0 = outcome?.ending }
        }
        var watcher: pid_t?
        for _ in 0..<3000 where watcher == nil {
            usleep(10_000)
            watcher = Processes.with(word).first { Processes.name(of: $0) == "tried" }.map(Processes.watcher)
        }
        kill(try #require(watcher), SIGKILL)
        for _ in 0..<3000 {
            if Processes.with(word).isEmpty { break }
            usleep(10_000)
        }
        #expect(Processes.with(word).isEmpty)
        for _ in 0..<3000 where ending.value.withLock({ $0 }) == nil { usleep(10_000) }
        #expect(ending.value.withLock { $0 } == .signal(9))
    }

    @Test("time that a program waits for a processor isn't held against it", arguments: 0..<200)
    func waitingIsNoTimeOfTheProgram(_ seed: Int) {
        var random = SplitMix(UInt64(seed))
        let own = Int64(random.next() % 50_000), wall = own + Int64(random.next() % 100_000)
        let elapsed = Int64(random.next() % 200_000), waited = Int64(random.next() % 250_000)
        let verdict = sandbox_verdict(elapsed, waited, own, wall)
        let used = elapsed - min(elapsed, waited)
        #expect((verdict == SANDBOX_TIMED_OUT) == (used >= own))
        #expect((verdict == SANDBOX_STARVED) == (used < own && elapsed >= wall))
        #expect(sandbox_verdict(elapsed, 0, own, wall) == (elapsed >= own ? SANDBOX_TIMED_OUT : 0))
    }

    private static let library = #"""
        import os, sys
        mods = (
            "abc argparse array ast asyncio atexit base64 bdb binascii bisect builtins bz2 calendar "
            "cmath cmd code codecs codeop collections collections.abc colorsys compileall "
            "concurrent.futures configparser contextlib contextvars copy copyreg cProfile csv ctypes "
            "curses dataclasses datetime dbm decimal difflib dis doctest email email.mime.text "
            "encodings enum errno faulthandler fcntl filecmp fileinput fnmatch fractions ftplib "
            "functools gc getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html "
            "html.parser http http.client http.server imaplib importlib importlib.metadata inspect io "
            "ipaddress itertools json keyword linecache locale logging logging.handlers lzma mailbox "
            "marshal math mimetypes mmap modulefinder multiprocessing multiprocessing.pool netrc "
            "numbers opcode operator optparse os os.path pathlib pdb pickle pickletools pkgutil "
            "platform plistlib poplib posix pprint profile pstats pty pwd py_compile pyclbr pydoc queue "
            "quopri random re readline reprlib resource rlcompleter runpy sched secrets select "
            "selectors shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat "
            "statistics string stringprep struct subprocess symtable sys sysconfig syslog tarfile "
            "tempfile termios textwrap threading time timeit token tokenize trace traceback tracemalloc "
            "tty types typing unicodedata unittest unittest.mock urllib urllib.parse urllib.request "
            "uuid venv warnings wave weakref webbrowser wsgiref xml.dom xml.dom.minidom "
            "xml.etree.ElementTree xml.sax xmlrpc.client zipapp zipfile zipimport zlib zoneinfo "
        ).split()
        bad=[]
        for m in mods:
            try: __import__(m)
            except BaseException as e: bad.append((m,repr(e)))
        def t(name,f):
            try: f()
            except BaseException as e: bad.append((name,repr(e)))
        import threading,concurrent.futures,asyncio,subprocess,tempfile,sqlite3,hashlib,signal,socket,time,multiprocessing,os,random,uuid,platform,select,mmap,ctypes
        def th():
            r=[]; ts=[threading.Thread(target=lambda:r.append(sum(range(1000)))) for _ in range(8)]
            [x.start() for x in ts]; [x.join() for x in ts]; assert len(r)==8
        t("threads",th)
        def pool():
            with concurrent.futures.ThreadPoolExecutor(4) as p: assert list(p.map(abs,[-1,2]))==[1,2]
        t("pool",pool)
        async def co():
            await asyncio.sleep(0.01); return 1
        t("asyncio",lambda: asyncio.run(co()))
        def sp():
            try: subprocess.run(["true"])
            except OSError as e: return
            raise Exception("ran")
        t("subprocess",sp)
        def mp():
            try:
                p=multiprocessing.Process(target=print); p.start()
            except OSError: return
            raise Exception("ran")
        t("mp",mp)
        def tmp():
            try:
                with tempfile.TemporaryFile() as f: f.write(b"x")
            except OSError: return
        t("tmp",tmp)
        t("sqlite",lambda: sqlite3.connect(":memory:").execute("create table a(b)").execute if 0 else sqlite3.connect(":memory:").execute("select 1").fetchall())
        def alarm():
            hit=[]
            signal.signal(signal.SIGALRM,lambda *a: hit.append(1)); signal.setitimer(signal.ITIMER_REAL,0.01); time.sleep(0.05); assert hit
        t("alarm",alarm)
        def selfsig():
            hit=[]; signal.signal(signal.SIGUSR1,lambda *a: hit.append(1)); os.kill(os.getpid(),signal.SIGUSR1); signal.raise_signal(signal.SIGUSR1); assert len(hit)==2
        t("selfsig",selfsig)
        t("uuid",lambda:(uuid.uuid1(),uuid.uuid4(),platform.platform(),platform.processor()))
        t("mmap",lambda: mmap.mmap(-1,4096).write(b"x"))
        t("pair",lambda:[a.send(b"x") and b.recv(1) for a,b in [socket.socketpair()]])
        def dg():
            try: socket.socketpair(socket.AF_UNIX,socket.SOCK_DGRAM)
            except OSError: return
            raise Exception("dgram")
        t("dgram",dg)
        t("misc",lambda:(os.cpu_count(),os.getloadavg() if os.path.exists("/proc") else 0,os.uname(),os.times(),os.listdir("/usr"),hashlib.scrypt(b"a",salt=b"b",n=2,r=1,p=1)))
        def ex():
            try: os.execv("/bin/true",["true"])
            except OSError: return
        t("exec",ex)

        def check():
            assert not bad, bad
        """#
}

/// Processes of this machine, as the kernel lists them.
private enum Processes {
    /// Those that have a word in their command line.
    static func with(_ word: String) -> [pid_t] {
        let names = (try? FileSystem.list("/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            guard let line = try? FileSystem.read(FilePath("/proc/\(pid)/cmdline")) else { return false }
            return String(decoding: line, as: UTF8.self).contains(word)
        }
    }

    static func name(of pid: pid_t) -> String {
        let text = (try? FileSystem.readText(FilePath("/proc/\(pid)/comm"))) ?? ""
        return String(text.prefix { $0 != "\n" })
    }

    /// Which of this process's children stands above a process.
    static func watcher(of pid: pid_t) -> pid_t {
        var pid = pid
        while pid > 1 {
            let lines =
                (try? FileSystem.readText(FilePath("/proc/\(pid)/status")))?.split(separator: "\n") ?? []
            let parent = lines.first { $0.hasPrefix("PPid:") }?.split(separator: "\t").last.flatMap {
                pid_t($0)
            }
            guard let parent, parent != getpid() else { break }
            pid = parent
        }
        return pid
    }
}

/// How a program ended, once it has.
private final class Ending: Sendable {
    let value = Mutex<ConfinedProcess.Ending?>(nil)
}

/// Random numbers of a seed.
private struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
