import Base
import Files
import JSON
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import ArtifactStore
@testable import Runs

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct LeaseTests {
    let scratch: ScratchFolder
    let folder: Folder

    init() throws {
        scratch = try ScratchFolder()
        folder = try Folder(scratch.path).makeFolder(".locks")
    }

    /// A lease whose holder is dead or stands still: its file as it would be, which nobody renews.
    private func leaveBehind(_ name: FilePath, id: Character, expiry: Double) throws {
        let bytes = LeaseFile.bytes(id: String(repeating: id, count: 32), expiry: expiry)
        try #require(try LeasePlacing.place(bytes, "\(id)", in: folder, as: name)).close()
    }

    private func bytes(_ name: String) throws -> [UInt8]? { try folder.read(FilePath(name)) }

    private func names() throws -> [String] { try FileSystem.list(folder.path).sorted() }

    /// Tries until it has the lease; gives how long that took too.
    private func wait(_ name: String, expiry: Double = 60) throws -> (lease: Lease, seconds: Double) {
        let start = SteadyClock.now()
        while SteadyClock.now() - start < 60 {
            if let lease = try Lease.attempt(folder, name, expiry: expiry) {
                return (lease, SteadyClock.now() - start)
            }
            usleep(10_000)
        }
        throw FileError("lock", folder.path, .timedOut)
    }

    @Test func aLeaseIsHeldOnceAndGivenBack() throws {
        let first = try #require(try Lease.attempt(folder, "f"))
        #expect(try Lease.attempt(folder, "f") == nil)
        #expect(try !Lease.isFree(folder, "f"))
        #expect(try names() == ["f.lease"])
        try first.confirm()
        #expect(try Lease.attempt(folder, "f") == nil)
        first.release()
        #expect(try names() == [] && Lease.isFree(folder, "f"))
        let second = try wait("f").lease
        #expect(!second.isLost && second.deadOwner == nil)
    }

    /// What others go by is the counter in the file: without the heartbeat it stands still.
    @Test func aRenewalRaisesTheCounterThatOthersSee() throws {
        let lease = try #require(try Lease.attempt(folder, "f", expiry: 24))
        LeaseKeeper.shared.forget(lease)
        let before = try bytes("f.lease")
        lease.renew()
        #expect(try bytes("f.lease") == before, "it isn't due yet")
        usleep(2_100_000)
        lease.renew()
        // A machine that stood still for ten seconds has lost it, which is another test.
        #expect(try bytes("f.lease") != before || lease.isLost)
    }

    @Test func theKeeperRenewsWhatIsHeld() throws {
        let lease = try #require(try Lease.attempt(folder, "f", expiry: 12))
        let before = try bytes("f.lease")
        while try bytes("f.lease") == before, !lease.isLost { usleep(10_000) }
        // Lost only where the machine stood still for half of the expiry; a keeper that renews nothing loses it always.
        #expect(try bytes("f.lease") != before)
    }

    @Test func aRenewedLeaseIsNeverTakenOver() throws {
        let first = try #require(try Lease.attempt(folder, "f", expiry: 3))
        let end = SteadyClock.now() + 5
        while SteadyClock.now() < end, !first.isLost {
            #expect(try Lease.attempt(folder, "f") == nil || first.isLost)
            usleep(50_000)
        }
    }

    @Test func oneThatNobodyRenewsIsTakenOverAfterItsTimeAndNotBefore() throws {
        try leaveBehind("f.lease", id: "a", expiry: 1.5)
        let (lease, seconds) = try wait("f")
        #expect(seconds >= 1.5, "\(seconds)")
        #expect(lease.deadOwner?.hasPrefix("process \(getpid()) on ") == true)
        #expect(try names() == ["f.\(String(repeating: "a", count: 32)).next", "f.lease"])
        try lease.confirm()
        lease.release()
        #expect(try names() == [])
    }

    @Test func takersOverThatDieAreTakenOverToo() throws {
        let a = String(repeating: "a", count: 32)
        try leaveBehind("f.lease", id: "a", expiry: 1)
        try leaveBehind(LeaseChain.next("f", after: a), id: "b", expiry: 1)
        let lease = try wait("f").lease
        try lease.confirm()
        #expect(try LeaseChain(folder, "f").files.count == 4)
        lease.release()
        #expect(try names() == [])
    }

    /// What the former holder finds out when it goes on, before it publishes.
    @Test func whoWasTakenOverLearnsItFromTheServer() throws {
        let first = try #require(try Lease.attempt(folder, "f"))
        let root = try #require(try LeaseChain(folder, "f").holder)
        // Somebody else has seen no change for long enough; this process's clock says nothing of it.
        try leaveBehind(LeaseChain.next("f", after: root.id), id: "b", expiry: 60)
        #expect(throws: LeaseLost.self) { try first.confirm() }
        #expect(first.isLost)
        first.release()
        #expect(try names().count == 2, "what is another's is left alone")
    }

    @Test func whoCouldNotRenewForHalfTheTimeHasLostIt() throws {
        let first = try #require(try Lease.attempt(folder, "f", expiry: 1))
        LeaseKeeper.shared.forget(first)
        usleep(700_000)
        #expect(first.isLost)
        #expect(throws: LeaseLost.self) { try first.confirm() }
    }

    @Test func ofManyThatTakeOverOneSucceeds() throws {
        for round in 0..<3 {
            let name = "f\(round)"
            try leaveBehind(FilePath("\(name).lease"), id: "a", expiry: 1)
            let wins = Mailbox<Bool>()
            let isTaken = Flag()
            for _ in 0..<6 {
                try BlockingThread.start { [folder] in
                    // A second longer than the first one needs, however long that is.
                    var end = Double.infinity
                    var held: [Lease] = []
                    while SteadyClock.now() < end {
                        if let lease = try? Lease.attempt(folder, name) {
                            held.append(lease)
                            isTaken.raise()
                        }
                        if isTaken.isRaised, end == .infinity { end = SteadyClock.now() + 1 }
                        usleep(200)
                    }
                    wins.send(!held.isEmpty)
                    sleep(1)
                    withExtendedLifetime(held) {}
                }
            }
            let results = (0..<6).compactMap { _ in wins.receive(milliseconds: 600_000) }
            #expect(results.count == 6 && results.count { $0 } == 1)
        }
    }

    @Test func leftoversOfAnEarlierHoldingChangeNothing() throws {
        try leaveBehind(FilePath("f.\(String(repeating: "a", count: 32)).next"), id: "b", expiry: 60)
        let lease = try #require(try Lease.attempt(folder, "f"))
        try lease.confirm()
        lease.release()
        #expect(try names().count == 1)
    }

    @Test func aDamagedFileIsRemovedWhenNothingChangesIt() throws {
        try folder.writeAtomically("".utf8, to: "f.lease")
        #expect(try Lease.attempt(folder, "f") == nil)
        #expect(try LeaseChain(folder, "f").holder?.id == "")
    }

    @Test func whereLinksAreRefusedNamesAreTakenExclusively() throws {
        let bytes = LeaseFile.bytes(id: String(repeating: "c", count: 32), expiry: 60)
        let file = try #require(try LeasePlacing.placeWithoutLinks(bytes, in: folder, as: "f.lease"))
        #expect(try LeasePlacing.placeWithoutLinks(bytes, in: folder, as: "f.lease") == nil)
        #expect(try LeaseFile.read("f.lease", in: folder)?.id == String(repeating: "c", count: 32))
        try file.close()
    }

    @Test func aStoreUsedWithLeasesKeepsThem() throws {
        let store = Store(scratch.path, locks: .lease)
        #expect(Store(scratch.path).locks == .flock)
        let lock = try #require(try ArtifactLock.attempt(store, "f"))
        #expect(Store(scratch.path).locks == .lease && Store(scratch.path, locks: .flock).locks == .lease)
        #expect(try ArtifactLock.attempt(Store(scratch.path, locks: .flock), "f") == nil)
        #expect(
            ArtifactLock.holder(store, "f").hasPrefix("process \(getpid()) on \(Machine.hostName), since 2"))
        lock.release()
        #expect(try ArtifactLock.attempt(store, "f") != nil)
    }

    /// What was stopped and goes on appends to files that nobody reads any more.
    @Test func journalsAreTakenFromAHolderThatStandsStill() throws {
        let store = Store(scratch.path, locks: .lease)
        let fingerprint = String(repeating: "e", count: 64)
        let work = store.workFolder(fingerprint)
        try FileSystem.createDirectory(work)
        let path = work.appending("samples.jsonl")
        let frozen = try Journal(path, fingerprint: fingerprint)
        try frozen.append(0, .integer(1))
        try leaveBehind(FilePath("\(fingerprint).lease"), id: "a", expiry: 1)
        var lock: ArtifactLock?
        while lock == nil {
            lock = try ArtifactLock.attempt(store, fingerprint)
            usleep(10_000)
        }
        let journal = try Journal(path, fingerprint: fingerprint)
        #expect(journal.count == 1)
        try frozen.append(1, .integer(666))
        try journal.append(1, .integer(2))
        try journal.close()
        #expect(try Journal.read(path).map(\.value) == [.integer(1), .integer(2)])
    }

    @Test func theGateIsHeldAloneOrTogether() throws {
        let store = Store(scratch.path, locks: .lease)
        var together: [StoreGate] = [try StoreGate(store), try StoreGate(store)]
        #expect(together.count == 2)
        let entered = Mailbox<Bool>()
        try BlockingThread.start {
            let gate = try? StoreGate(store, alone: true)
            entered.send(true)
            usleep(300_000)
            withExtendedLifetime(gate) { entered.send(false) }
        }
        #expect(entered.receive(milliseconds: 500) == nil)
        together = []
        #expect(entered.receive(milliseconds: 60_000) == true)
        together = [try StoreGate(store)]
        // Whoever holds it alone has said that it is about to end by now.
        #expect(entered.receive(milliseconds: 0) == false)
        #expect(together.count == 1)
        together = []
        #expect(try names() == ["leases"])
    }

    @Test func fileSystemsOfThisMachineUseFlock() {
        #expect(StoreLocks.kind(of: "/proc") == "proc" && StoreLocks.kind(of: "/nonexistent") == nil)
        #expect(!StoreLocks.isShared("/tmp") && !StoreLocks.isShared("/proc"))
        #expect(StoreLocks.suited(for: "/nonexistent/folder", asked: nil) == .flock)
    }
}

/// Raised once, by any thread.
private final class Flag: Sendable {
    private let value = Atomic(false)
    var isRaised: Bool { value.load(ordering: .acquiring) }
    func raise() { value.store(true, ordering: .releasing) }
}
