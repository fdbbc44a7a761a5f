import ArtifactStore
import Audit
import Base
import Files
import JSON
import Recipes
import Runs
import SystemPackage
import TestSupport
import Testing

@testable import Stages

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Programs of the user's own as stages.
@Suite struct CommandStageTests {
    private struct Bench {
        let scratch: ScratchFolder
        var store: Store { Store(scratch.path.appending("store")) }

        init() throws { scratch = try ScratchFolder() }

        func write(_ text: String, _ name: String) throws -> FilePath {
            let path = scratch.path.appending(name)
            try FileSystem.writeAtomically(text, to: path)
            return path
        }

        /// An experiment with a file "numbers" (1, 2, 3 on a line each) and a command stage "own".
        func experiment(_ own: String, _ more: String = "") throws -> Experiment {
            let data = try write("1\n2\n3\n", "numbers.txt")
            let text = """
                {"name": "own", "seed": 7, "stages": {
                  "numbers": {"kind": "local-files", "path": "\(data)", "sha256": "\(try SHA256.hex(ofFile: data))"},
                  "own": {"kind": "command", \(own)}\(more)
                }}
                """
            return try Experiment.parse(
                Array(text.utf8), name: "own.json", overrides: [], registry: Stages.registry)
        }

        /// A shell script as the command, found in the folder files.
        func script(_ text: String, arguments: [String] = [], keys: String = "") throws -> String {
            let path = try write(text, "own.sh")
            let words = (["sh", "files/own.sh"] + arguments).map { "\"\($0)\"" }.joined(separator: ", ")
            return """
                "command": [\(words)], "inputs": {"numbers": "@numbers"},
                "files": [{"path": "\(path)", "sha256": "\(try SHA256.hex(ofFile: path))"}]\(keys)
                """
        }

        @discardableResult
        func run(_ experiment: Experiment, _ permissions: Permissions = .init(commands: true)) throws
            -> RunOutcome
        {
            var options = Runner.Options(threads: 2)
            options.permissions = permissions
            return try Runner(experiment, store: store, options: options).run()
        }

        /// The error of a run that fails, and what is left of it in the store's hidden folders.
        func failure(_ own: String) throws -> String {
            let experiment = try experiment(own)
            var message = ""
            do {
                try run(experiment)
            } catch {
                message = "\(error)"
            }
            #expect(try FileSystem.list(store.root.appending(".tmp")) == [])
            #expect(try FileSystem.list(store.root.appending("own")).allSatisfy { !$0.hasPrefix("own-") })
            return message
        }

        func files(_ outcome: RunOutcome) throws -> [String: String] {
            let folder = try #require(outcome.artifact("own")).folder
            let names = try ScratchFolder.files(below: folder).filter { $0 != "artifact.json" }
            return Dictionary(
                uniqueKeysWithValues: try names.map {
                    ($0, try FileSystem.readText(folder.pushing(FilePath($0))))
                })
        }
    }

    @Test func nothingIsRunWithoutLeave() throws {
        let bench = try Bench()
        let trace = bench.scratch.path.appending("trace")
        let experiment = try bench.experiment(try bench.script("touch '\(trace)'; echo 1 > output/a"))
        #expect(experiment.stages(needing: .commands).map(\.stage.id) == ["own"])
        #expect {
            try bench.run(experiment, .init(codeExecution: true))
        } throws: { error in
            let text = "\(error)"
            return text.contains("--allow-commands") && text.contains("sh files/own.sh")
                && error is PermissionError
        }
        // Nothing was begun, the other stage neither.
        #expect(!FileSystem.exists(bench.store.root.appending("own")))
        #expect(!FileSystem.exists(trace))
        let outcome = try bench.run(experiment)
        #expect(try bench.files(outcome) == ["a": "1\n"])
        // With its artifact in the store it needs none.
        #expect(try bench.run(experiment, .none).stages.allSatisfy(\.wasCached))
    }

    @Test func whatGoesInAndWhatComesOut() throws {
        let bench = try Bench()
        let own = try bench.script(
            """
            set -e
            cp inputs/numbers/data output/copy
            mkdir output/output && echo "$1" > output/output/word
            echo '{"sum": 6, "mean": 2.5}' > output/metrics.json
            echo "$D3LLM_SEED $HOME" > output/environment
            case "$TMPDIR" in "$PWD"/tmp) ;; *) exit 9;; esac
            echo dropped > left; echo dropped > "$TMPDIR/left"
            printf 'a table\\nof two lines\\n'
            """,
            arguments: ["; touch hacked $(touch hacked)"],
            keys:
                ", \"standardOutput\": \"told/report.txt\", \"report\": \"told/report.txt\", \"metrics\": \"metrics.json\""
        )
        let outcome = try bench.run(try bench.experiment(own))
        let home = getenv("HOME").map { String(cString: $0) } ?? ""
        #expect(
            try bench.files(outcome) == [
                "copy": "1\n2\n3\n", "output/word": "; touch hacked $(touch hacked)\n",
                "metrics.json": "{\"sum\": 6, \"mean\": 2.5}\n", "environment": "7 \(home)\n",
                "told/report.txt": "a table\nof two lines\n",
            ])
        let record = try #require(outcome.artifact("own")).record
        #expect(record.metrics == ["sum": 6, "mean": 2.5])
        #expect(outcome.reports.map(\.text) == ["a table\nof two lines\n"])
        #expect(record.files.count == 5)
    }

    /// What the stage sets itself isn't taken from outside, and no name is there twice.
    @Test func variablesAreThereOnce() throws {
        let bench = try Bench()
        let own = try bench.script(
            "env > output/env; case \"$TMPDIR\" in \"$PWD\"/tmp) ;; *) exit 9;; esac",
            keys: ", \"environment\": [\"TMPDIR\", \"PATH\"]")
        let text = try #require(try bench.files(try bench.run(try bench.experiment(own)))["env"])
        let names = text.byteText.split("\n").compactMap { $0.cut(at: "=")?.before.text }
        for name in ["TMPDIR", "PATH", "D3LLM_SEED"] { #expect(names.count { $0 == name } == 1, "\(name)") }
    }

    @Test func theRecipeIsWhatTheCommandIsAndNotWhereItsFilesLie() throws {
        let (one, other) = (try Bench(), try Bench())
        let text = "echo 1 > output/a"
        let first = try one.experiment(try one.script(text))
        let moved = try other.experiment(try other.script(text))
        #expect(first["own"]?.fingerprint == moved["own"]?.fingerprint)
        for changed in [
            try one.script(text + " "), try one.script(text, arguments: ["x"]),
            try one.script(text, keys: ", \"report\": \"a\""),
        ] {
            #expect(try one.experiment(changed)["own"]?.fingerprint != first["own"]?.fingerprint)
        }
        for same in [", \"timeLimitMinutes\": 3", ", \"environment\": [\"EDITOR\"]"] {
            #expect(
                try one.experiment(try one.script(text, keys: same))["own"]?.fingerprint
                    == first["own"]?.fingerprint)
        }
    }

    @Test func severalArtifactsOfALabelAreNumbered() throws {
        let bench = try Bench()
        let own = try bench.script("cat inputs/all/0/data inputs/all/1/data > output/both")
            .replacing("{\"numbers\": \"@numbers\"}", with: "{\"all\": [\"@numbers\", \"@more\"]}")
        let more = try bench.write("4\n", "more.txt")
        let experiment = try bench.experiment(
            own,
            ", \"more\": {\"kind\": \"local-files\", \"path\": \"\(more)\", \"sha256\": \"\(try SHA256.hex(ofFile: more))\"}"
        )
        #expect(try bench.files(try bench.run(experiment)) == ["both": "1\n2\n3\n4\n"])
    }

    @Test func verifyRunsItAgainWithLeaveOnly() throws {
        let bench = try Bench()
        // Gives something else where a file lies outside.
        let outside = bench.scratch.path.appending("outside")
        let experiment = try bench.experiment(
            try bench.script("if [ -e '\(outside)' ]; then echo 2; else echo 1; fi > output/a"))
        let outcome = try bench.run(experiment)
        let location = try RunLocation.find(try #require(outcome.record).string, in: bench.store)
        func verification(_ permissions: Permissions) throws -> Verification {
            var options = Verifier.Options(samples: 0, seed: 1, threads: 1)
            options.permissions = permissions
            return try Verifier(location, registry: Stages.registry, options: options).verify()
        }
        let without = try verification(.none)
        #expect(!without.holds && without.text.contains("--allow-commands"), "\(without.text)")
        #expect(try verification(.init(commands: true)).holds)
        try FileSystem.writeAtomically("", to: outside)
        let changed = try verification(.init(commands: true))
        #expect(
            !changed.holds && changed.text.contains("recorded \"1\", made again \"2\""), "\(changed.text)")
        #expect(try FileSystem.list(bench.store.root.appending(".tmp")) == [])
    }

    @Test(arguments: [
        ("echo one; echo two >&2; exit 3", "ended with code 3. The last that it printed: two"),
        ("exit 4", "ended with code 4. It printed nothing."),
        ("kill -9 $$", "was ended by signal 9"),
        ("true", "left no file in its folder output"),
        ("ln -s /etc/passwd output/link", "left link, which is a link"),
        (
            "mkdir output/a; mkfifo output/a/pipe; echo 1 > output/b",
            "left a/pipe, which is a link, a pipe or a device"
        ),
        ("rm -r output; ln -s /tmp output", "took its folder output away"),
        ("echo 1 > \"output/$(printf '\\377')\"", "whose name isn't text in UTF-8"),
        ("echo 1 > output/artifact.json", "is called artifact.json"),
        ("echo 1 >> inputs/numbers/data; echo 1 > output/a", "was changed while the stage ran"),
        ("printf '\\033[31mred\\n'; exit 1", "\\u{1B}[31mred"),
    ])
    func failures(_ script: String, _ expected: String) throws {
        let bench = try Bench()
        let message = try bench.failure(try bench.script(script))
        #expect(message.contains(expected), "\(message)")
    }

    @Test(arguments: [
        ("\"metrics\": \"m\"", "echo '{\"a\": \"b\"}' > output/m", "\"a\" should be a number"),
        ("\"metrics\": \"m\"", "echo '[1]' > output/m", "isn't an object of numbers"),
        ("\"metrics\": \"m\"", "echo 1 > output/n", "left no file m in output, which \"metrics\" names"),
        ("\"report\": \"m\"", "printf '\\377' > output/m", "isn't text in UTF-8"),
        ("\"environment\": [\"MY_TOKEN\"]", "echo 1 > output/m", "sounds like a secret"),
    ])
    func resultsThatAreNone(_ keys: String, _ script: String, _ expected: String) throws {
        let bench = try Bench()
        let message = try bench.failure(try bench.script(script, keys: ", \(keys)"))
        #expect(message.contains(expected), "\(message)")
    }

    @Test func programsThatCannotBeStarted() throws {
        let bench = try Bench()
        let path = try bench.write("echo 1 > output/a", "plain")
        let hash = try SHA256.hex(ofFile: path)
        let files = "\"files\": [{\"path\": \"\(path)\", \"sha256\": \"\(hash)\"}]"
        #expect(
            try bench.failure("\"command\": [\"no-such-program\"]").contains(
                "No folder of PATH has the program"))
        #expect(
            try bench.failure("\"command\": [\"files/none\"]")
                .contains("files/none can't be started: No such file or directory"))
        #expect(try bench.failure("\"command\": [\"files/plain\"], \(files)").contains("#!/bin/sh"))
        let wrong = files.replacing(hash, with: String(repeating: "0", count: 64))
        #expect(
            try bench.failure("\"command\": [\"files/plain\"], \(wrong)").contains("its SHA-256 is \(hash)"))
        let missing = files.replacing("plain\"", with: "gone\"")
        #expect(
            try bench.failure("\"command\": [\"files/gone\"], \(missing)").lowercased().contains(
                "no such file"))
        // One with a first line runs by itself.
        let script = try bench.write("#!/bin/sh\necho 1 > output/a\n", "script")
        let outcome = try bench.run(
            try bench.experiment(
                "\"command\": [\"files/s\"], \"files\": [{\"name\": \"s\", \"path\": \"\(script)\", \"sha256\": \"\(try SHA256.hex(ofFile: script))\"}]"
            ))
        #expect(try bench.files(outcome) == ["a": "1\n"])
    }

    @Test(arguments: [
        ("\"command\": []", "at least 1"),
        ("\"command\": [\"\"]", "names the program; it is empty"),
        ("\"command\": [\"a\\u0000b\"]", "has a NUL byte"),
        ("\"command\": [\"a\"], \"inputs\": {\"../x\": \"@numbers\"}", "can't be the name of a folder"),
        ("\"command\": [\"a\"], \"inputs\": {\"e\u{301}/x\": \"@numbers\"}", "can't be the name of a folder"),
        (
            "\"command\": [\"a\"], \"files\": [{\"path\": \"..\", \"sha256\": \"\"}]",
            "can't be the name of a file"
        ),
        (
            "\"command\": [\"a\"], \"files\": [{\"path\": \"x/a\", \"sha256\": \"\"}, {\"path\": \"y/a\", \"sha256\": \"\"}]",
            "the same name"
        ),
        ("\"command\": [\"a\"], \"standardOutput\": \"../a\"", "can't be the path of a file"),
        ("\"command\": [\"a\"], \"report\": \"/etc/passwd\"", "can't be the path of a file"),
        ("\"command\": [\"a\"], \"metrics\": \"a//b\"", "can't be the path of a file"),
        ("\"command\": [\"a\"], \"environment\": [\"A=B\"]", "can't be the name of a variable"),
        ("\"command\": [\"a\"], \"timeLimitMinutes\": 0", "timeLimitMinutes"),
        ("\"command\": \"a\"", "list"),
    ])
    func mistakes(_ own: String, _ expected: String) throws {
        let bench = try Bench()
        #expect {
            _ = try bench.experiment(own)
        } throws: { "\($0)".contains(expected) }
    }

    /// Ctrl-C ends it with all that it started, and nothing is left of it.
    @Test func aRunThatIsStoppedEndsIt() throws {
        let bench = try Bench()
        let started = bench.scratch.path.appending("started")
        // A grandchild that has left its session, and ignores what can be ignored.
        let experiment = try bench.experiment(
            try bench.script(
                """
                setsid sh -c 'trap "" TERM HUP INT; echo $$ > "\(started).part"; mv "\(started).part" "\(started)"; while :; do sleep 1; done' &
                echo half > output/a
                while :; do sleep 1; done
                """))
        var options = Runner.Options(threads: 1)
        options.permissions = Permissions(commands: true)
        let cancellation = Cancellation { FileSystem.exists(started) }
        #expect(throws: RunInterrupted.self) {
            try Runner(experiment, store: bench.store, options: options, cancellation: cancellation).run()
        }
        let process = try #require(pid_t(try FileSystem.readText(started).byteText.trimmed.text))
        #expect(kill(process, 0) != 0)
        #expect(try FileSystem.list(bench.store.root.appending(".tmp")) == [])
    }
}
