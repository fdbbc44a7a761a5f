import ArtifactStore
internal import Base
import JSON
package import Recipes
import Synchronization
import SystemPackage

/// Repeats that go on until their results are clear: a run for each look, until one says that nothing is open.
///
/// Which look it ends at follows from the artifacts of the looks alone, so that a run that was stopped, or is started
/// again with everything in the store, ends at the same one.
extension Runner {
    /// What a look's stage says.
    struct Decision {
        /// Whether no further look is needed: nothing is open, or nothing further is planned.
        let isFinal: Bool
        let open: [String]
        /// How many claims there are.
        let claims: Int

        /// - Throws: ``LookError`` where the artifact doesn't say.
        init(_ artifact: Artifact, stage: String) throws(LookError) {
            let sequential = artifact.record.metrics["sequential"]
            guard let decision = sequential?["decision"]?.string, let open = sequential?["open"]?.array else {
                throw LookError(stage: stage)
            }
            isFinal = decision == "decided" || decision == "spent"
            self.open = open.compactMap(\.string)
            claims = artifact.record.metrics["claims"]?.object?.members.count ?? self.open.count
        }
    }

    /// What follows on a look.
    private enum Next {
        case end(String)
        case goOn(String)
    }

    func run(_ until: Experiment.Until) throws -> RunOutcome {
        let forced = try StageSelection(experiment, options).forced
        var done: Set<String> = []
        let extras = Once(options.machineExtras)
        for (index, look) in until.looks.enumerated() {
            // Earlier looks that went on are told, but need no run of their own.
            if forced.isEmpty, index + 1 < until.looks.count, let artifact = try found(look),
                case .goOn(let text) = try next(look, artifact, until)
            {
                reporter.log(text)
                continue
            }
            let part = experiment.at(look)
            var options = options
            options.force = part.stages.map(\.id).filter { forced.contains($0) && !done.contains($0) }
            options.from = []
            options.machineExtras = { try extras.value() }
            let outcome = try Runner(
                part, store: store, options: options, reporter: reporter, cancellation: cancellation
            ).runAll()
            done.formUnion(options.force)
            guard let decision = outcome.stages.first(where: { $0.stage == look.decision }) else {
                throw LookError(stage: look.decision)
            }
            switch try next(look, decision.artifact, until) {
            case .end(let text):
                reporter.log(text)
                let left = experiment.stages.map(\.id).filter { forced.contains($0) && !done.contains($0) }
                if !left.isEmpty {
                    reporter.log(
                        "Not made again, because only later looks would have needed it: \(left.joined(separator: ", "))."
                    )
                }
                return self.outcome(outcome, without: until.looks[..<index])
            case .goOn(let text): reporter.log(text)
            }
        }
        preconditionFailure("the last look ends the run")
    }

    /// A run's outcome without the tables of the looks before it, which its own one replaces.
    private func outcome(_ outcome: RunOutcome, without looks: ArraySlice<Experiment.Look>) -> RunOutcome {
        let earlier = Set(looks.map(\.decision))
        let folders = outcome.stages.filter { earlier.contains($0.stage) }.map(\.artifact.folder)
        return RunOutcome(
            stages: outcome.stages, record: outcome.record,
            reports: outcome.reports.filter { !folders.contains($0.path.removingLastComponent()) })
    }

    /// The look that a run would be about now; nil where there are none.
    ///
    /// - Throws: `StoreError`, `FileError`, ``LookError``.
    package func currentLook() throws -> Experiment.Look? {
        guard let until = experiment.until else { return nil }
        for look in until.looks.dropLast() {
            guard let artifact = try found(look), case .goOn = try next(look, artifact, until) else {
                return look
            }
        }
        return until.looks.last
    }

    private func found(_ look: Experiment.Look) throws -> Artifact? {
        guard let stage = experiment[look.decision],
            case .whole(let artifact) = try store.find(stage, in: experiment)
        else { return nil }
        return artifact
    }

    private func next(
        _ look: Experiment.Look, _ artifact: Artifact, _ until: Experiment.Until
    ) throws -> Next {
        let decision = try Decision(artifact, stage: look.decision)
        let place =
            "Look \(look.number) of \(look.count), after \(look.repeats) of at most \(look.maximum) repeats:"
        if decision.open.isEmpty { return .end("\(place) every claim is decided.") }
        let decided =
            "\(max(0, decision.claims - decision.open.count)) of \(decision.claims) claims are decided"
        let open = "open: \(decision.open.joined(separator: "; "))."
        if decision.isFinal || look.number == look.count {
            return .end("\(place) \(decided). The repeats are spent; \(open)")
        }
        if let budget = until.minutes {
            let minutes = try self.minutes(look)
            if minutes >= budget {
                return .end(
                    "\(place) \(decided). The budget of \(number(budget)) CPU minutes is spent (\(number(minutes))); \(open)"
                )
            }
        }
        let following = until.looks[look.number].repeats
        return .goOn("\(place) \(decided), \(open) Going on to \(following) repeats.")
    }

    /// What the stages up to a look took, in minutes of one thread, by the records of their artifacts.
    private func minutes(_ look: Experiment.Look) throws -> Double {
        var counted: Set<String> = []
        var seconds = 0.0
        for stage in experiment.stages
        where look.stages.contains(stage.id) && counted.insert(stage.fingerprint).inserted {
            guard case .whole(let artifact) = try store.find(stage, in: experiment) else { continue }
            let threads = artifact.record.machine["threads"]?.int ?? 1
            seconds += artifact.record.seconds * Double(threads)
        }
        return seconds / 60
    }

    private func number(_ minutes: Double) -> String {
        minutes.magnitude < 1e15 ? Readable.count(Int(minutes.rounded(.up))) : "\(minutes)"
    }
}

/// A stage that ends repeats, but doesn't say what is decided.
struct LookError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    let stage: String

    package var description: String {
        "The stage \"\(stage)\" doesn't say which claims are open, so that \"until\" can't go by it. Name one of the kind replicates in \"until.decided\"."
    }
}

/// A value that is found once, however often it is asked for.
private final class Once: Sendable {
    private let find: @Sendable () throws -> JSONObject
    private let known = Mutex<JSONObject?>(nil)

    init(_ find: @escaping @Sendable () throws -> JSONObject) { self.find = find }

    func value() throws -> JSONObject {
        try known.withLock { known in
            if let known { return known }
            let value = try find()
            known = value
            return value
        }
    }
}
