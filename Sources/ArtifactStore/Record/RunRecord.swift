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

        package init(file: String, overrides: [String]) {
            self.file = file
            self.overrides = overrides
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
