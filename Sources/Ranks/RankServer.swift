package import ArtifactStore
import Base
import Dispatch
import Files
package import JSON
package import Recipes
import Synchronization
import SystemPackage

/// What a rank other than 0 can be asked.
package protocol RankService: Sendable {
    /// Reads a question and writes the answer; called on a thread of its own, several times at once.
    ///
    /// - Throws: What rank 0 is told instead of an answer.
    func answer(_ question: inout FrameReader, _ answer: inout FrameWriter) throws
}

/// A rank other than 0: answers what rank 0 asks until it says that this was all, or isn't heard of any more.
package final class RankServer: Sendable {
    /// The service that every rank has: who it is, and whether it would compute the same.
    static let introduction = "introduction"

    /// The service that says nothing but that the rank is there.
    static let farewell = "farewell"

    /// How a rank's work ended.
    package enum Ending: Sendable, Hashable {
        /// Nothing more will be asked.
        case done
        /// The same, and some ranks are lost.
        case doneWithout
        /// Rank 0 is gone; the reason is the end of a sentence that begins with it.
        case lost(String)
    }

    /// What a rank brings along.
    package struct Equipment: Sendable {
        let facts: RankFacts
        package let store: Store
        package let threads: Int
        let services: [String: any RankService]

        /// - Parameters:
        ///   - threads: How many it computes with.
        ///   - services: By name.
        package init(
            facts: RankFacts, store: Store, threads: Int, services: [String: any RankService]
        ) {
            self.facts = facts
            self.store = store
            self.threads = threads
            self.services = services
        }
    }

    private let transport: any RankTransport
    private let equipment: Result<Equipment, any Error>
    private let ending = Mutex<Ending?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter equipment: An error becomes the answer to everything, so that rank 0 can say why it isn't used.
    package init(_ transport: any RankTransport, _ equipment: () throws -> Equipment) {
        self.transport = transport
        self.equipment = Result { try equipment() }
        transport.start { [weak self] in self?.receive($0) }
    }

    /// Waits until there is nothing more to do.
    package func run() -> Ending {
        ended.wait()
        let ending = ending.withLock { $0 } ?? .done
        transport.close(abandoning: ending != .done)
        return ending
    }

    private func receive(_ event: RankEvent) {
        switch event {
        case .lost(0, let reason): end(.lost(reason))
        case .lost: break
        case .frame(_, let frame):
            var reader = FrameReader(frame)
            guard let kind = (try? reader.number(UInt8.self)).flatMap(FrameKind.init),
                let number = try? reader.number(UInt64.self)
            else { return }
            switch kind {
            case .end: end(number == 0 ? .done : .doneWithout)
            case .request:
                let question = reader
                do {
                    try BlockingThread.start { [self] in serve(number, question) }
                } catch {
                    transport.send(Self.failure(number, "\(error)"), to: 0)
                }
            case .answer, .failure: break
            }
        }
    }

    private func end(_ new: Ending) {
        ending.withLock { $0 = $0 ?? new }
        ended.signal()
    }

    private func serve(_ number: UInt64, _ question: FrameReader) {
        var question = question
        var writer = FrameWriter(capacity: 256)
        writer.put(FrameKind.answer.rawValue)
        writer.put(number)
        do {
            let name = try question.text()
            if name == Self.farewell { return transport.send(writer.finish(), to: 0) }
            let equipment = try equipment.get()
            if name == Self.introduction {
                try introduce(equipment, &question, &writer)
            } else if let service = equipment.services[name] {
                try service.answer(&question, &writer)
            } else {
                throw FrameError(description: "it has no service \"\(name)\"")
            }
            transport.send(writer.finish(), to: 0)
        } catch {
            transport.send(Self.failure(number, "\(error)"), to: 0)
        }
    }

    private static func failure(_ number: UInt64, _ reason: String) -> Frame {
        var writer = FrameWriter(capacity: 64 + reason.utf8.count)
        writer.put(FrameKind.failure.rawValue)
        writer.put(number)
        writer.put("on \(Machine.hostName): \(reason)")
        return writer.finish()
    }

    private func introduce(
        _ equipment: Equipment, _ question: inout FrameReader, _ writer: inout FrameWriter
    ) throws {
        let name = try question.text()
        writer.put(Machine.hostName)
        writer.put(equipment.threads)
        writer.put(try note(name, equipment.store))
        writer.put(String(decoding: try equipment.facts.value.compactBytes(), as: UTF8.self))
    }

    /// What rank 0 wrote to the store, or why it can't be read.
    ///
    /// Shared file systems may show it with a delay.
    private func note(_ name: String, _ store: Store) throws -> String {
        let path = store.root.appending(name)
        guard path.lastComponent?.string == name else {
            throw FrameError(description: "it was asked for a file outside the store")
        }
        let clock = ContinuousClock.now
        while true {
            do {
                return try FileSystem.readText(path)
            } catch {
                guard clock.duration(to: .now) < .seconds(5) else { return "\(error)" }
                BlockingThread.sleep(milliseconds: 100)
            }
        }
    }
}

/// What carries frames between this process and the other ranks of a job.
///
/// Rank 0 runs the experiment; the others answer what it asks, and speak with nobody else. An implementation knows
/// nothing of what frames say, but it knows which ranks are alive: it has something sent from each to each at short
/// intervals, however long a rank computes, and no wait of its own is without a bound.
package protocol RankTransport: Sendable {
    /// How many ranks the job has, this one included.
    var count: Int { get }

    /// Begins to hand on what arrives, on a thread of its own that must not be held up.
    func start(_ receive: @escaping @Sendable (RankEvent) -> Void)

    /// Sends a frame soon, without waiting; frames from one rank to another arrive in their order.
    func send(_ frame: Frame, to rank: Int)

    /// Ends what was begun, within a bounded time.
    ///
    /// - Parameter abandoning: Whether ranks may be left behind that don't answer, so that no agreement of all may be
    ///   waited for.
    func close(abandoning: Bool)
}

/// What a transport has to say.
package enum RankEvent: Sendable {
    case frame(from: Int, Frame)
    /// The rank is gone, or hasn't been heard of for longer than is waited; the reason is the end of a sentence that
    /// begins with the rank.
    case lost(Int, reason: String)
}

/// What the first byte of a frame says that it is; eight bytes with the request's number follow.
enum FrameKind: UInt8 {
    /// From rank 0: the name of a service, and what it is asked.
    case request = 1
    /// To rank 0: what the service answered.
    case answer = 2
    /// To rank 0: why it can't, as a sentence.
    case failure = 3
    /// From rank 0: nothing more will be asked; the number is 1 where ranks are left behind, so that no agreement of
    /// all may be waited for.
    case end = 4
}

/// What has to be the same on every rank, so that it doesn't matter which one computes something.
package struct RankFacts: Sendable {
    /// Program, experiment and what the numbers depend on.
    package let value: JSONValue

    /// - Parameters:
    ///   - experiment: The one that this rank has read.
    ///   - codeExecution: Whether programs that a model wrote may be run here.
    ///   - machine: What the caller knows of the machine, for example the name of the BLAS kernels.
    package init(_ experiment: Experiment, codeExecution: Bool, machine: JSONObject) {
        let stages = experiment.stages.map { "\($0.id) \($0.fingerprint)\n" }.joined()
        value = [
            "version": .string(Version.current),
            "executable": .text(try? SHA256.hex(ofFile: "/proc/self/exe")),
            "stages": .string(SHA256.hex(of: Array(stages.utf8))),
            "code execution": .bool(codeExecution),
            "machine": Self.withoutPaths(.object(machine)),
        ]
    }

    /// Where a library lies and how it was chosen may differ; what it is may not.
    private static let ignored: Set = ["path", "requestedCore", "replacedCoreType"]

    private static func withoutPaths(_ value: JSONValue) -> JSONValue {
        guard case .object(let object) = value else { return value }
        return .object(
            JSONObject(
                object.members.filter { !ignored.contains($0.key) }.map {
                    ($0.key, withoutPaths($0.value))
                }))
    }

    /// What differs on another rank, as the end of a sentence that begins with it; nil where all is the same.
    package func difference(_ there: JSONValue) -> String? {
        guard let first = ValueDifference.between(value, there).first else { return nil }
        let what =
            switch first.path {
            case "version", "executable": "it runs another build of d3llm"
            case "stages": "it read another experiment: the configuration's files differ"
            default: "its numbers could differ, because \(first.path) does"
            }
        return "\(what) (\(first.new?.prefix(80) ?? "none") there, \(first.old?.prefix(80) ?? "none") here)"
    }
}
