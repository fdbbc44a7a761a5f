import ArtifactStore
import JSON
import Recipes
import Runs

/// Samples drawn at random from all stages that compute samples.
struct SampleDraw {
    /// The samples of one stage.
    struct Choice {
        let subject: VerificationBench.Subject
        let stage: any SampledStage
        /// Their places in the journal, rising.
        let samples: [Int]
    }

    let chosen: [Choice]
    /// How many samples there are in all.
    let total: Int

    /// Every sample of every stage is as likely as any other.
    init(_ bench: VerificationBench, count: Int, seed: UInt64) {
        var sources: [(subject: VerificationBench.Subject, stage: any SampledStage, count: Int)] = []
        for item in bench.artifacts.items {
            guard case .ready(let subject) = bench.access(item), subject.missing == nil,
                let stage = subject.stage.implementation as? any SampledStage,
                let records = try? Journal.read(type(of: stage).journal(of: subject.artifact.folder))
            else { continue }
            sources.append((subject, stage, records.count))
        }
        let total = sources.reduce(0) { $0 + $1.count }
        var generator = SplitMix64(seed: seed)
        var places: Set<Int> = []
        // Floyd's way of drawing without replacement: one draw per sample, however many are asked for.
        for last in max(0, total - count)..<total {
            let place = Int.random(in: 0...last, using: &generator)
            places.insert(places.contains(place) ? last : place)
        }
        self.total = total
        var start = 0
        chosen = sources.compactMap { source in
            defer { start += source.count }
            let own = places.filter { $0 >= start && $0 < start + source.count }.map { $0 - start }.sorted()
            return own.isEmpty
                ? nil : Choice(subject: source.subject, stage: source.stage, samples: own)
        }
    }
}

/// Steele, Lea and Flood's generator: short, and the same on every machine.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
