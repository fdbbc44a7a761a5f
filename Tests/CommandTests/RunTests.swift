import Files
import JSON
import SystemPackage
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct RunTests {
    let command: D3LLMCommand

    init() throws { command = try D3LLMCommand() }

    private func run(_ more: String...) throws -> Command.Outcome {
        try command.start(["run", D3LLMCommand.micro, "--store", command.store.string] + more).wait()
    }

    @Test func everyConfigurationIsValidAndCanBePlanned() throws {
        let folder = D3LLMCommand.root.appending("configs")
        let configs = try ScratchFolder.files(below: folder).filter {
            $0.hasSuffix(".json") && !$0.hasPrefix("schema/") && !$0.hasPrefix("published/")
        }
        #expect(!configs.isEmpty)
        for config in configs {
            let path = folder.pushing(FilePath(config)).string
            let valid = try command("validate", path)
            #expect(valid.code == 0 && valid.output.contains("no problems.\n"), "\(config): \(valid.log)")
            let plan = try command("plan", path, "--store", command.store.string)
            #expect(plan.code == 0 && plan.output.contains("\n\n0 of "), "\(config): \(plan.log)")
            #expect(!plan.output.contains("cached  "))
        }
        #expect(!FileSystem.exists(command.store))
    }

    @Test func aSecondRunDoesNothingAndSaysSo() throws {
        let first = try run()
        #expect(first.code == 0, "\(first.log)")
        let table = try #require(try FileSystem.list(command.experiment).first { $0.hasPrefix("table-") })
        let path = command.experiment.appending(table).appending("table.txt")
        #expect(first.output == (try FileSystem.readText(path)) + "\nThis table is in \(path)\n")
        let before = try command.listing()
        let second = try run()
        #expect(second.processorSeconds < 1)
        #expect(second.code == 0 && second.output == first.output)
        #expect(
            second.log.hasPrefix("Everything is cached: all 28 stages. Record: \(command.experiment)/runs/"))
        #expect(try command.listing() == before)
        let plan = try command("plan", D3LLMCommand.micro, "--store", command.store.string)
        #expect(plan.output.hasSuffix("\n\n28 of 28 stages are cached.\n"))
    }

    @Test func recordsSayWhichNumericsRan() throws {
        #expect(try run("--only", "problems", "--threads", "1").code == 0)
        let runs = command.experiment.appending("runs")
        let records = [
            runs.appending(try #require(FileSystem.list(runs).first)).appending("run.json"),
            command.experiment.appending(
                try #require(FileSystem.list(command.experiment).first { $0.hasPrefix("problems-") })
            ).appending("artifact.json"),
        ]
        for path in records {
            let root = try JSONDocument(parsing: FileSystem.read(path), name: path.string).root
            let machine = try #require(root["machine"])
            #expect(machine["threads"]?.int == 1 && machine["kernels"]?.string?.isEmpty == false)
            let blas = try #require(machine["blas"])
            #expect(blas["path"]?.string?.contains("openblas") == true)
            #expect(blas["core"]?.string?.isEmpty == false && blas["configuration"]?.string?.isEmpty == false)
            #expect(root["code"]?["version"]?.string?.isEmpty == false)
        }
    }

    @Test func theDoctorIsQuickAndBothFormsAgree() throws {
        let json = try command("doctor", "--json", environment: ["OPENBLAS_CORETYPE": "Prescott"])
        #expect(json.processorSeconds < 20)
        #expect(json.code == 0)
        let root = try JSONDocument(parsing: Array(json.output.utf8), name: "doctor").root
        #expect(root["speed"]?["products"]?.array?.count == 4)
        if root["blas"]?["requestedCore"]?.isNull == false {
            #expect(root["blas"]?["replacedCoreType"]?.string == "Prescott")
        }
    }

    @Test func interruptionSaysWhatIsKeptAndTheNextRunGoesOn() throws {
        let slow = ["--set", "stages.teacher.model.width=128", "--only", "teacher"]
        let arguments = ["run", D3LLMCommand.micro, "--store", command.store.string] + slow
        let process = try command.start(arguments)
        try #require(process.waitForLog("teacher: started") == nil)
        usleep(100_000)
        process.send(SIGINT)
        let stopped = process.wait()
        #expect(stopped.ending == .exit(130), "\(stopped)")
        #expect(
            stopped.log.contains("Interrupted at stage \"teacher\". Its work so far is kept in "),
            "\(stopped)")
        #expect(stopped.log.contains("run the same command again to go on from there"))
        #expect(try FileSystem.list(command.store.appending(".tmp")) == [])
        let plan = try command.start(
            ["plan", D3LLMCommand.micro, "--store", command.store.string] + slow.prefix(2)
        )
        .wait()
        #expect(plan.output.contains("will resume"), "\(plan.output)")
        let resumed = try command.start(arguments).wait()
        #expect(resumed.code == 0 && resumed.log.contains("teacher: going on from"), "\(resumed.log)")
        let straight = try D3LLMCommand()
        let other = try straight.start(
            ["run", D3LLMCommand.micro, "--store", straight.store.string] + slow
        ).wait()
        #expect(other.code == 0)
        #expect(
            try ScratchFolder.hashes(below: command.store) == ScratchFolder.hashes(below: straight.store))
    }
}
