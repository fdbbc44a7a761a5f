internal import CMPI
internal import Ranks

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Frames on their way through MPI; used by the one thread that calls MPI.
///
/// A frame is a message with its length, which holds the frame itself where that is small, and messages with its parts
/// where it is large: MPI counts bytes by 32-bit numbers. Frames from one rank are handed on in their order.
struct Transfers {
    private static let headTag: CInt = 1
    private static let partTag: CInt = 2
    private static let beatTag: CInt = 3
    private static let inlineLimit = 32 << 10
    private static let partLimit = 256 << 20

    private struct Sending {
        let transfer: UnsafeMutableRawPointer
        /// Keeps the bytes.
        let frame: Frame
        let to: Int
        let isLarge: Bool
        let start: ContinuousClock.Instant
    }

    private struct Receiving {
        let frame: Frame
        /// How many bytes are there.
        var arrived: Int
        var transfer: UnsafeMutableRawPointer?
        var part = 0
        let start: ContinuousClock.Instant
    }

    private let mpi: UnsafePointer<d3_mpi>
    private var sending: [Sending] = []
    private var receiving: [Int: [Receiving]] = [:]
    private var beats: [Int: UnsafeMutableRawPointer] = [:]
    private let beat = Frame(uninitialized: 1)
    private let heard = Frame(uninitialized: 1)

    init(_ mpi: UnsafePointer<d3_mpi>) { self.mpi = mpi }

    /// Whether nothing that was sent is still on its way, but to those ranks.
    func hasSentAll(but ranks: Set<Int>) -> Bool { sending.allSatisfy { ranks.contains($0.to) } }

    /// When the last large frame began to move that hasn't arrived; nil where none is on its way.
    var largeStart: ContinuousClock.Instant? {
        let sent = sending.lazy.filter(\.isLarge).map(\.start)
        let received = receiving.values.lazy.compactMap(\.first).filter { $0.transfer != nil }.map(\.start)
        return (Array(sent) + Array(received)).max()
    }

    mutating func send(_ frame: Frame, to rank: Int) {
        let isLarge = frame.count > Self.inlineLimit
        let head = Frame(uninitialized: isLarge ? 8 : 8 + frame.count)
        withUnsafeBytes(of: frame.count) { head.mutableBytes.copyMemory(from: $0) }
        if !isLarge {
            UnsafeMutableRawBufferPointer(rebasing: head.mutableBytes[8...]).copyMemory(from: frame.bytes)
        }
        begin(head, head.bytes, Self.headTag, to: rank, isLarge: false)
        guard isLarge else { return }
        for start in stride(from: 0, to: frame.count, by: Self.partLimit) {
            let part = frame.bytes[start..<min(frame.count, start + Self.partLimit)]
            begin(frame, UnsafeRawBufferPointer(rebasing: part), Self.partTag, to: rank, isLarge: true)
        }
    }

    private mutating func begin(
        _ frame: Frame, _ bytes: UnsafeRawBufferPointer, _ tag: CInt, to rank: Int, isLarge: Bool
    ) {
        // What MPI refuses never arrives; the other rank's silence, or this one's, tells.
        guard let transfer = mpi.pointee.send(bytes.baseAddress, bytes.count, CInt(rank), tag) else { return }
        sending.append(
            Sending(transfer: transfer, frame: frame, to: rank, isLarge: isLarge, start: .now))
    }

    /// Lets a rank know that this process is alive, unless the last such message hasn't left yet.
    mutating func beat(to rank: Int) {
        if let transfer = beats[rank] {
            guard mpi.pointee.test(transfer) != 0 else { return }
            beats[rank] = nil
        }
        beats[rank] = mpi.pointee.send(beat.bytes.baseAddress, 1, CInt(rank), Self.beatTag)
    }

    /// Moves everything on.
    ///
    /// - Parameters:
    ///   - hear: Takes the number of each rank that something came from.
    ///   - deliver: Takes each frame that is whole.
    /// - Returns: Whether anything happened.
    mutating func progress(hear: (Int) -> Void, deliver: (Int, Frame) -> Void) -> Bool {
        let before = sending.count
        sending.removeAll { mpi.pointee.test($0.transfer) != 0 }
        var hasMoved = sending.count < before
        var (from, count) = (CInt(0), 0)
        while mpi.pointee.probe(Self.beatTag, &from, &count) == 1 {
            _ = receive(heard.mutableBytes, from, Self.beatTag)
            hear(Int(from))
        }
        while mpi.pointee.probe(Self.headTag, &from, &count) == 1 {
            let head = Frame(uninitialized: count)
            guard receive(head.mutableBytes, from, Self.headTag), count >= 8 else { break }
            hear(Int(from))
            hasMoved = true
            let length = head.bytes.loadUnaligned(as: Int.self)
            let frame = Frame(uninitialized: max(0, length))
            var arrived = 0
            if length <= Self.inlineLimit, count == 8 + length {
                frame.mutableBytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: head.bytes[8...]))
                arrived = length
            }
            receiving[Int(from), default: []].append(
                Receiving(frame: frame, arrived: arrived, start: .now))
        }
        for rank in Array(receiving.keys) {
            while advance(rank, &hasMoved) {
                hear(rank)
                if let first = receiving[rank]?.first, first.arrived == first.frame.count {
                    receiving[rank]?.removeFirst()
                    deliver(rank, first.frame)
                }
            }
            if receiving[rank]?.isEmpty == true { receiving[rank] = nil }
        }
        return hasMoved
    }

    /// Moves the oldest frame from a rank on; false where that can't be done now.
    private mutating func advance(_ rank: Int, _ hasMoved: inout Bool) -> Bool {
        guard var first = receiving[rank]?.first else { return false }
        if first.arrived == first.frame.count { return true }
        if let transfer = first.transfer {
            guard mpi.pointee.test(transfer) != 0 else { return false }
            first.transfer = nil
            first.arrived += first.part
            hasMoved = true
            receiving[rank]?[0] = first
            return true
        }
        first.part = min(Self.partLimit, first.frame.count - first.arrived)
        let place = first.frame.mutableBytes.baseAddress.map { $0 + first.arrived }
        first.transfer = mpi.pointee.receive(place, first.part, CInt(rank), Self.partTag)
        receiving[rank]?[0] = first
        return false
    }

    /// Receives a small message that is there already.
    private func receive(_ bytes: UnsafeMutableRawBufferPointer, _ from: CInt, _ tag: CInt) -> Bool {
        guard let transfer = mpi.pointee.receive(bytes.baseAddress, bytes.count, from, tag) else {
            return false
        }
        while true {
            switch mpi.pointee.test(transfer) {
            case 0: continue
            case 1: return true
            default: return false
            }
        }
    }
}

/// How this process was started as one of several, as its environment tells; nothing is loaded for it.
package struct RankLaunch: Sendable, Hashable {
    /// How many ranks the job has; nil where only MPI itself knows.
    package let size: Int?
    /// How many of them are on this machine; nil where that isn't told.
    package let localSize: Int?
    /// The variable that tells of it.
    package let variable: String

    /// What `mpirun`, `mpiexec` or `srun --mpi` left; nil where this process is alone.
    package static func current() -> RankLaunch? { read { getenv($0).map { String(cString: $0) } } }

    /// - Parameter value: The value of a variable of the environment.
    static func read(_ value: (String) -> String?) -> RankLaunch? {
        func number(_ names: String...) -> Int? {
            names.lazy.compactMap(value).compactMap {
                Int(String($0.unicodeScalars.prefix { ("0"..."9").contains($0) }))
            }.first
        }
        let local = number("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE")
        for name in ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"] {
            guard let size = number(name) else { continue }
            return size > 1 ? RankLaunch(size: size, localSize: local, variable: name) : nil
        }
        // `srun --mpi=pmix`. Without --mpi, srun starts processes that don't know of one another.
        guard value("PMIX_RANK") != nil else { return nil }
        let tasks = number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
        return tasks == 1 ? nil : RankLaunch(size: tasks, localSize: local, variable: "PMIX_RANK")
    }

    /// How many threads a rank should have where nobody says.
    ///
    /// - Parameters:
    ///   - allowed: Processors that this process may use.
    ///   - online: Processors of the machine.
    package func threads(allowed: Int, online: Int) -> Int {
        // A launcher that has bound each rank to processors of its own has divided them already.
        guard let localSize, localSize > 1, allowed >= online else { return allowed }
        return max(1, allowed / localSize)
    }

    /// Processors of this machine, whoever may use them.
    package static var onlineProcessors: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
