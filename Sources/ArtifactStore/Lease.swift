import Base
package import Files
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The right to make one artifact on a file system whose locks can't be trusted.
///
/// Getting it is one atomic operation of the server: a file of one's own gets the lease's name by link(), which fails
/// if the name is taken. While it is held, a thread raises the counter in it. Another process takes it over when it has
/// seen no change for ``expiry`` seconds of its own clock. A holder that can't renew it for half of that takes it for
/// lost itself; so a process that was stopped and goes on finds out before it does harm. Neither clocks of machines are
/// compared nor process ids believed.
package final class Lease: Sendable {
    /// After how many seconds without a change a lease may be taken over, unless a test wants less.
    package static let standardExpiry: Double = {
        let given = getenv("D3LLM_LEASE_SECONDS").flatMap { Double(String(cString: $0)) }
        guard let given, given >= 1, given <= Lease.longestExpiry else { return 60 }
        return given
    }()

    /// The most seconds that a lease may say; one that says more wasn't written by this program.
    static let longestExpiry: Double = 3600

    private struct State {
        var id: String
        /// The file of this holding; open, so that it is never somebody else's that is written.
        var file: FileDescriptor
        var counter: UInt64 = 0
        /// When the last renewal that succeeded was begun.
        var renewed: Double
        var isLost = false
        var isReleased = false
    }

    private let folder: Folder
    private let name: String
    /// After how many seconds without a change this one may be taken over.
    let expiry: Double
    private let state: Mutex<State>
    /// What ``isLost`` asks without waiting for a renewal that is under way: whether it is known to be lost, and the bits of
    /// ``State/renewed``.
    private let isKnownLost = Atomic<Bool>(false)
    private let renewedBits: Atomic<UInt64>
    /// Who held it before and didn't give it back.
    package let deadOwner: String?

    private init(_ folder: Folder, _ name: String, _ expiry: Double, _ state: State, deadOwner: String?) {
        (self.folder, self.name, self.expiry, self.deadOwner) = (folder, name, expiry, deadOwner)
        renewedBits = Atomic(state.renewed.bitPattern)
        self.state = Mutex(state)
    }

    deinit { release() }

    /// Takes the lease if it is free or has run out; nil while somebody holds it.
    ///
    /// - Parameter folder: Holds the files of leases. Whoever wrote it may have left any file there under any name: all of
    ///   them are reached from this folder, by names made of digits, and never through a link.
    package static func attempt(
        _ folder: Folder, _ name: String, expiry: Double = standardExpiry
    ) throws(FileError) -> Lease? {
        let root = LeaseChain.place(folder, name)
        let observations = LeaseObservations.shared
        if observations.isRecent(root), try folder.status(LeaseChain.first(name)) != nil { return nil }
        let chain = try LeaseChain(folder, name)
        if let holder = chain.holder {
            guard observations.hasRunOut(root, holder) else { return nil }
            guard !holder.id.isEmpty else {
                try chain.files.last.map { file throws(FileError) in try folder.remove(file.name) }
                return nil
            }
        }
        observations.forget(root)
        let begun = SteadyClock.now()
        let id = newID()
        let bytes = LeaseFile.bytes(id: id, expiry: expiry)
        guard let file = try LeasePlacing.place(bytes, id, in: folder, as: chain.next) else { return nil }
        // Whom it was to be taken over from may have been followed and the lease freed meanwhile.
        guard let holder = try LeaseChain(folder, name).holder, holder.id == id else {
            try? file.close()
            try? folder.remove(chain.next)
            return nil
        }
        let lease = Lease(
            folder, name, expiry, State(id: id, file: file, renewed: begun), deadOwner: chain.holder?.owner)
        LeaseKeeper.shared.keep(lease)
        return lease
    }

    /// Whether nobody holds a lease, as far as this process has seen.
    package static func isFree(_ folder: Folder, _ name: String) throws(FileError) -> Bool {
        guard let holder = try LeaseChain(folder, name).holder else { return true }
        return LeaseObservations.shared.hasRunOut(LeaseChain.place(folder, name), holder)
    }

    /// Whether it isn't this process's any more, as far as it knows.
    package var isLost: Bool {
        isKnownLost.load(ordering: .relaxed)
            || isTooLong(since: Double(bitPattern: renewedBits.load(ordering: .relaxed)))
    }

    /// Too long without a renewal, and others may have taken it over.
    private func isTooLong(since renewed: Double) -> Bool { SteadyClock.now() - renewed > expiry / 2 }

    private func notice(_ state: inout State) {
        if !state.isReleased, isTooLong(since: state.renewed) { state.isLost = true }
        isKnownLost.store(state.isLost, ordering: .relaxed)
        renewedBits.store(state.renewed.bitPattern, ordering: .relaxed)
    }

    /// Raises the counter, when that is due.
    func renew() {
        state.withLock { state in
            notice(&state)
            let begun = SteadyClock.now()
            guard !state.isLost, !state.isReleased, begun - state.renewed >= expiry / 12 else { return }
            let digits = Array(LeaseFile.counterText(state.counter + 1).utf8)
            guard (try? state.file.writeAll(toAbsoluteOffset: LeaseFile.counterOffset, digits)) != nil,
                fsync(state.file.rawValue) == 0
            else { return }
            // Between two changes that others can see lies at most what lies between these two moments.
            notice(&state)
            guard !state.isLost else { return }
            state.counter += 1
            state.renewed = begun
            let next = LeaseChain.next(name, after: state.id)
            if let taken = try? folder.status(next), taken.kind == .file { state.isLost = true }
            notice(&state)
        }
    }

    /// Makes sure, by an operation of the server, that nobody has taken the lease over, and that nobody can for a while.
    ///
    /// It takes the lease over from itself: the file that another process would have to make is made here. What it
    /// guards has to follow at once.
    /// - Throws: `LeaseLost`; `FileError`.
    package func confirm() throws {
        let isStillHeld = try state.withLock { state in
            notice(&state)
            defer { notice(&state) }
            guard !state.isLost, !state.isReleased else { return false }
            let begun = SteadyClock.now()
            let id = Self.newID()
            let next = LeaseChain.next(name, after: state.id)
            let bytes = LeaseFile.bytes(id: id, expiry: expiry)
            let file = try LeasePlacing.place(bytes, id, in: folder, as: next)
            state.isLost = true
            guard let file else { return false }
            try? state.file.close()
            (state.id, state.file, state.counter, state.renewed) = (id, file, 0, begun)
            guard let holder = try LeaseChain(folder, name).holder, holder.id == id else { return false }
            state.isLost = isTooLong(since: begun)
            return !state.isLost
        }
        guard isStillHeld else { throw LeaseLost(seconds: expiry / 2) }
    }

    /// Gives the lease back; further calls do nothing.
    ///
    /// One that was lost is left to whoever has it.
    package func release() {
        let held: State? = state.withLock { state in
            notice(&state)
            guard !state.isReleased else { return nil }
            state.isReleased = true
            return state
        }
        guard let held else { return }
        LeaseKeeper.shared.forget(self)
        if !held.isLost, let chain = try? LeaseChain(folder, name), chain.holder?.id == held.id {
            // The first frees it; what a kill leaves of the others is reached by nobody.
            for file in chain.files { try? folder.remove(file.name) }
        }
        try? held.file.close()
    }

    private static func newID() -> String {
        let parts = [UInt64.random(in: 0 ... .max), UInt64.random(in: 0 ... .max)]
        return parts.map(LeaseFile.counterText).joined()
    }
}

/// What a process is told that stood still for so long that another may have taken over what it was making.
package struct LeaseLost: Error, Sendable, Hashable, CustomStringConvertible {
    package let seconds: Double

    package init(seconds: Double) {
        self.seconds = seconds
    }

    package var description: String {
        "The lease on its artifact was lost: it could not be renewed for \(Int(seconds.rounded(.up))) seconds, because the process or the file system stood still, and another process may have taken it over. Nothing of it was put in the store; the same command goes on from what is kept."
    }
}

/// Renews the leases that this process holds, on a thread that is there while there are any.
final class LeaseKeeper: Sendable {
    static let shared = LeaseKeeper()

    private struct Held: @unchecked Sendable {
        // Written once; reading a weak reference is safe from any thread, and so is what it gives.
        weak var lease: Lease?
    }
    private struct State {
        var leases: [ObjectIdentifier: Held] = [:]
        var isRunning = false
    }
    private let state = Mutex(State())

    func keep(_ lease: Lease) {
        let isRunning = state.withLock { state in
            state.leases[ObjectIdentifier(lease)] = Held(lease: lease)
            defer { state.isRunning = true }
            return state.isRunning
        }
        guard !isRunning else { return }
        do {
            try BlockingThread.start { [self] in work() }
        } catch {
            // Without renewals the lease is lost in time, which whoever holds it finds out.
            state.withLock { $0.isRunning = false }
        }
    }

    func forget(_ lease: Lease) { state.withLock { $0.leases[ObjectIdentifier(lease)] = nil } }

    private func work() {
        while true {
            let leases: [Lease]? = state.withLock { state in
                guard !state.leases.isEmpty else {
                    state.isRunning = false
                    return nil
                }
                return state.leases.values.compactMap(\.lease)
            }
            guard let leases else { return }
            for lease in leases { lease.renew() }
            let shortest = leases.map(\.expiry).min() ?? Lease.standardExpiry
            usleep(UInt32(min(1, shortest / 48) * 1_000_000))
        }
    }
}

/// A clock that nothing sets and that goes on while the machine sleeps, in seconds.
enum SteadyClock {
    package static func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}

/// What this process has itself seen of leases that others hold.
///
/// No clocks are compared: a lease has run out when this process has seen no change of it for as long as its holder
/// said, on this process's own clock.
final class LeaseObservations: Sendable {
    static let shared = LeaseObservations()

    private struct Sight {
        var lease: LeaseFile
        /// When it was seen like this first, and last.
        var since: Double
        var last: Double
    }
    private let sights = Mutex<[FilePath: Sight]>([:])

    /// Whether it is too early to look again at a lease that hasn't run out; many may wait for one file server.
    func isRecent(_ path: FilePath) -> Bool {
        sights.withLock { sights in
            guard let sight = sights[path] else { return false }
            let now = SteadyClock.now()
            return now - sight.since < sight.lease.expiry
                && now - sight.last < min(1, sight.lease.expiry / 12)
        }
    }

    /// Notes what was seen; true when the lease has run out.
    ///
    /// - Parameter path: The first file of the lease.
    func hasRunOut(_ path: FilePath, _ lease: LeaseFile) -> Bool {
        let now = SteadyClock.now()
        return sights.withLock { sights in
            guard var sight = sights[path], sight.lease == lease else {
                sights[path] = Sight(lease: lease, since: now, last: now)
                return false
            }
            sight.last = now
            sights[path] = sight
            return now - sight.since >= lease.expiry
        }
    }

    /// Forgets a lease that is free.
    func forget(_ path: FilePath) { sights.withLock { $0[path] = nil } }
}

/// Gives a file a name that only one process can give.
enum LeasePlacing {
    /// Writes a file and gives it the name; the open file, or nil when the name is taken.
    ///
    /// The file is whole before it has the name. On NFS the answer to link() can be lost and the request be repeated, so
    /// that it fails although it was carried out: what counts is how many names the file has.
    /// - Parameters:
    ///   - id: Part of the name that the file has first.
    ///   - name: A plain name in the folder.
    package static func place(
        _ bytes: [UInt8], _ id: String, in folder: Folder, as name: FilePath
    ) throws(FileError) -> FileDescriptor? {
        let prefix = String(name.string.unicodeScalars.prefix { $0 != "." })
        let claim = FilePath("\(prefix).\(id).claim")
        guard let file = try create(claim, in: folder) else {
            throw FileError("lock", folder.path.pushing(claim), .fileExists)
        }
        do throws(FileError) {
            try write(bytes, to: file, folder.path.pushing(claim))
            var refusal: FileError?
            do throws(FileError) { try folder.link(claim, to: name) } catch { refusal = error }
            let isLinked = refusal == nil || names(of: claim, in: folder) == 2
            try folder.remove(claim)
            if isLinked { return file }
            switch refusal?.errno {
            case .fileExists?, .noSuchFileOrDirectory?:
                try? file.close()
                return nil
            case .notPermitted?, .notSupported?, .noFunction?, .tooManyLinks?, .improperLink?: break
            default: throw FileError("lock", folder.path.pushing(name), refusal?.errno ?? .ioError)
            }
        } catch {
            try? file.close()
            try? folder.remove(claim)
            throw error
        }
        try? file.close()
        return try placeWithoutLinks(bytes, in: folder, as: name)
    }

    /// Where a file can't have two names: the name is there first and the content a moment later.
    static func placeWithoutLinks(
        _ bytes: [UInt8], in folder: Folder, as name: FilePath
    ) throws(FileError) -> FileDescriptor? {
        guard let file = try create(name, in: folder) else { return nil }
        do throws(FileError) {
            try write(bytes, to: file, folder.path.pushing(name))
            return file
        } catch {
            try? file.close()
            try? folder.remove(name)
            throw error
        }
    }

    /// How many names a file has; it is opened anew, so that clients of NFS ask the server.
    private static func names(of name: FilePath, in folder: Folder) -> Int {
        guard let file = try? folder.openFile(name, .readOnly, "lock") else { return 0 }
        defer { try? file.close() }
        var facts = stat()
        return fstat(file.rawValue, &facts) == 0 ? Int(facts.st_nlink) : 0
    }

    /// A new file; nil where anything stands already.
    private static func create(_ name: FilePath, in folder: Folder) throws(FileError) -> FileDescriptor? {
        do {
            return try folder.openFile(
                name, .readWrite, options: [.create, .exclusiveCreate],
                permissions: FilePermissions(rawValue: 0o644), "lock")
        } catch {
            if error.errno == .fileExists { return nil }
            throw error
        }
    }

    private static func write(_ bytes: [UInt8], to file: FileDescriptor, _ path: FilePath) throws(FileError) {
        do {
            _ = try file.writeAll(toAbsoluteOffset: 0, bytes)
        } catch {
            throw FileError("lock", path, error as? Errno ?? .ioError)
        }
        guard fsync(file.rawValue) == 0 else { throw FileError("lock", path, Errno(rawValue: errno)) }
    }
}
