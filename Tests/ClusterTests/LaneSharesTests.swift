import Testing

@testable import TrainingStages

@Suite struct LaneSharesTests {
    private let lanes = [0, 1, 2, 3]

    @Test("equals get equal shares", arguments: [(2, [2, 2]), (3, [2, 1, 1]), (4, [1, 1, 1, 1])])
    func equals(ranks: Int, expected: [Int]) {
        var shares = LaneShares()
        let threads = Dictionary(uniqueKeysWithValues: (0..<ranks).map { ($0, 1) })
        let division = shares.divide(lanes, threads: threads)
        #expect((0..<ranks).map { division[$0, default: []].count } == expected)
        #expect((0..<ranks).flatMap { division[$0, default: []] } == lanes)
    }

    @Test func aSlowRankGetsNoneAndIsTriedAgainLater() {
        var shares = LaneShares()
        shares.measure(0, lanes: 2, threads: 1, seconds: 0.2)
        shares.measure(1, lanes: 2, threads: 1, seconds: 2)
        #expect(shares.divide(lanes, threads: [0: 1, 1: 1])[0] == lanes)
        var rounds = 0
        while shares.divide(lanes, threads: [0: 1, 1: 1])[1] == nil, rounds < 1000 { rounds += 1 }
        #expect((20..<200).contains(rounds), "\(rounds)")
    }

    @Test func thisProcessKeepsALane() {
        var shares = LaneShares()
        shares.measure(0, lanes: 4, threads: 1, seconds: 100)
        shares.measure(1, lanes: 4, threads: 4, seconds: 0.1)
        #expect(shares.divide(lanes, threads: [0: 1, 1: 4])[0] == [0])
    }

    @Test func threadsOfARankCount() {
        var shares = LaneShares()
        #expect(shares.divide(lanes, threads: [0: 2, 1: 2])[1] == [2, 3])
        #expect(shares.divide(lanes, threads: [0: 4, 1: 1])[1] == nil)
    }

    @Test func aBatchWithoutSequencesIsNobodys() {
        var shares = LaneShares()
        let division = shares.divide([], threads: [0: 1, 1: 1])
        #expect(division.values.joined().isEmpty)
    }
}
