package import ArtifactStore
import Files
package import JSON
import Synchronization
import SystemPackage

/// The other ranks of a job, as rank 0 sees them: who they are, and what they were asked.
///
/// Nothing of them decides what comes out. A rank that is lost is left out from then on, and what it was asked fails at
/// once, so that others can do it.
package final class RankPool: Sendable {
    /// A rank that can be asked.
    package struct Member: Sendable, Hashable {
        /// Its number; rank 0 is this process.
        package let rank: Int
        package let host: String
        /// How many threads it computes with.
        package let threads: Int

        /// As messages name it.
        package var name: String { "rank \(rank) (\(host))" }
    }

    struct State {
        package var members: [Int: Member] = [:]
        /// How many threads of each rank are taken.
        package var taken: [Int: Int] = [:]
        var calls: [UInt64: RankCall] = [:]
        var nextCall: UInt64 = 1
        var lost: [Int: String] = [:]
        var admission: Result<[Member], RanksRefusedError>?
    }

    let transport: any RankTransport
    let timeout: Duration
    /// Takes what has to be said of ranks.
    package let log: @Sendable (String) -> Void
    /// Whether each stage says what each rank did.
    package let isVerbose: Bool
    let state = Mutex(State())

    /// - Parameters:
    ///   - transport: Started by the pool.
    ///   - timeout: How long ranks have to introduce themselves.
    ///   - log: Takes what has to be said of ranks.
    package init(
        _ transport: any RankTransport, timeout: Duration, isVerbose: Bool = false,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.transport = transport
        self.timeout = timeout
        self.isVerbose = isVerbose
        self.log = log
        transport.start { [weak self] in self?.receive($0) }
    }

    /// The ranks that can be asked, in order.
    package var members: [Member] {
        state.withLock { state in
            state.members.values.filter { state.lost[$0.rank] == nil }.sorted { $0.rank < $1.rank }
        }
    }

    /// Takes a thread of a rank for the next ``begin(_:_:capacity:holdingThread:completion:_:)``.
    ///
    /// - Returns: False when all of its threads are taken, or it is lost.
    package func takeThread(of rank: Int) -> Bool {
        state.withLock { state in
            guard let member = state.members[rank], state.lost[rank] == nil,
                state.taken[rank, default: 0] < member.threads
            else { return false }
            state.taken[rank, default: 0] += 1
            return true
        }
    }

    /// Gives back a thread that was taken for nothing.
    package func releaseThread(of rank: Int) { state.withLock { $0.taken[rank, default: 1] -= 1 } }

    /// Asks a rank, without waiting.
    ///
    /// - Parameters:
    ///   - service: What is asked; see ``RankService``.
    ///   - capacity: How many bytes the question is expected to have.
    ///   - holdingThread: Whether a thread was taken; it is free again when the answer comes, wanted or not.
    ///   - completion: Called once when the call has ended, on the transport's thread, which it must not hold up.
    ///   - body: Writes the question.
    /// - Returns: The call; one that has failed when the rank is lost.
    package func begin(
        _ rank: Int, _ service: String, capacity: Int = 256, holdingThread: Bool = false,
        completion: (@Sendable (RankCall) -> Void)? = nil, _ body: (inout FrameWriter) -> Void
    ) -> RankCall {
        let call = RankCall(rank: rank, holdsThread: holdingThread, completion: completion)
        let (number, reason) = state.withLock { state in
            if let reason = state.lost[rank] { return (UInt64(0), Optional(reason)) }
            let number = state.nextCall
            state.nextCall += 1
            state.calls[number] = call
            return (number, nil)
        }
        if let reason {
            end(call, .failure(RankLost(rank: rank, description: reason)))
            return call
        }
        var writer = FrameWriter(capacity: capacity + service.utf8.count + 32)
        writer.put(FrameKind.request.rawValue)
        writer.put(number)
        writer.put(service)
        body(&writer)
        transport.send(writer.finish(), to: rank)
        return call
    }

    /// Says that nothing more will be asked, and ends the transport within a bounded time.
    package func close() {
        // Whoever doesn't answer now would be waited for in vain when all leave together.
        let gone = state.withLock { Set($0.lost.keys) }
        let calls = (1..<max(1, transport.count)).filter { !gone.contains($0) }.map { rank in
            begin(rank, RankServer.farewell) { _ in }
        }
        let clock = ContinuousClock.now
        for call in calls where call.wait(max(.zero, timeout - clock.duration(to: .now))) == nil {
            lose(call.rank, "doesn't answer")
        }
        let lost = state.withLock { Set($0.lost.keys) }
        for rank in 1..<max(1, transport.count) where !lost.contains(rank) {
            var writer = FrameWriter(capacity: 16)
            writer.put(FrameKind.end.rawValue)
            writer.put(UInt64(lost.isEmpty ? 0 : 1))
            transport.send(writer.finish(), to: rank)
        }
        transport.close(abandoning: !lost.isEmpty)
    }

    /// Whether any rank was lost.
    package var hasLostRanks: Bool { state.withLock { !$0.lost.isEmpty } }

    /// As messages name a rank.
    package func name(_ rank: Int) -> String { state.withLock { $0.members[rank]?.name } ?? "rank \(rank)" }

    private func receive(_ event: RankEvent) {
        switch event {
        case .lost(let rank, let reason): lose(rank, reason)
        case .frame(let rank, let frame):
            var reader = FrameReader(frame)
            guard let kind = (try? reader.number(UInt8.self)).flatMap(FrameKind.init), kind != .request,
                let number = try? reader.number(UInt64.self)
            else {
                // What it answered can't be told, so that whoever waits for it would wait for ever.
                lose(rank, "sent something that is no answer")
                return
            }
            // An answer that nobody waits for any more comes from a rank that was given up, or comes twice.
            guard
                let call = state.withLock({ state -> RankCall? in
                    guard let call = state.calls[number], call.rank == rank else { return nil }
                    state.calls[number] = nil
                    return call
                })
            else { return }
            switch kind {
            case .answer: end(call, .success(reader))
            default: end(call, .failure(failure(rank, (try? reader.text()) ?? "it failed")))
            }
        }
    }

    /// What a rank couldn't do, as an error.
    package func failure(_ rank: Int, _ reason: String) -> RankFailure {
        RankFailure(rank: rank, description: "\(name(rank)): \(reason)")
    }

    private func lose(_ rank: Int, _ reason: String) {
        let sentence = "\(name(rank)) \(reason)"
        let calls = state.withLock { state -> [RankCall]? in
            guard state.lost[rank] == nil else { return nil }
            state.lost[rank] = sentence
            let gone = state.calls.filter { $0.value.rank == rank }
            for number in gone.keys { state.calls[number] = nil }
            return gone.sorted { $0.key < $1.key }.map(\.value)
        }
        guard let calls else { return }
        log("\(sentence); the run goes on without it")
        for call in calls { end(call, .failure(RankLost(rank: rank, description: sentence))) }
    }

    private func end(_ call: RankCall, _ result: Result<FrameReader, any Error>) {
        if call.holdsThread { releaseThread(of: call.rank) }
        call.complete(result)
    }
}

extension RankPool {
    /// Has every rank introduce itself, and takes those that would compute the same as this process.
    ///
    /// A rank that differs, that doesn't see the store or that doesn't answer in time is left out with a sentence.
    /// Asked again it gives the same answer.
    ///
    /// - Parameter store: Ranks read what stages refer to there, so that all have to see the same folder.
    /// - Throws: `RanksRefusedError` when none can be used; `FileError` when the store can't be written.
    @discardableResult
    package func admit(_ facts: RankFacts, _ store: Store) throws -> [Member] {
        if let known = state.withLock({ $0.admission }) { return try known.get() }
        let nonce = (0..<2).map { _ in String(UInt64.random(in: 0 ... .max), radix: 16) }.joined()
        let note = store.root.appending(".ranks-\(nonce)")
        try store.made().writeAtomically(nonce.utf8, to: store.place(of: note))
        defer { try? store.remove(note) }
        let clock = ContinuousClock.now
        let calls = (1..<max(1, transport.count)).map { rank in
            begin(rank, RankServer.introduction) { $0.put(note.lastComponent?.string ?? "") }
        }
        var members: [Member] = []
        var reasons: [String] = []
        for call in calls {
            switch introduction(call, facts, nonce, until: clock + timeout) {
            case .success(let member): members.append(member)
            case .failure(let refusal):
                reasons.append(refusal.description)
                log("\(refusal); the run goes on without it")
            }
        }
        let admission: Result<[Member], RanksRefusedError> =
            members.isEmpty && !calls.isEmpty
            ? .failure(
                RanksRefusedError(
                    description:
                        "None of the \(calls.count == 1 ? "1 other rank" : "\(calls.count) other ranks") can be used. \(reasons[0]). Run with one rank, or see docs/cluster.md."
                )) : .success(members)
        state.withLock { state in
            for member in members { state.members[member.rank] = member }
            state.admission = admission
        }
        return try admission.get()
    }

    /// What records of the machine say of the ranks in use.
    package static func record(_ members: [Member]) -> JSONValue {
        .array(
            [["rank": 0, "host": .string(Machine.hostName)]]
                + members.map {
                    [
                        "rank": .integer($0.rank), "host": .string($0.host), "threads": .integer($0.threads),
                    ]
                })
    }

    private func introduction(
        _ call: RankCall, _ facts: RankFacts, _ nonce: String, until deadline: ContinuousClock.Instant
    ) -> Result<Member, RankFailure> {
        let rank = call.rank
        guard let result = call.wait(max(.zero, ContinuousClock.now.duration(to: deadline))) else {
            return .failure(
                RankFailure(
                    rank: rank,
                    description: "\(name(rank)) hasn't introduced itself within \(timeout)"))
        }
        do {
            var answer = try result.get()
            let host = try answer.text()
            let threads = try answer.number(Int.self)
            let seen = try answer.text()
            let there = try answer.text()
            let member = Member(rank: rank, host: host, threads: max(1, threads))
            let value = JSONValue(try JSONDocument(parsing: Array(there.utf8), name: "").root)
            var reason = facts.difference(value)
            if reason == nil, seen != nonce {
                reason = "it doesn't see this run's store (\(seen)); all ranks need the same folder"
            }
            if let reason {
                return .failure(RankFailure(rank: rank, description: "\(member.name) isn't used: \(reason)"))
            }
            return .success(member)
        } catch let error as RankLost {
            return .failure(RankFailure(rank: rank, description: error.description))
        } catch let error as RankFailure {
            return .failure(error)
        } catch {
            return .failure(
                RankFailure(rank: rank, description: "\(name(rank)) introduced itself in no known way"))
        }
    }
}

/// A rank that is gone.
package struct RankLost: Error, Sendable, Hashable, CustomStringConvertible {
    package let rank: Int
    package let description: String
}

/// A rank that answered that it couldn't do what it was asked, or whose answer was no such thing.
package struct RankFailure: Error, Sendable, Hashable, CustomStringConvertible {
    package let rank: Int
    package let description: String
}

/// A job in which no other rank can be used, so that this process would do alone what was given to several.
package struct RanksRefusedError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
}
