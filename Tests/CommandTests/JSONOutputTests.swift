import Files
import JSON
import SystemPackage
import TestSupport
import Testing

/// `--json` of the commands that read.
@Suite struct JSONOutputTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    private func value(_ arguments: [String], code: Int = 0) throws -> JSONValue {
        let outcome = try command.start(arguments).wait()
        #expect(outcome.code == code && outcome.log.isEmpty, "\(arguments): \(outcome.code) \(outcome.log)")
        return JSONValue(
            try JSONDocument(parsing: Array(outcome.output.utf8), name: "output").root)
    }

    /// The keys of an object and of those in it, elements of lists by their first.
    private func shape(_ value: JSONValue, _ indent: String = "") -> String {
        switch value {
        case .object(let object):
            object.members.map { "\(indent)\($0.key)\n" + shape($0.value, indent + "  ") }.joined()
        case .array(let elements): elements.first.map { shape($0, indent + "- ") } ?? ""
        default: ""
        }
    }

    @Test(arguments: [
        ["validate", "CONFIG"], ["plan", "CONFIG", "--no-forecast"], ["plan", "CONFIG"],
        ["why", "p", "CONFIG"],
        ["config", "show", "CONFIG"], ["config", "explain", "stages.p", "CONFIG"],
        ["config", "explain", "stages.p.train", "CONFIG"],
        ["kinds"], ["kinds", "evaluate"], ["methods"], ["methods", "d2f"],
    ])
    func keysAreAsRecorded(arguments: [String]) throws {
        let path = try command.config(ExitCodeTests.quick)
        let reads = ["plan", "why"].contains(arguments[0])
        let line =
            arguments.map { $0 == "CONFIG" ? path : $0 } + ["--json"]
            + (reads ? ["--store", command.store.string] : [])
        let shape = shape(try value(line))
        let name = arguments.filter { $0 != "CONFIG" }.joined(separator: "-")
        #expect(try shape == Snapshots.recorded("command/json-\(name).txt", now: shape))
        #expect(!FileSystem.exists(command.store))
    }

    @Test func aWrongConfigurationIsJSONToo() throws {
        let path = try command.config(#"{"name": "t", "stages": {"p": {"kind": "synthesize", "trian": 4}}}"#)
        for line in [["validate", path], ["plan", path], ["why", "p", path], ["config", "show", path]] {
            let error = try #require(try value(line + ["--json"], code: 2)["error"])
            #expect(error["code"]?.int == 2)
            let problem = try #require(error["problems"]?.array?.first)
            #expect(problem["file"]?.string == path && problem["line"]?.int == 1)
            #expect(problem["column"]?.int == 54)
            #expect(problem["message"]?.string == "Stage \"p\" has no key \"trian\".")
            #expect(problem["notes"]?.array == ["Did you mean \"train\"?"])
        }
        let missing = try value(["validate", "nowhere.json", "--json"], code: 3)
        #expect(missing["error"]?["problems"]?.array == [])
        #expect(missing["error"]?["message"]?.string?.contains("no such file") == true)
        let folder = try value(["parity", "nowhere", "--json"], code: 3)
        #expect(folder["error"]?["code"]?.int == 3)
    }

    @Test func aRunTellsItsEventsOneALine() throws {
        let path = try command.config(ExitCodeTests.quick)
        func events(_ arguments: [String], code: Int) throws -> [JSONValue] {
            let outcome = try command.start(
                ["run", path, "--json", "--no-forecast", "--store", command.store.string] + arguments
            ).wait()
            #expect(outcome.code == code, "\(outcome.log)")
            return try outcome.output.split(separator: "\n").map {
                JSONValue(try JSONDocument(parsing: Array($0.utf8), name: "event").root)
            }
        }
        let made = try events([], code: 0)
        #expect(made.first?["event"] == "stage" && made.first?["state"] == "started")
        #expect(made.contains { $0["state"] == "made" && $0["label"] == "[1/1] p" })
        let end = try #require(made.last)
        #expect(end["event"] == "end" && end["stages"]?.array?.first?["status"] == "made")
        #expect(end["stages"]?.array?.first?["stage"] == "p")
        #expect(try events([], code: 0).last?["stages"]?.array?.first?["status"] == "cached")
        let wrong = try events(["--set", "stages.p.train=0"], code: 2)
        #expect(wrong.count == 1 && wrong[0]["error"]?["code"] == 2)
    }

    @Test func parityIsCounted() throws {
        let folder = try ScratchFolder()
        try FileSystem.linkOrMove(
            try copy(of: "golden/aup.json", in: folder), to: folder.path.appending("aup.json"))
        let parity = try value(["parity", folder.path.string, "--json"])
        #expect(parity["passed"]?.bool == true)
        #expect(parity["kinds"]?.array?.first?["name"]?.string == "aup")
        #expect(parity["kinds"]?.array?.first?["passed"]?.int == 139)
    }

    private func copy(of fixture: String, in folder: ScratchFolder) throws -> FilePath {
        let path = folder.path.appending("copy.json")
        try FileSystem.writeAtomically(try FileSystem.read(Fixtures.path(fixture)), to: path)
        return path
    }
}
