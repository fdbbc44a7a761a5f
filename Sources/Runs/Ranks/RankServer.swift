package import ArtifactStore
import Base
import Dispatch
import Files
import JSON
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
