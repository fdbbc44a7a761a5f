package import ArtifactStore
import Files
package import JSON
import Synchronization
import SystemPackage

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
