package import Base
import Files
package import JSON
package import SystemPackage

/// One execution of an experiment, as `store/<experiment>/runs/<time>-<n>/run.json` tells it.
///
/// The file is written when the run ends, whichever way: a run folder without it belongs to a run that goes on or was
/// killed. It holds no path of the machine but those of system libraries, so that it can be given away.
package struct RunRecord: Sendable {
    /// The version of the file's form.
    package static let format = 2
    /// The name of the file in the run's folder.
    package static let fileName = "run.json"
    /// The name of the file with the resolved configuration.
    ///
    /// Reading it gives the same stages with the same fingerprints. Records of format 1 have none.
    package static let experimentFileName = "experiment.json"
    /// The name of the file with what the log said.
    package static let logFileName = "log.txt"

    /// How a run ended.
    package enum Status: String, Sendable { case finished, failed, interrupted }

    /// What became of one stage.
    package struct Entry: Sendable {
        package enum Status: String, Sendable {
            /// The artifact was there before, or another process made it meanwhile.
            case cached
            case made
            case failed
            /// Not begun, or stopped on request before it was done.
            case skipped
        }

        /// The stage's full name.
        package let stage: String
        /// The artifact's folder relative to the store: an artifact can be another experiment's.
        ///
        /// Where the stage failed or was skipped, this is the place that the artifact would have had.
        package let artifact: FilePath
        package let fingerprint: String
        package let status: Status
        /// What it took in this run, of which a stage that was cached takes none.
        package let seconds: Double
        /// The largest resident size of the process meanwhile, in bytes; nil for stages that this run didn't make.
        package let peakMemory: Int?
        /// How many stages the process ran at once meanwhile, at most; above 1, ``peakMemory`` is that of all.
        package let stagesAtOnce: Int?
        /// How many threads it had.
        package let threads: Int?
        /// What its kind expected it to take; nil where it couldn't tell.
        package let forecast: StageForecast?
        /// Why it failed or was skipped.
        package let message: String?
        /// The bundle that its artifact was imported from; nil where it was made here.
        package var origin: ArtifactRecord.Origin?

        package init(
            stage: String, artifact: FilePath, fingerprint: String, status: Status, seconds: Double,
            peakMemory: Int?, stagesAtOnce: Int?, threads: Int?, forecast: StageForecast?, message: String?,
            origin: ArtifactRecord.Origin? = nil
        ) {
            self.stage = stage
            self.artifact = artifact
            self.fingerprint = fingerprint
            self.status = status
            self.seconds = seconds
            self.peakMemory = peakMemory
            self.stagesAtOnce = stagesAtOnce
            self.threads = threads
            self.forecast = forecast
            self.message = message
            self.origin = origin
        }
    }

    /// Where the configuration came from.
    package struct Config: Sendable, Hashable {
        /// The file as it was given, without the folders of the machine.
        package let file: String
        /// The arguments of `--set`.
        package let overrides: [String]
        /// By the names of groups, the chosen options; a list of them where they are swept.
        package let groups: JSONObject

        package init(file: String, overrides: [String], groups: JSONObject = [:]) {
            self.file = file
            self.overrides = overrides
            self.groups = groups
        }
    }

    /// How far repeats went that go on until something is decided.
    package struct Look: Sendable, Hashable {
        /// Which look the run was about, from 1, of how many that may come.
        package let number: Int
        package let count: Int
        /// How many repeats it takes, of how many there may be.
        package let repeats: Int
        package let maximum: Int
        /// The claims that it left open; nil where the run ended before it was made.
        package let open: [String]?

        package init(number: Int, count: Int, repeats: Int, maximum: Int, open: [String]?) {
            self.number = number
            self.count = count
            self.repeats = repeats
            self.maximum = maximum
            self.open = open
        }
    }

    /// The form of the file that this was read from.
    package let format: Int
    package let experiment: String
    package let status: Status
    /// Why it failed or stopped, if it did.
    package let message: String?
    /// All stages that were to be there at the end, in running order.
    package let stages: [Entry]
    /// Nil where all stages of the configuration were to be there.
    package var look: Look?
    /// UTC, ISO 8601.
    package let started: String
    package let finished: String
    package let seconds: Double
    /// The command line.
    package let arguments: [String]
    /// Nil in records of format 1.
    package let config: Config?
    /// Which program it was: `version`, `executableSHA256`, `commit`, `dirty`, `dirtyDiffSHA256`.
    package let code: JSONValue
    /// Where it ran; see `Machine`.
    package let machine: JSONValue
    /// The variables of the environment that matter to numbers or places, by name.
    package let environment: [String: String]

    package init(
        format: Int, experiment: String, status: Status, message: String?, stages: [Entry], started: String,
        finished: String, seconds: Double, arguments: [String], config: Config?, code: JSONValue,
        machine: JSONValue, environment: [String: String]
    ) {
        self.format = format
        self.experiment = experiment
        self.status = status
        self.message = message
        self.stages = stages
        self.started = started
        self.finished = finished
        self.seconds = seconds
        self.arguments = arguments
        self.config = config
        self.code = code
        self.machine = machine
        self.environment = environment
    }

    /// The entry of the stage with this full name.
    package subscript(stage: String) -> Entry? { stages.first { $0.stage == stage } }
}

extension RunRecord {
    package var value: JSONValue {
        var object: JSONObject = [
            "format": .integer(Self.format), "experiment": .string(experiment),
            "status": .string(status.rawValue), "message": .text(message),
            "stages": .array(stages.map(\.value)), "started": .string(started),
            "finished": .string(finished), "seconds": .number(seconds),
            "arguments": .array(arguments.map(JSONValue.string)),
        ]
        if let look {
            object["look"] = [
                "number": .integer(look.number), "of": .integer(look.count),
                "repeats": .integer(look.repeats),
                "maximum": .integer(look.maximum),
                "open": look.open.map { .array($0.map(JSONValue.string)) } ?? .null,
            ]
        }
        if let config {
            var value: JSONObject = [
                "file": .string(config.file), "overrides": .array(config.overrides.map(JSONValue.string)),
            ]
            if !config.groups.members.isEmpty { value["groups"] = .object(config.groups) }
            object["config"] = .object(value)
        }
        object["code"] = code
        object["machine"] = machine
        object["environment"] = .object(
            JSONObject(environment.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
        return .object(object)
    }
}

extension RunRecord.Entry {
    /// Keys that mean nothing for the stage are left out.
    package var value: JSONValue {
        var object: JSONObject = [
            "stage": .string(stage), "artifact": .string(artifact.string),
            "fingerprint": .string(fingerprint), "status": .string(status.rawValue),
            "seconds": .number(seconds),
        ]
        if let peakMemory { object["peakMemoryBytes"] = .integer(peakMemory) }
        if let stagesAtOnce { object["stagesAtOnce"] = .integer(stagesAtOnce) }
        if let threads { object["threads"] = .integer(threads) }
        if let forecast {
            object["forecast"] = [
                "seconds": forecast.seconds.map(JSONValue.number) ?? .null,
                "memory": forecast.memory.map(JSONValue.integer) ?? .null,
                "disk": forecast.disk.map(JSONValue.integer) ?? .null,
            ]
        }
        if let origin { object[ArtifactRecord.Origin.key] = origin.value }
        if let message { object["message"] = .string(message) }
        return .object(object)
    }
}

extension JSONValue {
    /// A text, or null where there is none.
    package static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}

extension RunRecord {
    /// Reads the record of a run.
    ///
    /// Format 1 named artifacts by their folder in the experiment's; they are given as relative to the store here,
    /// though they may have been another experiment's (``Store/artifact(of:)`` finds those too).
    /// - Parameter folder: The run's folder.
    /// - Throws: `RunRecordError` where there is no record, or one that this version can't read; `FileError`.
    package static func read(_ folder: FilePath) throws -> RunRecord {
        let path = folder.appending(fileName)
        guard try FileSystem.status(path)?.kind == .file else { throw RunRecordError.absent(folder) }
        let root: JSONValue
        do {
            root = JSONValue(try JSONDocument(parsing: try FileSystem.read(path), name: path.string).root)
        } catch let error as JSONSyntaxError {
            throw RunRecordError(description: "The record of a run is no JSON.\n\(error)")
        }
        return try Reader(path: path, root: root).record()
    }

    private struct Reader {
        let path: FilePath
        let root: JSONValue

        func record() throws(RunRecordError) -> RunRecord {
            guard let format = root["format"]?.int else { throw flaw("it has no format") }
            guard format <= RunRecord.format else {
                throw RunRecordError(
                    description:
                        "\(path) has format \(format), but this version of d3llm reads formats up to \(RunRecord.format). Use the newer version that wrote it."
                )
            }
            let experiment = try text("experiment")
            guard let status = Status(rawValue: try text("status")) else {
                throw flaw("its status is none of finished, failed and interrupted")
            }
            guard let stages = root["stages"]?.array else { throw flaw("it lacks the key \"stages\"") }
            var record = RunRecord(
                format: format, experiment: experiment, status: status, message: root["message"]?.string,
                stages: try stages.map { stage throws(RunRecordError) in
                    try entry(stage, format, experiment)
                },
                started: try text("started"), finished: try text("finished"),
                seconds: root["seconds"]?.double ?? 0, arguments: strings(root["arguments"]),
                config: root["config"].flatMap { config in
                    config["file"]?.string.map {
                        Config(
                            file: $0, overrides: strings(config["overrides"]),
                            groups: config["groups"]?.object ?? [:])
                    }
                },
                code: root["code"] ?? .null, machine: root["machine"] ?? .null,
                environment: Dictionary(
                    (root["environment"]?.object?.members ?? []).compactMap { member in
                        member.value.string.map { (member.key, $0) }
                    }, uniquingKeysWith: { first, _ in first }))
            if let look = root["look"], let number = look["number"]?.int, let count = look["of"]?.int,
                let repeats = look["repeats"]?.int, let maximum = look["maximum"]?.int
            {
                record.look = Look(
                    number: number, count: count, repeats: repeats, maximum: maximum,
                    open: look["open"]?.array.map { $0.compactMap(\.string) })
            }
            return record
        }

        private func entry(_ stage: JSONValue, _ format: Int, _ experiment: String) throws(RunRecordError)
            -> Entry
        {
            guard let name = stage["stage"]?.string, let artifact = stage["artifact"]?.string,
                let fingerprint = stage["fingerprint"]?.string,
                let status = stage["status"]?.string.flatMap(Entry.Status.init)
            else { throw flaw("it has a stage without name, artifact, fingerprint or a known status") }
            guard let written = FilePath(foreign: artifact), let above = FilePath(foreign: experiment) else {
                throw flaw("a place that it names has a NUL byte")
            }
            let folder = format == 1 ? above.pushing(written) : written
            guard folder.isRelative, folder.lexicallyNormalized().components.first?.kind == .regular else {
                throw flaw("the artifact \(artifact) of stage \(name) isn't inside the store")
            }
            return Entry(
                stage: name, artifact: folder, fingerprint: fingerprint, status: status,
                seconds: stage["seconds"]?.double ?? 0, peakMemory: stage["peakMemoryBytes"]?.int,
                stagesAtOnce: stage["stagesAtOnce"]?.int, threads: stage["threads"]?.int,
                forecast: stage["forecast"].map {
                    StageForecast(
                        seconds: $0["seconds"]?.double, memory: $0["memory"]?.int, disk: $0["disk"]?.int)
                },
                message: stage["message"]?.string,
                origin: stage[ArtifactRecord.Origin.key].flatMap(ArtifactRecord.Origin.init))
        }

        private func text(_ key: String) throws(RunRecordError) -> String {
            guard let text = root[key]?.string else { throw flaw("it lacks the key \"\(key)\"") }
            return text
        }

        private func strings(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }

        private func flaw(_ reason: String) -> RunRecordError {
            RunRecordError(description: "\(path) isn't the record of a run: \(reason).")
        }
    }
}

/// A run's folder without a record, or with one that can't be read.
package struct RunRecordError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }
    package var hasOwnLines: Bool { true }

    package let description: String

    package static func absent(_ folder: FilePath) -> RunRecordError {
        let isRun = [RunRecord.experimentFileName, RunRecord.logFileName].contains {
            FileSystem.exists(folder.appending($0))
        }
        return RunRecordError(
            description: isRun
                ? "\(folder) has no \(RunRecord.fileName): that run still goes on or was killed. Its \(RunRecord.logFileName) says how far it came; running the same command again goes on from there."
                : "\(folder) isn't the folder of a run: it has no \(RunRecord.fileName).")
    }
}
