package import ArtifactStore
import Base
import Files
import Recipes
import Synchronization
import SystemPackage

/// One run while it goes on: finds artifacts, starts stages on threads of their own, takes what comes of them.
///
/// Used by one thread, which alone knows the state; the stages' threads get values and send messages. No thread ever
/// waits for a lock: a stage that another process makes is asked about again and again while others go on, so that
/// two runs share the work and can't block one another.
package final class Execution {
    /// Why nothing new is started.
    private enum Stopping { case onRequest, afterFailure }

    let runner: Runner
    let selection: StageSelection
    package let started: Timestamp
    /// As it was given: what is loaded later sets some of it.
    package let environment = RunEnvironment.current()
    private(set) var session: RunSession?
    private(set) var results = RunResults()
    private var schedule: Schedule
    private var artifacts: [String: Artifact] = [:]
    /// Stages that were looked for in the store.
    private var checked: Set<String> = []
    /// Stages that others make, with their lines in the log.
    private var waiting: [String: RunningStage.ID] = [:]
    /// The threads of stages that were started.
    private var shares: [String: ThreadShare] = [:]
    /// The lines in the log of stages that were started.
    private var lines: [String: RunningStage.ID] = [:]
    private var lastTold: ContinuousClock.Instant?
    private var stopping: Stopping?
    private let stop = StopFlag()
    /// Held until the run's folder says what it uses.
    private var gate: StoreGate?
    private let mailbox = Mailbox<(stage: String, ending: StageEnding)>()

    package init(_ runner: Runner, _ selection: StageSelection, started: Timestamp) {
        self.runner = runner
        self.selection = selection
        self.started = started
        schedule = Schedule(
            selection.stages.map { stage in
                Schedule.Node(
                    id: stage.id, fingerprint: stage.fingerprint, needs: stage.needs,
                    memory: runner.options.forecasts[stage.id]?.memory,
                    isElastic: stage.kind.map { type(of: $0).followsThreads } ?? false)
            },
            limits: .init(
                threads: runner.options.threads, stages: runner.options.jobs ?? runner.options.threads,
                memory: Machine.availableMemory()))
    }

    /// Runs until nothing is left that can be done.
    ///
    /// - Throws: `StageFailure`, `RunFailure`, `RunInterrupted`; what keeps stages from being started. No stage runs
    ///   any more then.
    package func run() throws {
        do {
            try openGate()
            try checkPermissions()
            while try turn() {}
        } catch {
            stop.set()
            while schedule.isRunning { receive() }
            endWaiting()
            throw error
        }
        endWaiting()
        try throwWhatWentWrong()
        runner.store.tidyUp(
            after: results.outcomes.values.map(\.artifact), cancellation: runner.cancellation
        ) { [reporter = runner.reporter] in reporter.log($0) }
    }

    private func openGate() throws {
        let waiting = StoreGate.Waiting(cancellation: runner.cancellation) { [reporter = runner.reporter] in
            reporter.log($0)
        }
        do {
            gate = try StoreGate(runner.store, waiting)
        } catch {
            stopping = .onRequest
        }
    }

    /// Hours of decoding shouldn't end at a program that may not be run.
    private func checkPermissions() throws {
        let selected = Set(selection.stages.map(\.id))
        try runner.experiment.checkPermissions(runner.options.permissions, store: runner.store) { stage in
            guard selected.contains(stage.id) else { return false }
            return selection.forced.contains(stage.id) ? true : nil
        }
    }

    /// False when nothing runs and nothing can be started.
    private func turn() throws -> Bool {
        try settle()
        noticeRequest()
        // What others have made can make further stages ready.
        if stopping == nil, try startReady() { return true }
        guard schedule.isRunning || stopping == nil && !waiting.isEmpty else { return false }
        receive()
        tellProgress()
        runner.reporter.tick()
        return true
    }

    /// Finds what is in the store already.
    private func settle() throws {
        var hasFound = true
        while hasFound {
            hasFound = false
            for stage in ready where !selection.forced.contains(stage.id) {
                guard checked.insert(stage.id).inserted,
                    case .whole(let artifact) = try findUnchanged(stage)
                else { continue }
                runner.store.tidy(after: artifact)
                take(cached: artifact, of: stage)
                hasFound = true
            }
        }
    }

    /// - Throws: `RunInterrupted` when it was asked to stop while files were hashed.
    private func findUnchanged(_ stage: Stage) throws -> Store.Finding {
        do {
            return try runner.store.findUnchanged(
                stage, in: runner.experiment, cancellation: runner.cancellation)
        } catch is Interrupted {
            throw RunInterrupted(stops: [
                .init(stage: stage.id, kept: "It has not begun; run the same command again to go on.")
            ])
        }
    }

    private var ready: [Stage] {
        let names = Set(schedule.ready)
        return names.isEmpty ? [] : selection.stages.filter { names.contains($0.id) }
    }

    private func take(cached artifact: Artifact, of stage: Stage) {
        schedule.finish(stage.id)
        artifacts[stage.id] = artifact
        results.outcomes[stage.id] = StageOutcome(
            stage: stage.id, artifact: artifact, wasCached: true, seconds: 0, threads: nil)
    }

    /// True when another process turns out to have made one of them.
    private func startReady() throws -> Bool {
        let ready = ready
        let count = results.outcomes.count
        // What others make is asked about again and again, and takes no thread meanwhile.
        share(schedule.makeRoom(for: ready.map(\.id).filter { waiting[$0] == nil }))
        for (index, stage) in ready.enumerated() {
            guard let threads = schedule.threads(for: stage.id, among: ready.count - index) else { continue }
            try start(stage, threads: threads)
        }
        let hasFound = results.outcomes.count > count
        if !hasFound { share(schedule.giveFree()) }
        return hasFound
    }

    /// Tells running stages how many threads they have now.
    private func share(_ changes: [(id: String, threads: Int)]) {
        for (id, threads) in changes { shares[id]?.change(to: threads) }
    }

    private func start(_ stage: Stage, threads: Int) throws {
        let session = try beginSession()
        let store = runner.store
        let label = label(of: stage)
        guard let lock = try ArtifactLock.attempt(store, stage.fingerprint) else {
            if waiting[stage.id] == nil {
                let holder = ArtifactLock.holder(store, stage.fingerprint)
                waiting[stage.id] = runner.reporter.begin(
                    label, waiting: "waiting for \(holder), which makes it")
            }
            return
        }
        let hasWaited = waiting.removeValue(forKey: stage.id).map { runner.reporter.end($0) } != nil
        let isForced = selection.forced.contains(stage.id)
        // Another process may have made it meanwhile.
        switch try isForced ? store.find(stage, in: runner.experiment) : findUnchanged(stage) {
        case .whole(let artifact) where !isForced:
            // What this process left where it lost the lease, or another that was killed.
            store.tidy(after: artifact, holding: lock)
            lock.release()
            runner.reporter.log("\(label): made by another process")
            take(cached: artifact, of: stage)
            return
        case .damaged(let reason):
            let folder = store.folder(of: stage, in: runner.experiment)
            let place = try store.setAside(folder)
            runner.reporter.warn(
                "\(folder) is no whole artifact (\(reason)); moved to \(place) and made again.")
        case .whole, .absent: break
        }
        if let owner = lock.deadOwner, hasWaited || FileSystem.exists(store.workFolder(stage.fingerprint)) {
            runner.reporter.log("\(label): \(owner), ended before it was done")
        }
        let share = ThreadShare(threads)
        shares[stage.id] = share
        let maker = ArtifactMaker(
            runner: runner, session: session, stage: stage, label: label,
            line: runner.reporter.begin(label), threads: share,
            artifacts: artifacts.filter { stage.needs.contains($0.key) }, isForced: isForced,
            cancellation: Cancellation { [stop, cancellation = runner.cancellation] in
                stop.isSet || cancellation.isCancelled || lock.isLost
            }, lock: lock)
        let mailbox = mailbox
        lines[stage.id] = maker.line
        do {
            try BlockingThread.start {
                let ending = maker.make()
                lock.release()
                mailbox.send((maker.stage.id, ending))
            }
        } catch {
            runner.reporter.end(maker.line)
            throw error
        }
        schedule.start(stage.id, threads: threads)
    }

    /// What is done once before the first stage that has to be made.
    private func beginSession() throws -> RunSession {
        if let session { return session }
        let new = try RunSession(runner, started: started, extras: runner.options.machineExtras())
        session = new
        gate = nil
        return new
    }

    /// Waits a moment for a stage to end.
    private func receive() {
        guard let (name, ending) = mailbox.receive(milliseconds: 100) else { return }
        // Stages notice as soon as this thread does.
        noticeRequest()
        switch ending {
        case .made(let outcome):
            schedule.finish(name)
            artifacts[name] = outcome.artifact
            results.outcomes[name] = outcome
        case .stopped(let stop):
            schedule.drop(name)
            results.stops.append(stop)
            if stopping == .afterFailure { runner.reporter.log("\(name): stopped. \(stop.kept)") }
            stopping = stopping ?? .onRequest
        case .lost(let lost):
            // It is asked about again, like any stage that another process makes.
            runner.reporter.warn("\(name): \(lost)")
            schedule.postpone(name)
        case .failed(let failure):
            results.failures.append(failure)
            for skipped in schedule.drop(name) {
                results.skips.append((skipped, "it needs \(name), which failed"))
            }
            guard runner.options.keepsGoing else {
                stopping = stopping ?? .afterFailure
                stop.set()
                return
            }
            runner.reporter.warn("\(failure)")
        }
    }

    private func noticeRequest() {
        guard stopping == nil, runner.cancellation.isCancelled else { return }
        stopping = .onRequest
        let count = schedule.runningCount
        guard count > 0 else { return }
        runner.reporter.log(
            "Stopping: \(count == 1 ? "1 stage comes" : "\(count) stages come") to a safe point first. The same signal again ends at once."
        )
    }

    private func endWaiting() {
        for line in waiting.values { runner.reporter.end(line) }
    }

    private func throwWhatWentWrong() throws {
        if stopping == .onRequest {
            if results.stops.isEmpty,
                let next = selection.stages.first(where: { results.outcomes[$0.id] == nil })
            {
                let kept =
                    waiting[next.id] != nil
                    ? "Another process is making it."
                    : "It has not begun; run the same command again to go on."
                results.stops = [.init(stage: next.id, kept: kept)]
            }
            if !results.stops.isEmpty { throw RunInterrupted(stops: results.stops) }
        }
        guard let first = results.failures.first else {
            precondition(
                results.outcomes.count == selection.stages.count, "the run ended with stages left to do")
            return
        }
        guard runner.options.keepsGoing || results.failures.count > 1 else { throw first }
        throw RunFailure(failures: results.failures, skipped: results.skips)
    }

    private func label(of stage: Stage) -> String {
        let index = selection.stages.firstIndex { $0.id == stage.id } ?? 0
        return "[\(index + 1)/\(selection.stages.count)] \(stage.id)"
    }
}

extension Execution {
    /// Tells how far the run is: on the terminal, and in a file of its folder for those who look from outside.
    private func tellProgress() {
        let (running, now) = runner.reporter.running
        guard let session, lastTold.map({ $0.duration(to: now) >= .seconds(1) }) ?? true else { return }
        lastTold = now
        let byLine = Dictionary(uniqueKeysWithValues: running.map { ($0.id, $0) })
        var stages: [RunProgress.Stage] = []
        for stage in selection.stages where results.outcomes[stage.id] == nil {
            guard let line = waiting[stage.id] ?? lines[stage.id], let shown = byLine[line] else { continue }
            stages.append(.init(stage, shown, now))
        }
        let forecasts = runner.options.forecasts
        let made = results.outcomes.values.filter { !$0.wasCached }.map(\.stage)
        let left = RemainingTime(
            forecasts: forecasts.compactMapValues(\.seconds),
            all: selection.stages.map(\.id).filter { results.outcomes[$0]?.wasCached != true },
            made: Set(made), running: stages.map { ($0.stage, $0.share, $0.seconds) },
            elapsed: session.clock.duration(to: .now).inSeconds
        ).seconds
        let progress = RunProgress(
            time: Timestamp.now().text, seconds: session.clock.duration(to: .now).inSeconds,
            secondsLeft: left, all: selection.stages.count, done: results.outcomes.count, stages: stages)
        runner.reporter.tell(whole: progress.line)
        progress.write(to: session.folder.path)
    }
}

/// Asks all stages of a run to stop.
private final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)
    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}

/// What is known of the progress of one running stage.
package struct RunningStage: Sendable {
    /// Which of the running stages it is.
    package struct ID: Hashable, Sendable {
        package let number: Int
    }

    /// A stretch of work of countable units.
    struct Stretch: Sendable {
        /// How many units there are; nil when that isn't known.
        package var total: Int?
        /// What is counted, in the plural.
        package var unit: String
        /// Units that an earlier process did; they don't count for the rate.
        var inherited: Int
        var done: Int
        package var start: ContinuousClock.Instant
        /// How many units were done at times of the last half minute and a bit, the oldest first.
        private var marks: [(time: ContinuousClock.Instant, done: Int)]

        /// What the rate is measured over, where enough was done in it.
        private static let window = Duration.seconds(30)
        /// Fewer units than this in the window say little of the rate.
        private static let fewest = 10

        init(total: Int?, unit: String, inherited: Int, done: Int, start: ContinuousClock.Instant) {
            (self.total, self.unit, self.inherited) = (total, unit, inherited)
            (self.done, self.start) = (done, start)
            marks = [(start, done)]
        }

        /// Counts units that are done.
        mutating func advance(by count: Int, _ now: ContinuousClock.Instant) {
            done += count
            guard marks.last.map({ $0.time.duration(to: now) >= .seconds(1) }) ?? true else { return }
            marks.append((now, done))
            // One mark stays that is as old as the window.
            while marks.count > 1, marks[1].time.duration(to: now) >= Self.window { marks.removeFirst() }
        }

        /// Units per second lately, or since the beginning where few were done lately; nil while none is done.
        func rate(_ now: ContinuousClock.Instant) -> Double? {
            let since = marks.first { $0.time.duration(to: now) <= Self.window + .seconds(2) }
            if let since, done - since.done >= Self.fewest {
                let elapsed = since.time.duration(to: now).inSeconds
                if elapsed > 0 { return Double(done - since.done) / elapsed }
            }
            let elapsed = start.duration(to: now).inSeconds
            return done > inherited && elapsed > 0 ? Double(done - inherited) / elapsed : nil
        }

        /// Seconds until all units are done, at that rate; nil where that isn't known.
        func secondsLeft(_ now: ContinuousClock.Instant) -> Double? {
            guard let total, let rate = rate(now), rate > 0 else { return nil }
            return Double(max(0, total - done)) / rate
        }
    }

    package let id: ID
    let label: String
    package var start: ContinuousClock.Instant
    /// Set while it waits for something, instead of working: what for.
    package var waiting: String?
    var stretch: Stretch?
    /// What to show besides, such as the current loss.
    package var note: String?
    /// When it last had a line, where every line stays.
    var lastShown: ContinuousClock.Instant
    /// When it last had a line in the record of the log.
    var lastRecorded: ContinuousClock.Instant

    package init(_ id: ID, label: String, now: ContinuousClock.Instant) {
        self.id = id
        self.label = label
        (start, lastShown, lastRecorded) = (now, now, now)
    }

    /// "120 of 300 steps (40%)"; nil before a stretch has begun.
    package var count: String? {
        stretch.map { stretch in
            guard let total = stretch.total else { return "\(Readable.count(stretch.done)) \(stretch.unit)" }
            return "\(Readable.count(stretch.done)) of \(Readable.count(total)) \(stretch.unit)"
        }
    }

    /// From 0 to 1; nil where the end isn't known.
    var share: Double? {
        stretch.flatMap { stretch in
            stretch.total.map { $0 > 0 ? min(1, max(0, Double(stretch.done) / Double($0))) : 1 }
        }
    }

    /// "120/300"; nil before a stretch has begun.
    var shortCount: String? {
        stretch.map { stretch in
            Readable.count(stretch.done) + (stretch.total.map { "/\(Readable.count($0))" } ?? "")
        }
    }

    /// "12.3/s"; nil where it isn't known.
    func shortRate(_ now: ContinuousClock.Instant) -> String? {
        stretch?.rate(now).map { "\(Readable.rate($0))/s" }
    }

    /// "15 s left"; nil where it isn't known, or nothing is left.
    func left(_ now: ContinuousClock.Instant) -> String? {
        stretch?.secondsLeft(now).flatMap { $0 > 0 ? "\(Readable.duration($0)) left" : nil }
    }

    /// "12.3 steps/s", "15 s left", the note: those that are known.
    package func details(_ now: ContinuousClock.Instant) -> [String] {
        let rate = stretch.flatMap { stretch in
            stretch.rate(now).map { "\(Readable.rate($0)) \(stretch.unit)/s" }
        }
        return [rate, left(now), note].compactMap(\.self)
    }
}
