package import ArtifactStore
internal import Files
package import JSON
package import Recipes
internal import Runs
package import SystemPackage

/// What has become of an experiment's stages that were handed to a queue.
package struct LaunchStatus: Sendable {
    /// How far a stage is.
    package enum State: String, Sendable, Hashable, CaseIterable {
        /// Its artifact is in the store.
        case done
        case running
        case waiting
        /// Its job ended without an artifact.
        case failed
        /// Neither the queue nor the store has anything of it.
        case lost
        /// No job was handed in for it.
        case new = "not launched"
    }

    /// One stage.
    package struct Entry: Sendable, Hashable {
        /// The stage's full name.
        package let stage: String
        let fingerprint: String
        package let state: State
        /// `12`, or `12_3` for a task of an array.
        package let job: String?
        /// What Slurm calls its state, and why; empty where there is nothing to say.
        package let detail: String
        package let log: FilePath?
        /// Whether it waits for what can't happen any more, or for a job that did.
        let isStuck: Bool
    }

    /// The experiment's name.
    package let experiment: String
    /// One entry per stage, in running order.
    package let entries: [Entry]
    /// Launches whose jobs could now be told, after they were cut off before their numbers were noted.
    package let recovered: Int
    let hasRecords: Bool

    /// How many stages are in one of the states.
    package func count(_ states: State...) -> Int { entries.count { states.contains($0.state) } }

    /// Looks at the store, at the records of launches and, where they name jobs that aren't done, at the queue.
    ///
    /// - Throws: `LaunchError`, `StoreError`, `FileError`.
    package init(_ experiment: Experiment, in store: Store) throws {
        let cached = Set(
            try Plan(experiment, store: store).entries.filter { $0.status == .cached }.map(\.stage))
        var records = try LaunchRecord.all(of: experiment.name, in: store)
        let wanted = Set(experiment.stages.filter { !cached.contains($0.id) }.map(\.fingerprint))
        let isAsked = records.contains {
            $0.jobs.contains { $0.job.tasks.contains { wanted.contains($0.fingerprint) } }
        }
        let queue = Queue()
        let queued = isAsked ? try queue.entries() : []
        recovered = try Self.recover(&records, from: queued)
        hasRecords = !records.isEmpty

        // By fingerprint, the newest job that was to make it.
        var makers: [String: (address: String, comment: String, log: FilePath)] = [:]
        for record in records {
            for job in record.jobs {
                for task in job.job.tasks {
                    guard let address = job.address(of: task) else { continue }
                    makers[task.fingerprint] = (address, record.comment(job), record.log(job, task))
                }
            }
        }
        var states: [String: QueueEntry] = [:]
        // A record may have come from anybody, and numbers are given again: what the queue has under a number is meant
        // only if it says so.
        let comments = Dictionary(
            makers.values.map { ($0.address, $0.comment) }, uniquingKeysWith: { first, _ in first })
        for entry in queued
        where comments[entry.address].map({ entry.comment.utf8.elementsEqual($0.utf8) }) ?? false {
            states[entry.address] = entry
        }
        let forgotten = wanted.compactMap { makers[$0]?.address }.filter { states[$0] == nil }
        // What the accounting holds to be there still the queue would have told.
        for (address, entry) in queue.history(forgotten.sorted())
        where entry.state != "PENDING" && !entry.isLive {
            states[address] = entry
        }

        self.experiment = experiment.name
        entries = experiment.stages.map { stage in
            guard !cached.contains(stage.id) else {
                return Entry(
                    stage: stage.id, fingerprint: stage.fingerprint, state: .done, job: nil, detail: "",
                    log: nil, isStuck: false)
            }
            let maker = makers[stage.fingerprint]
            let entry = maker.flatMap { states[$0.address] }
            return Entry(
                stage: stage.id, fingerprint: stage.fingerprint, state: Self.state(maker != nil, entry),
                job: maker?.address, detail: Self.detail(entry),
                log: maker.flatMap { FileSystem.exists($0.log) ? $0.log : nil },
                isStuck: entry?.isStuck ?? false)
        }
    }

    private static func state(_ wasSubmitted: Bool, _ entry: QueueEntry?) -> State {
        guard wasSubmitted else { return .new }
        guard let entry else { return .lost }
        if entry.isLive { return entry.isRunning ? .running : .waiting }
        // A job that says it ended well, without an artifact: that was removed, or made in another store.
        return entry.state == "COMPLETED" ? .lost : .failed
    }

    private static func detail(_ entry: QueueEntry?) -> String {
        guard let entry else { return "" }
        let reason =
            entry.reason == QueueEntry.neverSatisfied ? "what it waited for isn't coming" : entry.reason
        let parts = [entry.state.lowercased(), reason, entry.isRunning ? entry.nodes : ""]
        return parts.filter { !$0.isEmpty }.joined(separator: ", ")
    }

    /// Notes the numbers of jobs that were handed in by a launch that was killed before it could.
    private static func recover(_ records: inout [LaunchRecord], from queued: [QueueEntry]) throws -> Int {
        var count = 0
        for index in records.indices {
            var isChanged = false
            for number in records[index].jobs.indices where records[index].jobs[number].id == nil {
                let comment = records[index].comment(records[index].jobs[number])
                guard let entry = queued.first(where: { $0.comment == comment }) else { continue }
                records[index].jobs[number].id = String(entry.address.unicodeScalars.prefix { $0 != "_" })
                isChanged = true
                count += 1
            }
            // Who may not write the store is told all the same.
            if isChanged { try? records[index].write() }
        }
        return count
    }
}

extension LaunchStatus {
    /// For people: one line per stage.
    package var text: String {
        let counts = State.allCases.compactMap { state in
            count(state) > 0 ? "\(count(state)) \(state.rawValue)" : nil
        }
        var text = "\(experiment): \(entries.count) stages, \(counts.joined(separator: ", ")).\n"
        if !hasRecords { return text + "Nothing of it was handed to a queue from this store.\n" }
        let stages = entries.map(\.stage.count).max() ?? 0
        let jobs = entries.map { $0.job?.count ?? 0 }.max() ?? 0
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        for entry in entries {
            let words = [
                padded(entry.stage, stages), padded(entry.state.rawValue, 12), padded(entry.job ?? "", jobs),
                entry.detail,
            ]
            let line = words.joined(separator: "  ")
            text += String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
            if entry.state == .failed, let log = entry.log { text += "    log: \(log)\n" }
        }
        if count(.failed, .lost) > 0 {
            text +=
                "What failed or is lost is handed in again by running the same `d3llm launch slurm` again.\n"
        }
        return text
    }

    /// What `--json` prints.
    package var value: JSONValue {
        [
            "experiment": .string(experiment),
            "stages": .array(
                entries.map {
                    [
                        "stage": .string($0.stage), "state": .string($0.state.rawValue),
                        "job": .orNull($0.job),
                        "detail": .string($0.detail), "log": .orNull($0.log?.string),
                    ]
                }),
        ]
    }
}
