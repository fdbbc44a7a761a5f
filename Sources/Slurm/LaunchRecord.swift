internal import ArtifactStore
internal import Files
internal import JSON
internal import Recipes
internal import SystemPackage

/// Which jobs were handed in by one launch: `store/<experiment>/launches/<time>-<n>/launch.json`.
///
/// It is written before the first submission and again after each, whole each time. A job without a number was about
/// to be handed in: if it was, the queue has it under its comment.
struct LaunchRecord: Sendable {
    static let fileName = "launch.json"
    static let configurationName = "experiment.json"
    static let format = 1

    struct Job: Sendable {
        let job: LaunchPlan.Job
        /// Its number; nil before it is known.
        var id: String?

        /// What the queue calls a task of it: `12` or `12_3`.
        func address(of task: LaunchPlan.Task) -> String? {
            id.map { job.isArray ? "\($0)_\(task.index)" : $0 }
        }
    }

    let folder: FilePath
    let experiment: String
    /// Tells this launch from all others in comments of jobs.
    let token: String
    let launched: String
    var jobs: [Job]

    var file: FilePath { folder.appending(Self.fileName) }
    var logs: FilePath { folder.appending("logs") }

    func comment(_ job: Job) -> String { "d3llm \(token) \(job.job.name)" }

    func log(_ job: Job, _ task: LaunchPlan.Task) -> FilePath {
        logs.appending(job.job.name + (job.job.isArray ? "-\(task.index)" : "") + ".txt")
    }

    /// A launch that has handed in nothing yet, in a folder of its own.
    ///
    /// - Throws: `FileError`.
    init(_ plan: LaunchPlan, _ experiment: Experiment, in store: Store) throws {
        let launches = store.launchesFolder(experiment.name)
        let parent = try store.makeFolder(launches)
        let time = Timestamp.now()
        var n = 1
        while try !parent.makeNewFolder(FilePath("\(time.compact)-\(n)")) { n += 1 }
        folder = try FileSystem.absolute(launches.appending("\(time.compact)-\(n)"))
        self.experiment = experiment.name
        token = String(UInt64.random(in: 0 ... .max), radix: 16)
        launched = time.text
        jobs = plan.jobs.map { Job(job: $0, id: nil) }
    }

    /// Writes the record in place of what was there.
    ///
    /// - Throws: `FileError`.
    func write() throws {
        let jobs = self.jobs.map { entry -> JSONValue in
            [
                "name": .string(entry.job.name), "job": .orNull(entry.id), "array": .bool(entry.job.isArray),
                "needs": .array((entry.job.needs + entry.job.needsQueued).map(JSONValue.string)),
                "tasks": .array(
                    entry.job.tasks.map {
                        [
                            "index": .integer($0.index), "stage": .string($0.stage),
                            "fingerprint": .string($0.fingerprint),
                        ]
                    }),
            ]
        }
        let value: JSONValue = [
            "format": .integer(Self.format), "experiment": .string(experiment), "queue": "slurm",
            "token": .string(token), "launched": .string(launched), "jobs": .array(jobs),
        ]
        try FileSystem.writeAtomically(try value.prettyBytes(), to: file)
    }

    /// Reads a record.
    ///
    /// - Throws: `LaunchError` when it isn't one; `FileError`.
    init(reading folder: FilePath) throws {
        let file = folder.appending(Self.fileName)
        let root: JSONNode
        let bytes = try FileSystem.read(file)
        do throws(JSONSyntaxError) {
            root = try JSONDocument(parsing: bytes, name: file.string).root
        } catch {
            throw LaunchError.record(file, error.message)
        }
        guard let format = root["format"]?.int else { throw LaunchError.record(file, "it has no format") }
        guard format <= Self.format else {
            throw LaunchError(
                "\(file) has format \(format), but this version of d3llm reads formats up to \(Self.format). Use the newer version that wrote it."
            )
        }
        guard let experiment = root["experiment"]?.string, let token = root["token"]?.string,
            let launched = root["launched"]?.string, let entries = root["jobs"]?.array
        else { throw LaunchError.record(file, "keys are missing") }
        self.folder = folder
        (self.experiment, self.token, self.launched) = (experiment, token, launched)
        jobs = try entries.map { entry in
            guard let name = entry["name"]?.string, let tasks = entry["tasks"]?.array else {
                throw LaunchError.record(file, "a job has no name or no tasks")
            }
            let isArray = entry["array"]?.bool ?? false
            let id = entry["job"]?.string
            // It becomes an argument of Slurm's commands.
            guard id?.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ?? true, id != "" else {
                throw LaunchError.record(file, "the number of job \(name) is none")
            }
            return Job(
                job: LaunchPlan.Job(
                    name: name,
                    tasks: try tasks.map { task in
                        guard let index = task["index"]?.int, let stage = task["stage"]?.string,
                            let fingerprint = task["fingerprint"]?.string
                        else { throw LaunchError.record(file, "a task of \(name) lacks a key") }
                        return LaunchPlan.Task(index: index, stage: stage, fingerprint: fingerprint)
                    },
                    isArray: isArray, needs: [], needsQueued: []),
                id: id)
        }
    }

    /// All launches of an experiment, the newest last.
    ///
    /// - Throws: `LaunchError` for a damaged record; `FileError`.
    static func all(of experiment: String, in store: Store) throws -> [LaunchRecord] {
        let folder = store.launchesFolder(experiment)
        guard FileSystem.exists(folder) else { return [] }
        return try FileSystem.list(folder).sorted()
            .map { folder.appending($0) }
            .filter { FileSystem.exists($0.appending(fileName)) }
            .map { try LaunchRecord(reading: $0) }
    }
}

extension JSONValue {
    /// A text, or null for none.
    static func orNull(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}
