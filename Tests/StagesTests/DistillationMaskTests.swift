import Numerics
import Recipes
import Testing
import Training

@testable import Stages
@testable import TrainingStages

/// Students of one seed differ in what their options say, and in nothing that is drawn besides.
@Suite struct DistillationMaskTests {
    private func recipe(_ options: String) throws -> D3LLMRecipe {
        let text = """
            {"name": "x", "seed": 1, "stages": {
              "p": {"kind": "synthesize"}, "t": {"kind": "tokenizer", "corpus": "@p"},
              "m": {"kind": "pretrain", "data": "@p", "tokenizer": "@t",
                    "phases": [{"name": "a", "steps": 1, "mixture": [{"objective": "llada", "rows": 1}]}]},
              "j": {"kind": "trajectories", "teacher": "@m", "data": "@p"},
              "s": {"kind": "distill", "teacher": "@m", "trajectories": "@j", "data": "@p", "d3llm": {\(options)}}
            }}
            """
        let experiment = try Experiment.parse(Array(text.utf8), name: "x.json", registry: Stages.registry)
        let stage = try #require(experiment["s"]?.implementation as? DistillStage)
        return try #require(stage.recipe as? D3LLMRecipe)
    }

    /// Answers of odd lengths, decoded block by block in no order in particular.
    private var rows: [AnswerRow] {
        (0..<24).map { i in
            var stream = RandomStream(seed: 7, purpose: "test", sample: UInt64(i))
            let steps = [0, 8, 16].flatMap { start in
                (start..<start + 8).map { Int32($0) }.shuffled(using: &stream)
            }
            let prompt = 3 + i % 4
            return AnswerRow(
                tokens: Array(repeating: 5, count: prompt + 24), promptLength: prompt,
                fullLength: prompt + 9 + i % 15,
                trajectory: .init(states: 24, unmaskStep: Array(repeating: 0, count: prompt) + steps),
                index: i)
        }
    }

    @Test(
        "all masks of one seed have the same windows and ratios, and orders the same number of masked tokens")
    func sharedDraws() throws {
        for index in ["faithful", "corrected"] {
            func windows(_ mask: String, seed: UInt64 = 1) throws -> [[TrajectoryMask.Window]] {
                let recipe = try recipe(
                    #""mask": "\#(mask)", "stateIndex": "\#(index)", "noise": {"maximum": 1.0}"#)
                return (0..<20).map { recipe.windows(of: rows, step: $0, of: 20, seed: seed) }
            }
            let taught = try windows("trajectory")
            for mask in ["random", "shuffled", "reversed"] {
                let others = try windows(mask)
                #expect(others != taught)
                for (a, b) in zip(taught.joined(), others.joined()) {
                    #expect(a.range == b.range)
                    if mask != "random" { #expect(a.masked.count { $0 } == b.masked.count { $0 }) }
                }
            }
            #expect(try windows("trajectory", seed: 2).joined().map(\.range) != taught.joined().map(\.range))
        }
    }

    @Test("what one row draws changes nothing for the others")
    func rowsAreApart() throws {
        let recipe = try recipe(#""mask": "random""#)
        let all = recipe.windows(of: rows, step: 3, of: 20, seed: 1)
        var changed = rows
        changed[0] = AnswerRow(
            tokens: Array(repeating: 5, count: 60), promptLength: 3, fullLength: 60,
            trajectory: .init(states: 0, unmaskStep: []), index: 0)
        let others = recipe.windows(of: changed, step: 3, of: 20, seed: 1)
        #expect(all.dropFirst() == others.dropFirst())
    }

    @Test("random masks have the probability of the ratio")
    func randomShare() throws {
        let recipe = try recipe(
            #""mask": "random", "windowLengths": [8], "noise": {"schedule": "constant", "maximum": 0.25}"#)
        let windows = (0..<200).flatMap { recipe.windows(of: rows, step: $0, of: 200, seed: 1) }
        let count = windows.reduce(0) { $0 + $1.masked.count }
        let share = Double(windows.reduce(0) { $0 + $1.masked.count { $0 } }) / Double(count)
        #expect(abs(share - (0.999 * 0.25 + 0.001)) < 0.01, "\(share)")
    }

    @Test(
        "windows ahead have states of their own, each masked more than the one before it, and share what is drawn"
    )
    func ahead() throws {
        let options = #""windowLengths": [8], "stateIndex": "corrected", "noise": {"maximum": 1.0}"#
        func windows(_ more: String) throws -> [TrajectoryMask.Window] {
            let recipe = try recipe(options + more)
            return (0..<50).flatMap { recipe.windows(of: rows, step: $0, of: 50, seed: 1) }
        }
        let plain = try windows("")
        let two = try windows(#", "ahead": 1"#)
        let shuffled = try windows(#", "ahead": 1, "mask": "shuffled""#)
        let promptLengths = (0..<50).flatMap { _ in rows.map(\.promptLength) }
        var halves = 0
        for (i, (one, both)) in zip(plain, two).enumerated() {
            #expect(both.range.lowerBound == one.range.lowerBound)
            #expect(Array(both.masked.prefix(one.masked.count)) == one.masked)
            #expect(both.range == shuffled[i].range && both.masked.count == both.range.count)
            #expect(both.masked.count { $0 } == shuffled[i].masked.count { $0 })
            let behind = both.masked.dropFirst(one.masked.count)
            guard behind.count == 8, one.masked.count == 8, one.range.lowerBound >= promptLengths[i] else {
                continue
            }
            let (front, next) = (one.masked.count { $0 }, behind.count { $0 })
            // The ratio rises; counts of whole tokens can't fall.
            #expect(next >= front)
            if front > 0, next < 8 { halves += 1 }
        }
        #expect(halves > 30, "\(halves)")
        #expect(try windows(#", "ahead": 0"#) == plain)
    }
}
