package import Recipes
import Runs

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
