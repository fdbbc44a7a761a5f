/// The generator of Python's `random.Random`, as far as drawing few-shot examples needs it.
///
/// lm-evaluation-harness draws the examples of each question with it, so that the prompts behind the published
/// numbers can't be had without: MT19937 (Matsumoto and Nishimura 1998), seeded by key.
struct PythonRandom {
    private var state: [UInt32]
    private var position = 624

    init(seed: UInt64) {
        state = [19_650_218]
        for i in 1..<624 {
            let last = state[i - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(i))
        }
        let high = UInt32(seed >> 32)
        let key = [UInt32(truncatingIfNeeded: seed)] + (high == 0 ? [] : [high])
        var i = 1
        for step in 0..<624 {
            mix(&i, 1_664_525) { $0 &+ key[step % key.count] &+ UInt32(step % key.count) }
        }
        for _ in 0..<623 { mix(&i, 1_566_083_941) { [i] in $0 &- UInt32(i) } }
        state[0] = 0x8000_0000
    }

    private mutating func mix(_ i: inout Int, _ factor: UInt32, _ change: (UInt32) -> UInt32) {
        let last = state[i - 1]
        state[i] = change(state[i] ^ (last ^ last >> 30) &* factor)
        i += 1
        if i == 624 {
            state[0] = state[623]
            i = 1
        }
    }

    private mutating func next() -> UInt32 {
        if position == 624 {
            for i in 0..<624 {
                let bits = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7FFF_FFFF
                state[i] = state[(i + 397) % 624] ^ bits >> 1 ^ (bits & 1) &* 0x9908_B0DF
            }
            position = 0
        }
        var y = state[position]
        position += 1
        y ^= y >> 11
        y ^= y << 7 & 0x9D2C_5680
        y ^= y << 15 & 0xEFC6_0000
        return y ^ y >> 18
    }

    /// A number in `0..<bound`, by rejection of those beyond.
    private mutating func below(_ bound: Int) -> Int {
        let width = Int.bitWidth - bound.leadingZeroBitCount
        while true {
            let number = Int(next() >> (32 - width))
            if number < bound { return number }
        }
    }

    /// `random.sample(range(population), count)`: different numbers in the order drawn.
    mutating func sample(_ count: Int, of population: Int) -> [Int] {
        precondition(count >= 0 && count <= population && population < 1 << 31, "no sample of that size")
        // Python keeps a list of those left when that is smaller than a set of those taken.
        var limit = 21
        if count > 5 {
            var power = 1
            while power < count * 3 { power *= 4 }
            limit += power
        }
        if population <= limit {
            var pool = Array(0..<population)
            return (0..<count).map { taken in
                let index = below(population - taken)
                defer { pool[index] = pool[population - taken - 1] }
                return pool[index]
            }
        }
        var seen: Set<Int> = []
        return (0..<count).map { _ in
            while true {
                let index = below(population)
                if seen.insert(index).inserted { return index }
            }
        }
    }
}
