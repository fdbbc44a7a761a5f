import Columnar
import SystemPackage
import TestSupport

/// Changes files as a bad disk or a bad person would.
enum Damage {
    /// Changed copies of each file; `D3LLM_FUZZ=20000` tries more of them.
    static let rounds = Command.number("D3LLM_FUZZ").map(Int.init) ?? 300

    /// Small, so that a changed number can't make a test slow.
    static var limits: ColumnarLimits {
        var limits = ColumnarLimits()
        limits.pageBytes = 1 << 20
        limits.pageValues = 1 << 14
        limits.rowValues = 1 << 14
        return limits
    }

    /// A test has seen enough rows.
    struct Enough: Error {}

    /// The bytes with one of them changed, or up to four; the same for the same round.
    static func flip(_ bytes: [UInt8], round: Int, seed: String) -> [UInt8] {
        var state = seed.utf8.reduce(UInt64(round) &* 0x9E37_79B9_7F4A_7C15) { $0 &* 31 &+ UInt64($1) }
        func next() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        var changed = bytes
        for _ in 0..<(round % 2 == 0 ? 1 : 1 + next() % 4) {
            let place = next() % bytes.count
            changed[place] ^= round % 3 == 0 ? UInt8(1 << (next() % 8)) : UInt8(1 + next() % 255)
        }
        return changed
    }

    /// Writes in place: a new file for each of thousands would only be slower.
    static func write(_ bytes: [UInt8], _ path: FilePath) throws {
        let file = try FileDescriptor.open(
            path, .writeOnly, options: [.create, .truncate], permissions: .ownerReadWrite)
        try file.closeAfter { _ = try file.writeAll(bytes) }
    }
}
