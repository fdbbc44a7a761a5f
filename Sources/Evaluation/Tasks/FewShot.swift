/// Which solved examples stand before a question.
package enum FewShot: Sendable, Hashable {
    /// None.
    case none
    /// The first `count` of the task's own.
    case fixed(count: Int)
    /// Drawn from the training split, others for each question.
    case drawn(ExampleDraw)

    /// How many there are.
    package var count: Int {
        switch self {
        case .none: 0
        case .fixed(let count): count
        case .drawn(let draw): draw.count
        }
    }
}

/// How lm-evaluation-harness draws the examples of each question.
package struct ExampleDraw: Sendable, Hashable {
    /// Examples for each question.
    package let count: Int
    /// The harness's `fewshot_seed`.
    package let seed: UInt64
    /// How many processes shared the questions.
    ///
    /// Process r asks the questions r, r + n, … and each draws from the same seed, so that n questions in a row get
    /// the same examples. Upstream's scripts use 4.
    package let processes: Int

    /// A way to draw; the defaults are those of upstream's runs.
    package init(count: Int, seed: UInt64 = 1234, processes: Int = 4) {
        precondition(count >= 0 && processes >= 1, "a number of examples and at least one process")
        self.count = count
        self.seed = seed
        self.processes = processes
    }

    /// For each question the places of its examples in the training split.
    ///
    /// - Parameters:
    ///   - questions: how many questions are asked in all.
    ///   - population: how many examples there are, at least ``count``.
    ///   - form: for a chat the harness draws twice and uses what it drew last.
    package func places(questions: Int, of population: Int, form: TaskPrompt.Form) -> [[Int]] {
        var random = PythonRandom(seed: seed)
        var draws: [[Int]] = []
        for _ in stride(from: 0, to: questions, by: processes) {
            if form == .chat { _ = random.sample(count, of: population) }
            draws.append(random.sample(count, of: population))
        }
        return (0..<questions).map { draws[$0 / processes] }
    }
}

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
