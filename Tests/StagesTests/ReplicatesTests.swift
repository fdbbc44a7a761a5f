import Files
import JSON
import Measures
import Numerics
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages

private func log(_ x: Double) -> Double { Elementary.log(x) }

@Suite struct ReplicatesTests {
    private func comparison(_ aup: [Double], tpf: Double? = 2, differences: [Double?] = []) -> Comparison {
        Comparison(
            methods: aup.enumerated().map { .init(label: "m\($0)", aup: $1, tpf: tpf, accuracy: 90) },
            claims: differences.enumerated().map { i, difference in
                JudgedClaim(
                    statement: "claim \(i)", left: "m1.aup", right: "m0.aup", scale: .difference,
                    relation: i == 0 ? .greater(margin: 0) : .near(tolerance: 15),
                    result: difference.map { .found(Effect(.difference, $0)) } ?? .notReached(["m1.aup"]))
            })
    }

    @Test("a comparison comes back from its file as it was written")
    func roundTrip() throws {
        let scratch = try ScratchFolder()
        let original = comparison([100, 250.5], tpf: nil, differences: [150.5, nil])
        try FileSystem.writeAtomically(
            original.value.prettyBytes(), to: scratch.path.appending(Comparison.fileName))
        let read = try Comparison(folder: scratch.path)
        #expect(try read.value.canonicalBytes() == original.value.canonicalBytes())
        #expect(read.claims.map(\.relation) == [.greater(margin: 0), .near(tolerance: 15)])
        let ratio = ratios([1.1, nil], teacher: "t", bound: (true, false))
        try FileSystem.writeAtomically(
            ratio.value.prettyBytes(), to: scratch.path.appending(Comparison.fileName))
        let back = try Comparison(folder: scratch.path)
        #expect(try back.value.canonicalBytes() == ratio.value.canonicalBytes())
        #expect(back.claims[0].result.effect?.isAtLeast == true && back.claims[1].verdict == .notReached)
    }

    @Test("a comparison of before there were ratios reads as differences")
    func recorded() throws {
        let scratch = try ScratchFolder()
        try FileSystem.writeAtomically(
            #"{"methods": [{"label": "a", "aup": 1, "tpf": null, "accuracy": null}], "claims": [{"statement": "s", "left": "a.aup", "right": "b.aup", "margin": 0, "difference": 3.5}]}"#,
            to: scratch.path.appending(Comparison.fileName))
        let read = try Comparison(folder: scratch.path)
        #expect(read.claims[0].scale == .difference && read.claims[0].result.effect?.value == 3.5)
        #expect(read.teacher == nil)
    }

    @Test(arguments: [
        "", "{", "{}", #"{"methods": [], "claims": []}"#, #"{"methods": [{"label": "a"}], "claims": []}"#,
    ])
    func aDamagedComparisonIsRefused(text: String) throws {
        let scratch = try ScratchFolder()
        try FileSystem.writeAtomically(text, to: scratch.path.appending(Comparison.fileName))
        #expect(throws: (any Error).self) { try Comparison(folder: scratch.path) }
    }

    @Test("verdicts go by the interval over the repeats, not by the number of wins")
    func verdicts() {
        func outcome(_ differences: [Double?]) -> RepeatedClaim {
            ReplicatesReport(
                title: "", comparisons: differences.map { comparison([1, 2], differences: [$0]) }
            )
            .outcomes[0]
        }
        let clear = outcome([50, 52, 54])
        #expect(clear.verdict == .holds && clear.holding == 3)
        #expect(outcome([-50, -52, -54]).verdict == .doesNotHold)
        // Three wins whose spread is as large as they are decide nothing.
        let wide = outcome([1, 60, 2])
        #expect(wide.verdict == .open && wide.holding == 3)
        let unmeasured = outcome([nil, 50, 51])
        #expect(unmeasured.verdict == .notReached && unmeasured.holding == 2 && unmeasured.measured == 2)
        #expect(unmeasured.effect == nil && unmeasured.reason == "not reached in 1 of 3: m1.aup (1)")
        #expect(outcome([50]).verdict == .open)
    }

    /// One table: effects on the scale of ratios, and the speeds that they are of.
    private func ratios(
        _ factors: [Double?], teacher: String, bound: (left: Bool, right: Bool) = (false, false),
        problems: Double = 0.01
    ) -> Comparison {
        Comparison(
            methods: [
                .init(
                    label: "random", aup: 450, commonAUP: 520, tpf: 5, accuracy: 98,
                    speeds: [.init(accuracy: 90, reading: .init(tpf: 5, isLowerBound: bound.right))]),
                .init(
                    label: "trajectory", aup: 480, commonAUP: 540, tpf: 5.5, accuracy: 100,
                    speeds: [
                        .init(
                            accuracy: 90,
                            reading: factors[0].map { .init(tpf: 5 * $0, isLowerBound: bound.left) })
                    ]),
            ],
            claims: factors.enumerated().map { i, factor in
                JudgedClaim(
                    statement: "claim \(i)", left: "trajectory.tpf@90", right: "random.tpf@90", scale: .ratio,
                    relation: i == 0 ? .greater(margin: log(1.18)) : .near(tolerance: log(1.05)),
                    result: factor.map {
                        .found(
                            Effect(
                                .ratio, log($0), isAtLeast: bound.left, isAtMost: bound.right,
                                problemDeviation: problems))
                    } ?? .notReached(["trajectory.tpf@90"]))
            }, reported: 200, teacher: teacher)
    }

    private func report(_ comparisons: [Comparison], looks: [Int]? = nil) throws -> ReplicatesReport {
        ReplicatesReport(
            title: "Two levels", comparisons: comparisons,
            looks: try looks.map { try SequentialLooks(looks: $0) })
    }

    @Test("the three verdicts on ratios, and what a bound leaves open")
    func ratioVerdicts() throws {
        func verdict(_ factors: [Double?], _ bound: (left: Bool, right: Bool) = (false, false)) throws
            -> Claim.Verdict
        {
            let tables = factors.enumerated().map { ratios([$1], teacher: "\($0)", bound: bound) }
            return try report(tables).outcomes[0].verdict
        }
        #expect(try verdict([1.30, 1.31, 1.29]) == .holds)
        #expect(try verdict([1.07, 1.08, 1.06]) == .doesNotHold)
        #expect(try verdict([1.10, 1.30, 1.18]) == .open)
        #expect(try verdict([1.30, nil, 1.29]) == .notReached)
        // Left may be faster than was measured: the claim can hold, and can't fail.
        #expect(try verdict([1.30, 1.31, 1.29], (true, false)) == .holds)
        #expect(try verdict([1.07, 1.08, 1.06], (true, false)) == .open)
        // Right may be: the reverse.
        #expect(try verdict([1.30, 1.31, 1.29], (false, true)) == .open)
        #expect(try verdict([1.07, 1.08, 1.06], (false, true)) == .doesNotHold)
    }

    @Test("students of one teacher are one repeat, whatever the order of the tables")
    func clusters() throws {
        let tables = [
            ("a", 1.02), ("a", 1.06), ("b", 1.10), ("b", 1.12), ("c", 1.01), ("c", 1.03),
        ].map { ratios([$0.1], teacher: $0.0) }
        let outcome = try report(tables).outcomes[0]
        #expect(outcome.results.map(\.count) == [2, 2, 2])
        let effect = try #require(outcome.effect)
        // SciPy: means of the logarithms by teacher, t.interval with 2 degrees of freedom.
        let means = [(1.02, 1.06), (1.10, 1.12), (1.01, 1.03)].map { (log($0.0) + log($0.1)) / 2 }
        #expect(abs(effect.value - means.reduce(0, +) / 3) < 1e-12)
        let independent = try report(
            tables.enumerated().map { i, table in
                Comparison(methods: table.methods, claims: table.claims, reported: 200, teacher: "\(i)")
            }
        ).outcomes[0]
        let (wide, narrow) = (try #require(effect.interval), try #require(independent.effect?.interval))
        #expect(wide.upperBound - wide.lowerBound > 1.5 * (narrow.upperBound - narrow.lowerBound))
        let mixed = try report([0, 2, 4, 1, 3, 5].map { tables[$0] }).outcomes[0]
        #expect(mixed.effect == outcome.effect)
    }

    @Test("the metrics have the speed of each repeat, which later runs are held against")
    func speedsOfEach() throws {
        let metrics = try report([ratios([1.1], teacher: "a"), ratios([nil], teacher: "b")]).metrics
        #expect(
            metrics["methods"]?["trajectory"]?["speedsOfEach"]?["90"] == .array([.number(5 * 1.1), .null]))
    }

    @Test("looks: a claim stays as the first look decided it, and the metrics say whether to go on")
    func sequential() throws {
        // Clear after two repeats at the width of the first look, then a wild one.
        let factors: [Double] = [1.5, 1.5001, 1.5002, 0.5, 1.9, 1.2]
        let tables = factors.enumerated().map { ratios([$1], teacher: "\($0)") }
        func decision(_ count: Int, _ looks: [Int]) throws -> (String?, Int?) {
            let metrics = try report(Array(tables.prefix(count)), looks: looks).metrics
            return (metrics["sequential"]?["decision"]?.string, metrics["sequential"]?["until"]?.int)
        }
        #expect(try decision(2, [3, 6]) == ("go on", 3))
        #expect(try decision(3, [3, 6]) == ("decided", nil))
        #expect(try decision(6, [3, 6]) == ("decided", nil))
        let late = try report(tables, looks: [3, 6]).outcomes[0]
        #expect(late.decidedAfter == 3 && late.verdict == .holds)
        #expect(try decision(4, [4, 6]) == ("go on", 6))
        #expect(try decision(6, [4, 6]) == ("spent", nil))
        #expect(try report(tables).metrics["sequential"] == nil)
    }

    @Test("the tables and figures of two students of each of three teachers")
    func clusteredTables() throws {
        let tables = [
            ("a", 1.02), ("a", 1.06), ("b", 1.10), ("b", 1.12), ("c", 1.01), ("c", 1.03),
        ].map { ratios([$0.1, $0.0 == "c" ? nil : $0.1], teacher: $0.0, bound: ($0.0 == "a", false)) }
        let scratch = try ScratchFolder()
        try report(tables, looks: [3, 6]).write(to: scratch.path)
        for name in ["table.txt", "claims.csv", "table.csv", "variance.md", "power.csv"] {
            let text = try FileSystem.readText(scratch.path.appending(name))
            #expect(try text == Snapshots.recorded("stages/clustered-\(name)", now: text))
        }
    }

    @Test("the tables and figures of three repeats")
    func tables() throws {
        let report = ReplicatesReport(
            title: "Three seeds",
            comparisons: [
                comparison([96, 594], differences: [498, 1]),
                comparison([96, 566], tpf: nil, differences: [470, 2]),
                comparison([98, 722], differences: [624, 30]),
            ])
        let scratch = try ScratchFolder()
        try report.write(to: scratch.path)
        for name in ["table.txt", "claims.md", "aup.svg", "effects.svg"] {
            let text = try FileSystem.readText(scratch.path.appending(name))
            #expect(try text == Snapshots.recorded("stages/replicates-\(name)", now: text))
        }
    }
}
