import Testing

@testable import Published

@Suite struct JudgeTests {
    private func judge(_ benchmark: String, table: String = "d3llm-llada") throws -> Judge {
        let tolerances = try Repository.tables().tolerances
        return Judge(tolerances: tolerances, problems: tolerances.problems(of: benchmark, in: table))
    }

    /// Values of a program of its own for Wilson's interval and Newcombe's method 10.
    @Test(arguments: [
        (77.5, 72.8, 1319, 3.298588874914156), (39.63, 40.85, 164, 10.520084928319454),
        (40.6, 45.0, 500, 6.128139547220474), (100, 99.0, 164, 2.3833734757646488),
    ]) func noiseOfProportions(left: Double, right: Double, problems: Int, noise: Double) {
        #expect(abs(Judge.noise(left, right, problems: problems) - noise) < 1e-9)
        #expect(abs(Judge.noise(right, left, problems: problems) - noise) < 1e-9)
    }

    @Test(arguments: [
        ("GSM8K-CoT", 73.1, 75.1, Verdict.match), ("GSM8K-CoT", 73.1, 71.09, .withinNoise),
        ("GSM8K-CoT", 77.5, 72.8, .differs), ("HumanEval", 39.63, 40.85, .match),
        ("HumanEval", 39.63, 32.0, .withinNoise), ("HumanEval", 39.63, 28.0, .differs),
    ]) func accuracies(benchmark: String, published: Double, reproduced: Double, verdict: Verdict) throws {
        let judge = try judge(benchmark)
        let bounds = try #require(
            judge.bounds("accuracy", published: published, reproduced: reproduced))
        #expect(judge.verdict(published, reproduced, bounds) == verdict)
    }

    @Test(arguments: [
        ("GSM8K-CoT", 9.11, 9.5, Verdict.match), ("GSM8K-CoT", 9.11, 9.6, .withinNoise),
        ("GSM8K-CoT", 9.11, 9.7, .differs), ("HumanEval", 5.95, 5.0, .withinNoise),
        ("HumanEval", 5.95, 4.8, .differs),
    ]) func speeds(benchmark: String, published: Double, reproduced: Double, verdict: Verdict) throws {
        let judge = try judge(benchmark)
        let bounds = try #require(judge.bounds("TPF", published: published, reproduced: reproduced))
        #expect(judge.verdict(published, reproduced, bounds) == verdict)
    }

    /// 1.96 · 0.5 / √(n/4 − 10), by another program.
    @Test(arguments: [("GSM8K-CoT", 0.054868457834358605), ("HumanEval", 0.1760099617024588)])
    func noiseOfSpeed(benchmark: String, relative: Double) throws {
        let bounds = try #require(
            try judge(benchmark).bounds("TPF", published: 1, reproduced: 1))
        #expect(abs(bounds.noise - relative) < 1e-9)
    }

    @Test func areasAreLessCertainThanSpeedsAndAccuracies() throws {
        let judge = try judge("GSM8K-CoT")
        let bounds = try #require(
            judge.bounds("AUP", published: 600, reproduced: 600, accuracies: (73, 73)))
        let accuracy = Judge.noise(73, 73, problems: 1319) / 73 * 4
        let expected = 600 * (accuracy * accuracy + 0.054868457834358605 * 0.054868457834358605).squareRoot()
        #expect(abs(bounds.noise - expected) < 1e-6)
        #expect(judge.bounds("AUP", published: 600, reproduced: 600) == nil)
    }

    @Test(arguments: ["TPS", "latency_s", "speedup", "unheard-of"])
    func metricsOfMachinesAreNotJudged(metric: String) throws {
        #expect(try judge("GSM8K-CoT").bounds(metric, published: 1, reproduced: 1) == nil)
    }

    @Test func evaluatingMBPPWithEvalplusHasFewerProblems() throws {
        #expect(try judge("MBPP", table: "d3llm-coder").problems == 378)
        #expect(try judge("MBPP").problems == 500)
    }
}
