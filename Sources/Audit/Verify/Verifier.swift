package import ArtifactStore
internal import Base
import Files
import JSON
package import Recipes
package import Runs
import SystemPackage

/// Checks a run: that its artifacts are what their records say, and that what can be computed again comes out the same.
///
/// Nothing is written to the store; what is made again lies in a scratch folder outside it.
package struct Verifier: Sendable {
    /// What to check beyond what is always checked.
    package struct Options: Sendable {
        /// How many random samples to compute again.
        package var samples: Int
        /// What they are drawn with.
        package var seed: UInt64
        /// Threads for what is computed again.
        package var threads: Int
        /// The configuration of the run where its record has none; its stages count only where their fingerprints
        /// are those of the run.
        package var experiment: Experiment?
        /// What stages that are checked may do beyond computing.
        package var permissions: Permissions = .none

        package init(
            samples: Int = 0, seed: UInt64 = UInt64(UInt32.random(in: 0 ... .max)),
            threads: Int = Machine.current.cores, experiment: Experiment? = nil
        ) {
            self.samples = samples
            self.seed = seed
            self.threads = threads
            self.experiment = experiment
        }
    }

    let run: RunLocation
    let registry: StageRegistry
    let options: Options
    let reporter: ProgressReporter
    let cancellation: Cancellation

    /// - Parameters:
    ///   - registry: The kinds that the run's stages have.
    ///   - reporter: Is told what takes long.
    package init(
        _ run: RunLocation, registry: StageRegistry, options: Options = Options(),
        reporter: ProgressReporter = .silent, cancellation: Cancellation = .never
    ) {
        self.run = run
        self.registry = registry
        self.options = options
        self.reporter = reporter
        self.cancellation = cancellation
    }

    /// Makes all checks; one that fails doesn't stop the others.
    ///
    /// - Throws: `FileError` when a file of the store can't be looked at; `Interrupted`.
    package func verify() throws -> Verification {
        var checks: [Verification.Check] = []
        let configuration = RunConfiguration(run, registry: registry, given: options.experiment)
        checks += recordChecks(configuration)
        let artifacts = try ArtifactCollection(run.record, in: run.store, cancellation: cancellation)
        checks += artifacts.items.map { item in
            let problems =
                item.finding.problems + artifacts.inputProblems(of: item) + configuration.problems(of: item)
            let outcome: Verification.Outcome =
                problems.isEmpty ? Self.outcome(of: item.finding) : .broken(problems)
            return Verification.Check(step: .artifacts, subject: item.name, outcome: outcome)
        }
        let imported = ImportedArtifacts(artifacts.items.compactMap(\.finding.record)).sentence("artifacts")
        guard configuration.problem == nil else {
            // Said once for all stages, by the check of the configuration.
            return Verification(run: run.address, checks: checks, sampling: nil, imported: imported)
        }
        let bench = VerificationBench(
            artifacts: artifacts, configuration: configuration, threads: options.threads,
            scratch: try ScratchSpace(), cancellation: cancellation, permissions: options.permissions)
        checks += try resultChecks(bench)
        checks += try rerunChecks(bench)
        var sampling: Verification.Sampling?
        if options.samples > 0 {
            let drawn = SampleDraw(bench, count: options.samples, seed: options.seed)
            sampling = Verification.Sampling(
                seed: options.seed, drawn: drawn.chosen.reduce(0) { $0 + $1.samples.count },
                total: drawn.total)
            checks += try sampleChecks(drawn, bench)
        }
        return Verification(run: run.address, checks: checks, sampling: sampling, imported: imported)
    }

    private func recordChecks(_ configuration: RunConfiguration) -> [Verification.Check] {
        let record = run.record
        let made = record.stages.count { $0.status == .made || $0.status == .cached }
        let status: Verification.Outcome =
            record.status == .finished
            ? .holds("finished \(record.finished), \(Readable.stages(record.stages.count))")
            : .broken([
                "The run \(record.status == .failed ? "failed" : "was interrupted"): only \(made) of \(Readable.stages(record.stages.count)) have an artifact, and only these are checked."
            ])
        return [
            .init(step: .record, subject: RunRecord.fileName, outcome: status),
            .init(step: .record, subject: configuration.name, outcome: configuration.outcome),
        ]
    }

    private static func outcome(of finding: ArtifactInspector.Finding) -> Verification.Outcome {
        let files = finding.record?.files ?? []
        guard !finding.leftOut.isEmpty else { return .holds(size(files)) }
        let missing = finding.leftOut.map { "\($0.path) (\(Readable.size($0.size)))" }
        return .leftOut(
            "\(size(files.filter { !finding.leftOut.contains($0) })); left out: \(missing.joined(separator: ", "))"
        )
    }

    private static func size(_ files: [ArtifactRecord.File]) -> String {
        "\(files.count == 1 ? "1 file" : "\(files.count) files"), \(Readable.size(files.reduce(0) { $0 + $1.size }))"
    }
}

extension Readable {
    /// "1 stage", "28 stages".
    static func stages(_ count: Int) -> String { count == 1 ? "1 stage" : "\(Self.count(count)) stages" }
}

extension Verifier {
    /// Summaries and metrics against what the artifacts' own files give.
    func resultChecks(_ bench: VerificationBench) throws -> [Verification.Check] {
        try bench.artifacts.items.compactMap { item in
            if cancellation.isCancelled { throw Interrupted() }
            switch bench.access(item) {
            case .closed(let reason):
                // Told once here; later steps leave the artifact out.
                return .init(step: .results, subject: item.name, outcome: .unchecked(reason))
            case .ready(let subject):
                guard let stage = subject.stage.implementation as? any RecomputableStage else {
                    guard !isRunAgain(subject.stage) else { return nil }
                    return .init(
                        step: .results, subject: item.name, outcome: .unchecked(noCheck(of: subject.stage)))
                }
                return .init(
                    step: .results, subject: item.name, outcome: try outcome(stage, subject, bench))
            }
        }
    }

    /// Whether a stage is checked by running it again.
    private func isRunAgain(_ stage: Stage) -> Bool {
        switch stage.implementation {
        case is any QuickStage: true
        case let stage as any RerunStage: missingLeave(for: stage) == nil
        default: false
        }
    }

    private func missingLeave(for stage: any RerunStage) -> PermissionNeed? {
        stage.permissionNeed { _ in nil }.flatMap { options.permissions.allow($0.permission) ? nil : $0 }
    }

    private func noCheck(of stage: Stage) -> String {
        if let need = (stage.implementation as? any RerunStage).flatMap(missingLeave) {
            return "It isn't run again without \(need.permission.flag), because \(need.reason)."
        }
        return "Stages of kind \(stage.recipe.kind) have no check."
    }

    private func outcome(
        _ stage: any RecomputableStage, _ subject: VerificationBench.Subject, _ bench: VerificationBench
    ) throws -> Verification.Outcome {
        let result: StageResult
        do {
            result = try stage.recompute(
                from: subject.artifact.folder, try bench.context(subject, "result"))
        } catch let error as Interrupted {
            throw error
        } catch {
            return subject.failure("\(error)")
        }
        let problems = VerificationBench.differences(subject.artifact.record, result)
        return problems.isEmpty ? .holds(result.summary) : .broken(problems)
    }
}

extension Verifier {
    /// Quick stages, and those that there is leave for, run again outside the store.
    func rerunChecks(_ bench: VerificationBench) throws -> [Verification.Check] {
        try bench.artifacts.items.compactMap { item in
            guard case .ready(let subject) = bench.access(item), isRunAgain(subject.stage) else {
                return nil
            }
            if cancellation.isCancelled { throw Interrupted() }
            reporter.log("verify: running \(item.name) again")
            return .init(step: .reruns, subject: item.name, outcome: try rerun(subject, bench))
        }
    }

    private func rerun(_ subject: VerificationBench.Subject, _ bench: VerificationBench) throws
        -> Verification.Outcome
    {
        do {
            let context = try bench.context(subject, "rerun")
            defer { try? FileSystem.remove(context.output.removingLastComponent()) }
            let result = try subject.stage.runnable().run(context)
            try context.publishJournals()
            var problems = VerificationBench.differences(subject.artifact.record, result)
            let recorded = try ArtifactInspector.files(below: subject.artifact.folder)
                .filter { $0 != ArtifactRecord.fileName }
            let again = try ArtifactInspector.files(below: context.output)
            problems += recorded.filter { !again.contains($0) }.map { "\($0) isn't made." }
            problems += again.filter { !recorded.contains($0) }.map { "\($0) is made, but isn't there." }
            for file in recorded where again.contains(file) {
                let path = FilePath(file)
                let difference = try FileDifference.first(
                    file, subject.artifact.folder.pushing(path), context.output.pushing(path))
                if let difference { problems.append(difference) }
            }
            return problems.isEmpty
                ? .holds(again.count == 1 ? "1 file is the same" : "all \(again.count) files are the same")
                : .broken(problems)
        } catch let error as Interrupted {
            throw error
        } catch {
            return subject.failure("It can't be run again: \(error)")
        }
    }
}

/// Where two files begin to differ.
enum FileDifference {
    /// Columns of a line that are shown on each side of the first difference.
    private static let shown = 40

    /// A sentence on the first difference; nil when the bytes are the same.
    ///
    /// - Parameters:
    ///   - name: What messages call the file.
    ///   - old: The file as recorded, `new` as made again.
    static func first(_ name: String, _ old: FilePath, _ new: FilePath) throws(FileError) -> String? {
        let a = try FileSystem.read(old, limit: FileLimit.data)
        let b = try FileSystem.read(new, limit: FileLimit.data)
        guard a != b else { return nil }
        let offset = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
        guard isText(a), isText(b) else {
            return
                "\(name) differs from byte \(offset) on (\(a.count) bytes recorded, \(b.count) made again)."
        }
        let line = a[..<offset].count { $0 == UInt8(ascii: "\n") } + 1
        return
            "\(name) differs from line \(line) on: recorded \(excerpt(a, offset)), made again \(excerpt(b, offset))."
    }

    private static func isText(_ bytes: [UInt8]) -> Bool {
        !bytes.contains(0) && String(validating: bytes, as: UTF8.self) != nil
    }

    /// The line around an offset, cut to what matters.
    private static func excerpt(_ bytes: [UInt8], _ offset: Int) -> String {
        guard offset < bytes.count else { return "nothing" }
        let newline = UInt8(ascii: "\n")
        let start = bytes[..<offset].lastIndex(of: newline).map { $0 + 1 } ?? 0
        let end = bytes[offset...].firstIndex(of: newline) ?? bytes.count
        let from = max(start, offset - shown)
        let to = min(end, offset + shown)
        let text = String(decoding: bytes[from..<max(from, to)], as: UTF8.self)
        return "\"\(from > start ? "…" : "")\(text)\(to < end ? "…" : "")\""
    }
}

extension Verifier {
    /// The groups that the drawn samples were computed in, computed again.
    func sampleChecks(_ draw: SampleDraw, _ bench: VerificationBench) throws -> [Verification.Check] {
        guard !draw.chosen.isEmpty else {
            return [
                .init(
                    step: .samples, subject: run.record.experiment,
                    outcome: .unchecked(
                        bench.artifacts.items.contains { !$0.finding.leftOut.isEmpty }
                            ? "No samples can be computed again without the weights that were left out."
                            : "There are no samples that could be computed again."))
            ]
        }
        return try draw.chosen.flatMap { choice in
            if cancellation.isCancelled { throw Interrupted() }
            reporter.log("verify: computing samples of \(choice.subject.name) again")
            do {
                return try checks(choice, bench)
            } catch let error as Interrupted {
                throw error
            } catch {
                return [
                    .init(
                        step: .samples, subject: choice.subject.name,
                        outcome: .broken(["Its samples can't be computed again: \(error)"]))
                ]
            }
        }
    }

    private func checks(_ choice: SampleDraw.Choice, _ bench: VerificationBench) throws
        -> [Verification.Check]
    {
        let context = try bench.context(choice.subject, "samples")
        let recorded = try choice.stage.records(in: choice.subject.artifact.folder, context)
        let groups = try choice.stage.groups(context)
        var again: [Int: [JournalRecord]] = [:]
        return try choice.samples.map { sample in
            if cancellation.isCancelled { throw Interrupted() }
            let group = sample / groups.size
            let records = try again[group] ?? groups.compute(group)
            again[group] = records
            let range = groups.range(of: group)
            guard records.count == range.count else {
                return .init(
                    step: .samples, subject: choice.subject.name,
                    outcome: .broken([
                        "The group of sample \(sample + 1) gives \(records.count) records instead of \(range.count)."
                    ]))
            }
            let problems = zip(range, records).flatMap { index, record -> [String] in
                let differences = SampleDifference.list(recorded[index].value, record.value)
                let name = "Sample \(index + 1) (\(record.key))"
                if record.key != recorded[index].key {
                    return ["\(name) is recorded as \(recorded[index].key)."]
                }
                return differences.isEmpty ? [] : ["\(name): \(differences.joined(separator: "; "))."]
            }
            // Those beside the drawn one were computed anyway.
            let others = range.count - 1
            let what =
                "sample \(sample + 1) (\(recorded[sample].key))"
                + (others > 0
                    ? " and \(others == 1 ? "the other" : "the \(others) others") of its group" : "")
            return .init(
                step: .samples, subject: choice.subject.name,
                outcome: problems.isEmpty ? .holds("\(what): the same") : .broken(problems))
        }
    }
}

/// How the record of a sample differs from the one computed again.
enum SampleDifference {
    /// Phrases, one per field: for lists and texts where they begin to differ.
    static func list(_ recorded: JSONValue, _ again: JSONValue) -> [String] {
        let fields = recorded.object?.keys ?? []
        let more = (again.object?.keys ?? []).filter { !fields.contains($0) }
        return (fields + more).compactMap { field in
            phrase(field, recorded[field] ?? .null, again[field] ?? .null)
        }
    }

    private static func phrase(_ field: String, _ old: JSONValue, _ new: JSONValue) -> String? {
        guard old != new else { return nil }
        if let a = old.array, let b = new.array {
            return divergence(field, "position", a.map(\.oneLine), b.map(\.oneLine))
        }
        if let a = old.string, let b = new.string {
            let (x, y) = (words(a), words(b))
            if x.count > 1, y.count > 1, x != y { return divergence(field, "token", x, y) }
        }
        if let x = old.double, let y = new.double, x == y { return nil }
        return "\(field) was \(old.oneLine), is \(new.oneLine)"
    }

    private static func words(_ text: String) -> [String] {
        text.byteText.split(" ").map { "\"\($0)\"" }
    }

    private static func divergence(_ field: String, _ unit: String, _ a: [String], _ b: [String]) -> String {
        let index = zip(a, b).enumerated().first { $1.0 != $1.1 }?.offset ?? min(a.count, b.count)
        let (old, new) = (index < a.count ? a[index] : "the end", index < b.count ? b[index] : "the end")
        return "\(field) differs from \(unit) \(index) on: was \(old), is \(new)"
    }
}
