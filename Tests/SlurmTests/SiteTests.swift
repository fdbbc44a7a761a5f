import Files
import Recipes
import Slurm
import SystemPackage
import TestSupport
import Testing

@Suite struct SiteTests {
    let scratch: ScratchFolder

    init() throws { scratch = try ScratchFolder() }

    private func file(_ text: String, _ name: String = "site.json") throws -> FilePath {
        let path = scratch.path.appending(name)
        try FileSystem.createDirectory(path.removingLastComponent())
        try FileSystem.writeAtomically(text, to: path)
        return path
    }

    private func problems(_ text: String) throws -> String {
        let path = try file(text)
        do {
            _ = try Site.read(path)
            return ""
        } catch let error as ConfigurationError {
            return "\(error)"
        }
    }

    @Test func allKeysAreRead() throws {
        let site = try Site.read(
            try file(
                #"""
                {
                  // Comments are allowed.
                  "partition": "cpu", "account": "p1", "qos": "long", "time": "2-00:00:00", "memory": "16G",
                  "cpusPerTask": 8, "modules": ["gcc/13", "openmpi"], "container": ["apptainer", "exec", "a b.sif"],
                  "program": "/opt/d3llm", "environment": ["OMP_NUM_THREADS=1", "A=it's"],
                  "options": ["--constraint=avx512"], "tasksAtOnce": 4, "warningSeconds": 60, "restarts": 3,
                  "mpi": "pmi2"
                }
                """#))
        #expect(site.resources.partition == "cpu" && site.resources.account == "p1")
        #expect(site.resources.time == "2-00:00:00" && site.resources.memory == "16G")
        #expect(site.resources.cpusPerTask == 8 && site.tasksAtOnce == 4 && site.restarts == 3)
        #expect(site.container == ["apptainer", "exec", "a b.sif"] && site.modules.count == 2)
        #expect(site.program == "/opt/d3llm" && site.environment[1] == "A=it's" && site.mpi == "pmi2")
    }

    @Test func unknownKeysAreRefusedWithTheNearestName() throws {
        let text = try problems("{\n  \"partion\": \"cpu\"\n}")
        #expect(text.contains("site.json:2:3: The site file has no key \"partion\"."), "\(text)")
        #expect(text.contains("Did you mean \"partition\"?"), "\(text)")
    }

    @Test(arguments: [
        (#"{"partition": "a b"}"#, "no value of \"partition\""),
        (#"{"account": "a\"b"}"#, "no value of \"account\""),
        (#"{"time": "soon"}"#, "no value of \"time\""),
        (#"{"memory": "16 GB"}"#, "no value of \"memory\""),
        (#"{"cpusPerTask": 0}"#, "cpusPerTask"),
        (#"{"environment": ["2A=b"]}"#, "sets no variable"),
        (#"{"options": ["constraint=avx"]}"#, "no option of sbatch"),
        (#"{"options": ["--array=1-3"]}"#, "d3llm sets it for each job"),
        (#"{"options": ["--partition=a"]}"#, "a key of its own, \"partition\""),
        (#"{"options": ["--x=a\nrm -rf"]}"#, "no option of sbatch"),
        (#"{"modules": [""]}"#, "a word that is empty"),
        (#"{"partition": 3}"#, "text in double quotes"),
        (#"[]"#, "should be an object"),
        (#"{"#, "site.json:1"),
    ])
    func whatScriptsCannotCarryIsRefused(text: String, message: String) throws {
        let problems = try problems(text)
        #expect(problems.contains(message), "\(problems)")
    }

    @Test func theCommandLineComesBeforeTheVariableBeforeTheHomeFolder() throws {
        let named = try file(#"{"partition": "named"}"#, "named.json")
        let variable = try file(#"{"partition": "variable"}"#, "variable.json")
        _ = try file(#"{"partition": "home"}"#, ".config/d3llm/site.json")
        let all = ["D3LLM_SITE": variable.string, "HOME": scratch.path.string]
        #expect(try Site.find(named: named.string) { all[$0] }.site.resources.partition == "named")
        #expect(try Site.find(named: nil) { all[$0] }.site.resources.partition == "variable")
        let home = ["HOME": scratch.path.string]
        #expect(try Site.find(named: nil) { home[$0] }.site.resources.partition == "home")
        #expect(try Site.find(named: nil) { _ in nil }.site == Site.plain)
        #expect(throws: FileError.self) { try Site.find(named: "/nonexistent.json") { _ in nil } }
    }
}
