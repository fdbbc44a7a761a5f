import Files
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A repository that was cloned brings a store with it in which anything may stand: nothing of it makes the program touch
/// what lies outside the store.
@Suite struct HostileStoreTests {
    let command: D3LLMCommand
    let config: String
    let bundle: FilePath
    /// A store with a run, to be copied.
    let good: FilePath
    var home: FilePath { command.scratch.path.appending("home") }
    var repository: FilePath { home.pushing("work/repository") }
    var store: FilePath { repository.appending("store") }

    /// A run in a store, and its bundle.
    struct Prepared: Sendable {
        let command: D3LLMCommand
        let config: String
        var bundle: FilePath { command.scratch.path.appending("bundle.tar.zst") }

        init() throws {
            command = try D3LLMCommand()
            config = try command.config(ExitCodeTests.quick)
            let made = try command("run", config, "--store", command.store.string, "--no-forecast")
            try #require(made.code == 0, "\(made.log)")
            let packed = try command(
                "export", "quick", "--store", command.store.string, "--output", bundle.string)
            try #require(packed.code == 0, "\(packed.log)")
        }
    }
    private static let prepared = Result { try Prepared() }

    private static let fingerprint = String(repeating: "0123456789abcdef", count: 4)

    /// A home with everything that a careless program could take for its own.
    init() throws {
        command = try D3LLMCommand()
        let prepared = try Self.prepared.get()
        config = prepared.config
        (bundle, good) = (prepared.bundle, prepared.command.store)
        let print = Self.fingerprint
        for (place, text) in [
            (".ssh/id_rsa", "SECRET KEY"), (".ssh/authorized_keys", "keys"), (".cache/token", "hf_SECRET"),
            ("thesis.pdf", "years of work"), ("notes.txt", "notes"), ("docs.d/deep.d/a.b", "deep"),
            ("plain", "plain"),
            ("\(print).1f/inner.txt", "named as a temporary folder"), ("\(print).lock", "named as a lock"),
            (print, "named as a note"), ("leases.txt", "x"), ("gate.lock", "mine"), ("run.json", "{}"),
            ("artifact.json", "{}"), ("20260101T000000Z-1/log.txt", "named as a run"),
            ("photos.20240101T000000Z/a.jpg", "named as something set aside"),
            ("samples.jsonl", "one line without end"),
        ] {
            try FileSystem.createDirectory(home.pushing(FilePath(place)).removingLastComponent())
            try FileSystem.writeAtomically(text, to: home.pushing(FilePath(place)))
        }
        #expect(chmod(home.pushing(".ssh/id_rsa").string, 0o600) == 0)
        try FileSystem.createDirectory(repository)
        try FileSystem.createDirectory(store)
    }

    /// One way to prepare a store.
    struct Trap: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Whether the store has a run of its own first.
        var isFilled = true
        let set: @Sendable (HostileStoreTests) throws -> Void
    }

    private static let hidden = [".tmp", ".work", ".locks", ".index", ".damaged", ".facts"]

    /// What the hidden folders can be instead of folders of the store, and what can be in them.
    static let traps: [Trap] =
        hidden.flatMap { name -> [Trap] in
            let links: [Trap] = ["../../..", "../../../nowhere"].map { target in
                Trap(testDescription: "\(name) is a link to \(target)") { test in
                    try FileSystem.remove(test.store.appending(name))
                    try FileSystem.symbolicLink(to: FilePath(target), at: test.store.appending(name))
                }
            }
            let others: [Trap] = [
                Trap(testDescription: "\(name) is a link in a store that has nothing else", isFilled: false) {
                    test in
                    try FileSystem.symbolicLink(to: "../../..", at: test.store.appending(name))
                },
                Trap(testDescription: "\(name) is a file") { test in
                    try FileSystem.remove(test.store.appending(name))
                    try FileSystem.writeAtomically("x", to: test.store.appending(name))
                },
                Trap(testDescription: "links in \(name) have names of the program") { test in
                    let folder = test.store.appending(name)
                    try FileSystem.createDirectory(folder)
                    let used = try test.usedFingerprint()
                    for own in [fingerprint, used] {
                        for end in ["", ".1f", ".1f.old", ".note-1f", ".lock", ".lease"] {
                            let place = folder.appending("\(own)\(end)")
                            try FileSystem.remove(place)
                            try FileSystem.symbolicLink(
                                to: end.isEmpty ? "../../../../plain" : "../../../..", at: place)
                        }
                    }
                    for (link, target) in [
                        ("gate.lock", "../../../../gate.lock"), ("leases", "../../../../leases.txt"),
                    ] {
                        try FileSystem.remove(folder.appending(link))
                        try FileSystem.symbolicLink(to: FilePath(target), at: folder.appending(link))
                    }
                },
            ]
            return links + others
        } + [
            Trap(testDescription: "the folder of the experiment is a link") { test in
                try FileSystem.remove(test.store.appending("quick"))
                try FileSystem.symbolicLink(to: "../../..", at: test.store.appending("quick"))
            },
            Trap(testDescription: "the folder of the runs is a link") { test in
                try FileSystem.remove(test.store.pushing("quick/runs"))
                try FileSystem.symbolicLink(to: "../../../..", at: test.store.pushing("quick/runs"))
            },
            Trap(testDescription: "the log of a run is a link") { test in
                try test.replace("quick/runs/*/log.txt", by: ".ssh/id_rsa")
            },
            Trap(testDescription: "the record of a run is a link") { test in
                try test.replace("quick/runs/*/run.json", by: ".ssh/id_rsa")
            },
            Trap(testDescription: "the configuration of a run is a link") { test in
                try test.replace("quick/runs/*/experiment.json", by: ".ssh/id_rsa")
            },
            Trap(testDescription: "the folder of a run is a link") { test in
                try test.replace("quick/runs/*", by: "20260101T000000Z-1")
            },
            Trap(testDescription: "an artifact is a link") { test in
                try test.replace("quick/p-*", by: "docs.d")
            },
            Trap(testDescription: "an artifact's record is a link") { test in
                try test.replace("quick/p-*/artifact.json", by: "artifact.json")
            },
            Trap(testDescription: "an artifact's file is a link") { test in
                try test.replace("quick/p-*/test.jsonl", by: ".ssh/id_rsa")
            },
            Trap(testDescription: "the work of a stage is a link") { test in
                let place = test.store.pushing(".work").appending(try test.usedFingerprint())
                try FileSystem.remove(test.store.appending("quick"))
                try FileSystem.symbolicLink(to: "../../../..", at: place)
            },
            Trap(testDescription: "in the work of a stage are links") { test in
                let place = test.store.pushing(".work").appending(try test.usedFingerprint())
                try FileSystem.remove(test.store.appending("quick"))
                try FileSystem.createDirectory(place)
                for name in ["samples.jsonl", "unpacked", "lines", "checkpoint.safetensors"] {
                    try FileSystem.symbolicLink(to: "../../../../../samples.jsonl", at: place.appending(name))
                }
            },
            Trap(testDescription: "the marker is a link") { test in
                try FileSystem.remove(test.store.appending(".d3llm-store"))
                try FileSystem.symbolicLink(to: "../../../nowhere", at: test.store.appending(".d3llm-store"))
            },
        ]

    private func usedFingerprint() throws -> String {
        try FileSystem.list(good.appending(".index")).first ?? Self.fingerprint
    }

    /// Puts a link to something in the home in the place of the first thing that a pattern names.
    private func replace(_ pattern: String, by target: String) throws {
        var place = store
        for part in pattern.split(separator: "/") {
            let start = part.prefix { $0 != "*" }
            let names = try FileSystem.list(place).filter { start == part ? $0 == part : $0.hasPrefix(start) }
            place.append(try #require(names.first, "\(place) has nothing like \(part)"))
        }
        try FileSystem.remove(place)
        try FileSystem.symbolicLink(to: home.pushing(FilePath(target)), at: place)
    }

    private func ask(_ arguments: [String]) throws -> Command.Outcome {
        try command.start(arguments, environment: ["HOME": home.string]).wait()
    }

    /// Every command that reads or writes a store, as somebody would use it who trusts the repository.
    private func useEverything(_ store: FilePath, _ check: (String, Command.Outcome) throws -> Void) throws {
        let storage = ["--store", store.string]
        let output = command.scratch.path.appending("out-\(UInt64.random(in: 0 ... .max)).tar.zst")
        let page = command.scratch.path.appending("page-\(UInt64.random(in: 0 ... .max)).html")
        for arguments in [
            ["verify", "quick"], ["report", "quick", "--output", page.string],
            ["export", "quick", "--output", output.string], ["run", config, "--no-forecast"],
            ["run", config, "--no-forecast", "--set", "seed=5"], ["import", bundle.string], ["gc", "--yes"],
        ] {
            try check(arguments[0], try ask(arguments + storage))
        }
        for file in [output, page] where FileSystem.exists(file) {
            let bytes = file == page ? try FileSystem.read(file) : try unpacked(file)
            #expect(!String(decoding: bytes, as: UTF8.self).contains("SECRET"), "\(file)")
        }
    }

    /// The bytes of all files of a bundle.
    private func unpacked(_ file: FilePath) throws -> [UInt8] {
        let tar = try command.started("/bin/tar", ["--zstd", "-xOf", file.string]).wait()
        #expect(tar.code == 0)
        return Array(tar.output.utf8)
    }

    @Test(arguments: traps) func nothingOutsideTheStoreIsTouched(trap: Trap) throws {
        if trap.isFilled {
            let copy = try command.started("/bin/cp", ["-a", good.string + "/.", store.string]).wait()
            try #require(copy.code == 0, "\(copy.log)")
        }
        try trap.set(self)
        let before = try TreeListing.lines(below: home, without: [store])
        try useEverything(store) { name, outcome in
            if case .signal(let signal) = outcome.ending { Issue.record("\(name) died of signal \(signal)") }
            let after = try TreeListing.lines(below: home, without: [store])
            #expect(after == before, "\(name): \(outcome.log)")
        }
    }

    /// A folder of one's own that is named as the store: whatever the names of things in it, they stay as they are.
    @Test func nothingOfOnesOwnIsLostInAFolderThatIsUsedAsAStore() throws {
        var own: [String] = [
            "notes.txt", "runs/marathon.gpx", "quick/readme.md", "determinism/x", ".d3llm/x",
        ]
        for folder in Self.hidden {
            own += [
                "\(folder)/data.csv", "\(folder)/deep.d/x.y", "\(folder)/\(Self.fingerprint).dir/x",
                "\(folder)/\(Self.fingerprint).1F/x", "\(folder)/\(Self.fingerprint).note-/x",
                "\(folder)/import.txt",
                "\(folder)/holiday.2023-photos/a.jpg", "\(folder)/report.20241231/a", "\(folder)/gates",
                "\(folder)/gate-keeper.txt", "\(folder)/\(Self.fingerprint.uppercased())", "\(folder)/a.lock",
                "\(folder)/yarn.lease", "\(folder)/\(Self.fingerprint).x.next",
            ]
        }
        for (index, place) in own.enumerated() {
            try FileSystem.createDirectory(store.pushing(FilePath(place)).removingLastComponent())
            try FileSystem.writeAtomically("mine \(index)", to: store.pushing(FilePath(place)))
        }
        func lines() -> Set<String> {
            Set(
                own.map { place in
                    var info = stat()
                    _ = store.pushing(FilePath(place)).withPlatformString { lstat($0, &info) }
                    let text = (try? FileSystem.readText(store.pushing(FilePath(place)))) ?? "GONE"
                    return "\(place) \(info.st_ino) \(info.st_mtim.tv_sec).\(info.st_mtim.tv_nsec) \(text)"
                })
        }
        let before = lines()
        try useEverything(store) { name, outcome in
            if name == "run" { #expect(outcome.code == 0, "\(outcome.log)") }
            let after = lines()
            #expect(after == before, "\(name)")
        }
    }

    /// A link is told with its name and what to do.
    @Test func aLinkInTheWayIsTold() throws {
        try FileSystem.symbolicLink(to: "../../..", at: store.appending(".tmp"))
        let outcome = try ask(["run", config, "--store", store.string, "--no-forecast"])
        #expect(outcome.code == 3)
        #expect(
            outcome.log.contains("store/.tmp: a symbolic link stands there, and links aren't followed here."),
            "\(outcome.log)")
    }

    @Test func anExportNamesTheLinkThatItDoesNotFollow() throws {
        let copy = try command.started("/bin/cp", ["-a", good.string + "/.", store.string]).wait()
        try #require(copy.code == 0)
        try replace("quick/runs/*/log.txt", by: ".ssh/id_rsa")
        let outcome = try ask([
            "export", "quick", "--store", store.string, "--output", home.string + "/out.tar.zst",
        ])
        #expect(outcome.code != 0 && outcome.log.contains("log.txt: a symbolic link"), "\(outcome.log)")
        #expect(!FileSystem.exists(home.appending("out.tar.zst")))
    }

    /// Whoever waits for the store says for whom, and hears a signal although the lock isn't given back.
    @Test(arguments: [SIGTERM, SIGINT]) func whoeverWaitsSaysSoAndCanBeStopped(signal: CInt) throws {
        let copy = try command.started("/bin/cp", ["-a", good.string + "/.", store.string]).wait()
        try #require(copy.code == 0)
        let gate = try FileDescriptor.open(store.pushing(".locks/gate.lock"), .readWrite)
        defer { try? gate.close() }
        try #require(flock(gate.rawValue, LOCK_EX | LOCK_NB) == 0)
        let run = try command.start([
            "run", config, "--store", store.string, "--no-forecast", "--set", "seed=9",
        ])
        let early = run.waitForLog("waiting for process \(getpid())")
        try #require(early == nil, "\(early?.log ?? "")")
        run.send(signal)
        let outcome = run.wait()
        #expect(outcome.code == 130, "\(outcome.log)")
    }

    /// Whatever decodes live looks at the weights too.
    @Test func changedWeightsAnswerNobody() throws {
        let run = ["run", D3LLMCommand.micro, "--store", store.string, "--no-forecast", "--only", "teacher"]
        let made = try ask(run)
        try #require(made.code == 0, "\(made.log)")
        let decode = ["decode", "micro/teacher", "Anna has 3 pens", "--store", store.string, "--plain"]
        #expect(try ask(decode).code == 0)
        let folder = try #require(
            try FileSystem.list(store.appending("micro")).first { $0.utf8.starts(with: "teacher-".utf8) })
        let file = store.appending("micro").appending(folder).appending("model.safetensors")
        var bytes = try FileSystem.read(file)
        bytes[bytes.count - 1] ^= 1
        let open = try FileDescriptor.open(file, .writeOnly)
        try open.writeAll(bytes)
        try open.close()
        for words in [decode, ["chat", "micro/teacher", "--store", store.string]] {
            let outcome = try ask(words)
            #expect(outcome.code == 3, "\(outcome.log)")
            #expect(outcome.log.contains("its file model.safetensors has changed"), "\(outcome.log)")
        }
        #expect(try ask(run).log.contains("made again"))
        #expect(try ask(decode).code == 0)
    }

    @Test func changedWeightsAreNotUsedSilently() throws {
        let copy = try command.started("/bin/cp", ["-a", good.string + "/.", store.string]).wait()
        try #require(copy.code == 0)
        let experiment = store.appending("quick")
        let name = try #require(try FileSystem.list(experiment).first { $0.utf8.starts(with: "p-".utf8) })
        let file = experiment.appending(name).appending("test.jsonl")
        let bytes = try FileSystem.read(file)
        let open = try FileDescriptor.open(file, .writeOnly)
        try open.writeAll([bytes[0] ^ 1])
        try open.close()
        let outcome = try ask(["run", config, "--store", store.string, "--no-forecast"])
        #expect(
            outcome.code == 0 && outcome.log.contains("its file test.jsonl has changed"), "\(outcome.log)")
        #expect(try FileSystem.read(file) == bytes)
    }
}
