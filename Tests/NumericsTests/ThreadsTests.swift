import Synchronization
import Testing

@testable import Numerics

@Suite struct ThreadsTests {
    @Test("every index is visited once, whatever the number of threads", arguments: [1, 2, 5])
    func coverage(threads: Int) {
        let visits = Mutex([Int](repeating: 0, count: 1000))
        Threads.parallelFor(1000, threads: threads) { (i: Int) -> Void in visits.withLock { $0[i] += 1 } }
        #expect(visits.withLock { $0 } == [Int](repeating: 1, count: 1000))
    }

    @Test("an error stops the loop and is thrown", arguments: [1, 3])
    func errors(threads: Int) {
        struct Failure: Error, Equatable { var index: Int }
        #expect(throws: Failure(index: 3)) {
            try Threads.parallelFor(100, threads: threads) { i in if i == 3 { throw Failure(index: i) } }
        }
    }

    @Test("an arena hands out separate, aligned memory and reuses it after a reset")
    func arena() {
        let arena = Arena(minimumChunk: 64)
        let a = arena.matrix(3, 5)
        let b = arena.matrix(100, 7)
        a.fill(1)
        b.fill(2)
        #expect(a.view.elements.allSatisfy { $0 == 1 })
        #expect(UInt(bitPattern: b.pointer) % 64 == 0)
        let bytes = arena.bytes
        arena.reset()
        #expect(arena.matrix(3, 5).pointer == a.pointer)
        _ = arena.matrix(100, 7)
        #expect(arena.bytes == bytes)
    }
}
