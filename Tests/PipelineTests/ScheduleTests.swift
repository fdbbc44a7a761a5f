import Testing

@testable import Runs

@Suite struct ScheduleTests {
    /// `needs` by stage; a fingerprint of its own unless `twins` gives one, no known memory unless given.
    private func schedule(
        _ needs: KeyValuePairs<String, Set<String>>, threads: Int, stages: Int? = nil, memory: Int? = nil,
        uses: [String: Int] = [:], twins: Set<String> = [], elastic: Set<String> = []
    ) -> Schedule {
        Schedule(
            needs.map {
                .init(
                    id: $0.key, fingerprint: twins.contains($0.key) ? "twin" : $0.key, needs: $0.value,
                    memory: uses[$0.key], isElastic: elastic.contains($0.key))
            }, limits: .init(threads: threads, stages: stages ?? threads, memory: memory))
    }

    /// Starts all that may start; gives their threads.
    private func startAll(_ schedule: inout Schedule) -> [String: Int] {
        let ready = schedule.ready
        var started: [String: Int] = [:]
        for (index, id) in ready.enumerated() {
            guard let threads = schedule.threads(for: id, among: ready.count - index) else { continue }
            schedule.start(id, threads: threads)
            started[id] = threads
        }
        return started
    }

    @Test(arguments: [
        (1, 9, ["a": 1]), (2, 9, ["a": 1, "b": 1]), (3, 9, ["a": 1, "b": 1, "c": 1]),
        (8, 9, ["a": 2, "b": 3, "c": 3]), (8, 1, ["a": 8]), (8, 2, ["a": 4, "b": 4]),
    ])
    func readyStagesShareTheThreads(threads: Int, jobs: Int, expected: [String: Int]) {
        var schedule = schedule(["a": [], "b": [], "c": [], "d": ["a"]], threads: threads, stages: jobs)
        #expect(startAll(&schedule) == expected)
        // Nothing is left for others until one ends.
        #expect(startAll(&schedule) == [:])
    }

    @Test func threadsOfStagesThatEndGoToThoseThatCanUseThem() {
        var schedule = schedule(
            ["long": [], "other": [], "fixed": [], "next": ["other"]], threads: 6, elastic: ["long", "other"])
        #expect(startAll(&schedule) == ["long": 2, "other": 2, "fixed": 2])
        #expect(schedule.giveFree().isEmpty)
        schedule.finish("fixed")
        #expect(Self.pairs(schedule.giveFree()) == ["long": 3, "other": 3])
        schedule.finish("other")
        // What is ready comes first: it gets as many as the one that runs.
        #expect(Self.pairs(schedule.makeRoom(for: schedule.ready)).isEmpty)
        #expect(startAll(&schedule) == ["next": 3])
        schedule.finish("next")
        #expect(Self.pairs(schedule.giveFree()) == ["long": 6])
        #expect(schedule.giveFree().isEmpty)
    }

    @Test func threadsComeBackForStagesThatCanStart() {
        var schedule = schedule(
            ["long": [], "first": [], "b": ["first"], "c": ["first"]], threads: 5, stages: 2,
            elastic: ["long"])
        #expect(startAll(&schedule) == ["long": 2, "first": 3])
        schedule.finish("first")
        #expect(Self.pairs(schedule.giveFree()) == ["long": 5])
        // Only one more may run at once, so that two share the threads.
        #expect(Self.pairs(schedule.makeRoom(for: schedule.ready)) == ["long": 2])
        #expect(startAll(&schedule) == ["b": 3])
        // A stage that is alone with one that can't change keeps its own.
        schedule.finish("b")
        #expect(schedule.makeRoom(for: []).isEmpty)
    }

    @Test func noThreadComesBackForAStageThatHasToWaitForMemory() {
        var schedule = schedule(
            ["long": [], "large": []], threads: 4, memory: 10, uses: ["long": 6, "large": 5],
            elastic: ["long"])
        #expect(startAll(&schedule) == ["long": 2])
        #expect(Self.pairs(schedule.giveFree()) == ["long": 4])
        #expect(schedule.makeRoom(for: schedule.ready).isEmpty)
        #expect(startAll(&schedule).isEmpty)
    }

    private static func pairs(_ changes: [(id: String, threads: Int)]) -> [String: Int] {
        Dictionary(changes.map { ($0.id, $0.threads) }, uniquingKeysWith: { _, last in last })
    }

    @Test func aStageStartsWhenAllThatItNeedsAreDone() {
        var schedule = schedule(["a": [], "b": [], "c": ["a", "b"], "d": ["elsewhere"]], threads: 4)
        #expect(schedule.ready == ["a", "b", "d"])
        _ = startAll(&schedule)
        schedule.finish("a")
        #expect(schedule.ready == [])
        schedule.finish("b")
        #expect(schedule.ready == ["c"] && startAll(&schedule) == ["c": 2])
        #expect(schedule.isRunning && schedule.runningCount == 2)
    }

    @Test func ofTwoWithTheSameRecipeTheSecondWaits() {
        var schedule = schedule(["a": [], "b": []], threads: 4, twins: ["a", "b"])
        #expect(schedule.ready == ["a"])
        _ = startAll(&schedule)
        #expect(schedule.ready == [])
        schedule.finish("a")
        #expect(schedule.ready == ["b"])
    }

    @Test func whatDoesNotFitIntoMemoryWaitsUnlessItIsAlone() {
        var schedule = schedule(
            ["a": [], "big": [], "c": []], threads: 4, memory: 10, uses: ["a": 4, "big": 40, "c": 6])
        #expect(startAll(&schedule).keys.sorted() == ["a", "c"])
        schedule.finish("a")
        #expect(startAll(&schedule) == [:])
        schedule.finish("c")
        #expect(startAll(&schedule) == ["big": 4])
    }

    @Test func whatNeedsADroppedStageIsDroppedToo() {
        var schedule = schedule(
            ["a": [], "b": ["a"], "c": ["b"], "d": [], "e": ["d", "c"], "f": ["d"]], threads: 4)
        _ = startAll(&schedule)
        #expect(schedule.drop("a") == ["b", "c", "e"])
        schedule.finish("d")
        #expect(schedule.ready == ["f"])
    }
}
