package import ArtifactStore
import Base
import Files
package import Recipes
import Synchronization
import SystemPackage

/// Computes groups of samples for rank 0, from the same configuration and the store that all ranks share.
package final class GroupService: RankService {
    /// The name that it is asked by.
    package static let name = "group"

    /// A stage whose inputs are open.
    private final class Opened: Sendable {
        let fingerprint: String
        let groups = Mutex<SampleGroups?>(nil)
        init(_ fingerprint: String) { self.fingerprint = fingerprint }
    }

    /// Stages whose models are kept: matrices of evaluations alternate between few of them.
    private static let keptStages = 3

    private let experiment: Experiment
    private let store: Store
    private let permissions: Permissions
    private let scratch: ScratchSpace
    /// The most recently used last.
    private let opened = Mutex<[Opened]>([])

    /// - Throws: `FileError` when there is no room for temporary files.
    package init(_ experiment: Experiment, _ store: Store, _ permissions: Permissions) throws {
        self.experiment = experiment
        self.store = store
        self.permissions = permissions
        scratch = try ScratchSpace()
        // Full disks are found here, where the rank can still be left out, and not by the first stage.
        try FileSystem.writeAtomically(
            [UInt8](repeating: 1, count: 1 << 16), to: scratch.path.appending("room"))
    }

    package func answer(_ question: inout FrameReader, _ answer: inout FrameWriter) throws {
        let fingerprint = try question.text()
        let group = try question.number(Int.self)
        let groups = try open(fingerprint)
        guard (0..<groups.count).contains(group) else {
            throw FrameError(description: "the stage has no group \(group)")
        }
        answer.put(array: try JournalText.lines(of: groups.compute(group)))
    }

    private func open(_ fingerprint: String) throws -> SampleGroups {
        let entry = opened.withLock { list in
            let entry =
                list.firstIndex { $0.fingerprint == fingerprint }.map { list.remove(at: $0) }
                ?? Opened(fingerprint)
            list.append(entry)
            if list.count > Self.keptStages { list.removeFirst() }
            return entry
        }
        // Threads that need the same stage wait for the one that opens it.
        return try entry.groups.withLock { groups in
            if let groups { return groups }
            let new = try load(fingerprint)
            groups = new
            return new
        }
    }

    private func load(_ fingerprint: String) throws -> SampleGroups {
        guard let stage = experiment.stages.first(where: { $0.fingerprint == fingerprint }),
            let implementation = stage.implementation as? any SampledStage
        else { throw FrameError(description: "the experiment has no stage \(fingerprint.prefix(12))") }
        let names = Set(stage.inputs.flatMap(\.references).map(\.stage))
        var artifacts: [String: Artifact] = [:]
        for input in experiment.stages where names.contains(input.id) {
            artifacts[input.id] = try find(input)
        }
        let context = try StageContext.scratch(
            stage, in: scratch.path.appending(fingerprint), artifacts: artifacts, threads: 1,
            cancellation: .never, permissions: permissions)
        return try implementation.groups(context)
    }

    /// An artifact that rank 0 has; shared file systems may show it with a delay.
    private func find(_ stage: Stage) throws -> Artifact {
        let clock = ContinuousClock.now
        while true {
            let finding = try store.find(stage, in: experiment)
            if case .whole(let artifact) = finding { return artifact }
            guard clock.duration(to: .now) < .seconds(10) else {
                throw StoreError(
                    description: "\(store.folder(of: stage, in: experiment)) isn't there or isn't whole")
            }
            BlockingThread.sleep(milliseconds: 100)
        }
    }
}
