/// How many lanes of a batch each rank gets, from how long lanes took before.
///
/// Lanes aren't divided, so that what counts is rounds: a rank with T threads computes T lanes at once. A rank that is
/// slow, or far away, gets fewer, down to none; one that got none is tried again later.
struct LaneShares {
    /// What one round of lanes takes, in seconds, transfers included; by rank, 0 being this process.
    private var seconds: [Int: Double] = [:]
    /// What a new measurement counts.
    private static let weight = 0.3
    /// What the estimate of a rank that gets no lanes shrinks by with each batch.
    private static let forgetting = 0.98

    /// Divides lanes.
    ///
    /// - Parameters:
    ///   - lanes: Those with work.
    ///   - threads: Of each rank that is free, this process as 0.
    /// - Returns: For each rank its lanes; the last lanes go to other ranks.
    mutating func divide(_ lanes: [Int], threads: [Int: Int]) -> [Int: [Int]] {
        let known = threads.keys.compactMap { seconds[$0] }
        let guess = known.min() ?? 1
        // This process has one at least, by which others are measured.
        var counts = [0: min(1, lanes.count)]
        for _ in lanes.dropFirst() {
            // The first of equals, so that this process has no less than others.
            let best = threads.keys.sorted().min { a, b in
                time(a, counts[a, default: 0] + 1, threads, guess)
                    < time(b, counts[b, default: 0] + 1, threads, guess)
            }
            counts[best ?? 0, default: 0] += 1
        }
        for rank in threads.keys where rank != 0 && counts[rank, default: 0] == 0 {
            seconds[rank] = seconds[rank].map { $0 * Self.forgetting }
        }
        var rest = lanes[...]
        var result: [Int: [Int]] = [:]
        for rank in counts.keys.sorted() {
            result[rank] = Array(rest.prefix(counts[rank, default: 0]))
            rest = rest.dropFirst(counts[rank, default: 0])
        }
        return result
    }

    /// Takes in how long a rank took.
    mutating func measure(_ rank: Int, lanes: Int, threads: Int, seconds time: Double) {
        guard lanes > 0 else { return }
        let round = time / Double(Self.rounds(lanes, threads))
        seconds[rank] = seconds[rank].map { $0 + Self.weight * (round - $0) } ?? round
    }

    private func time(_ rank: Int, _ lanes: Int, _ threads: [Int: Int], _ guess: Double) -> Double {
        Double(Self.rounds(lanes, threads[rank, default: 1])) * (seconds[rank] ?? guess)
    }

    private static func rounds(_ lanes: Int, _ threads: Int) -> Int {
        (lanes + max(1, threads) - 1) / max(1, threads)
    }
}
