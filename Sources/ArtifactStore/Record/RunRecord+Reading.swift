package import Base
import Files
import JSON
package import SystemPackage

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
                        Config(file: $0, overrides: strings(config["overrides"]))
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
