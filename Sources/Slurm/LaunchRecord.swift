internal import ArtifactStore
package import Base
internal import Files
internal import JSON
package import Recipes
import Runs
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

/// What keeps jobs from being handed to a cluster's queue, or the queue from being read.
package struct LaunchError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .work }
    package var hasOwnLines: Bool { true }

    package let description: String

    init(_ description: String) { self.description = description }

    static func tool(_ name: String, _ reason: String) -> LaunchError {
        LaunchError(
            "\(name) can't be run: \(reason). Slurm's commands have to be in PATH; `--print` shows the scripts without them."
        )
    }

    static func failed(_ command: [String], _ outcome: Tool.Outcome) -> LaunchError {
        let words = command.map { ShellWord.quoted($0) }.joined(separator: " ")
        let text = outcome.errors.isEmpty ? outcome.output : outcome.errors
        let lines = text.byteText.split("\n").map { "  \($0)\n" }.joined()
        return LaunchError(
            "\(words) ended with code \(outcome.code):\n\(lines.isEmpty ? "  (no message)\n" : lines)")
    }

    static func record(_ path: FilePath, _ reason: String) -> LaunchError {
        LaunchError(
            "\(path) is no record of a launch: \(reason). If its jobs have ended (squeue shows those that haven't), remove its folder."
        )
    }
}

/// Which jobs make what isn't in the store yet: one per stage, whose variants are the tasks of an array.
package struct LaunchPlan: Sendable, Hashable {
    /// One stage, or one variant of a stage with a matrix.
    package struct Task: Sendable, Hashable {
        /// Its number in the array.
        package let index: Int
        /// The full name of the stage.
        package let stage: String
        package let fingerprint: String
    }

    /// One submission.
    package struct Job: Sendable, Hashable {
        /// The name of its stage; with a number behind it where an array would be too long.
        package let name: String
        package let tasks: [Task]
        /// Whether it is an array; one that has a single task left is one still if its stage has variants.
        package let isArray: Bool
        /// The names of the jobs of this plan that have to end well before it begins.
        package let needs: [String]
        /// What is in the queue already and has to end well before it begins, as `12` or `12_3`.
        package let needsQueued: [String]
    }

    /// In an order in which they can be submitted.
    package let jobs: [Job]

    /// Whether there is nothing to submit.
    package var isEmpty: Bool { jobs.isEmpty }

    /// Arranges the stages that have to be made.
    ///
    /// Of stages with the same recipe the first makes the artifact of all.
    /// - Parameters:
    ///   - done: Fingerprints of what is in the store.
    ///   - queued: By fingerprint, the task in the queue that makes it, as `12` or `12_3`.
    ///   - limit: The most tasks of one array; Slurm's own default allows 1000.
    package init(
        _ experiment: Experiment, done: Set<String>, queued: [String: String] = [:], limit: Int = 1000
    ) {
        var names: [String] = []
        var groups: [String: [Stage]] = [:]
        var taken: Set<String> = []
        for stage in experiment.stages
        where !done.contains(stage.fingerprint) && queued[stage.fingerprint] == nil
            && taken.insert(stage.fingerprint).inserted
        {
            if groups[stage.name] == nil { names.append(stage.name) }
            groups[stage.name, default: []].append(stage)
        }
        // Numbers of tasks stay what they are when only some of an array are submitted again.
        var counts: [String: Int] = [:]
        var indices: [String: Int] = [:]
        for stage in experiment.stages {
            indices[stage.id] = counts[stage.name, default: 0]
            counts[stage.name, default: 0] += 1
        }
        var makers: [String: String] = [:]
        var jobs: [Job] = []
        for name in names {
            let stages = groups[name] ?? []
            let chunks = Dictionary(grouping: stages) { (indices[$0.id] ?? 0) / max(1, limit) }
            for (chunk, members) in chunks.sorted(by: { $0.key < $1.key }) {
                let job = chunk == 0 ? name : "\(name).\(chunk + 1)"
                let names = Set(members.flatMap(\.needs))
                let needed = experiment.stages.filter { names.contains($0.id) }.map(\.fingerprint)
                jobs.append(
                    Job(
                        name: job,
                        tasks: members.map {
                            Task(
                                index: (indices[$0.id] ?? 0) % max(1, limit), stage: $0.id,
                                fingerprint: $0.fingerprint)
                        },
                        isArray: (counts[name] ?? 1) > 1,
                        needs: Self.distinct(needed.compactMap { makers[$0] }),
                        needsQueued: Self.distinct(needed.compactMap { queued[$0] })))
                for member in members { makers[member.fingerprint] = job }
            }
        }
        self.jobs = jobs
    }

    private static func distinct(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }
}

extension LaunchPlan {
    /// All of it as one job, whose ranks share the work.
    func joined(as name: String) -> LaunchPlan {
        guard !isEmpty else { return self }
        let tasks = jobs.flatMap(\.tasks).map { Task(index: 0, stage: $0.stage, fingerprint: $0.fingerprint) }
        let job = Job(
            name: name, tasks: tasks, isArray: false, needs: [],
            needsQueued: Self.distinct(jobs.flatMap(\.needsQueued)))
        return LaunchPlan(jobs: [job])
    }

    private init(jobs: [Job]) { self.jobs = jobs }
}
