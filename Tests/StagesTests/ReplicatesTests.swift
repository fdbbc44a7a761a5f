import Evaluation
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Stages

@Suite struct ReplicatesTests {
    private func comparison(_ aup: [Double], tpf: Double? = 2, differences: [Double?] = []) -> Comparison {
        Comparison(
            methods: aup.enumerated().map { .init(label: "m\($0)", aup: $1, tpf: tpf, accuracy: 90) },
            claims: differences.enumerated().map { i, difference in
                .init(
                    statement: "claim \(i)", left: "m1.aup", right: "m0.aup",
                    relation: i == 0 ? .greater(margin: 0) : .near(tolerance: 15), difference: difference)
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
        func outcome(_ differences: [Double?]) -> ReplicatesReport.Outcome {
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
        #expect(unmeasured.verdict == .notRun && unmeasured.holding == 2 && unmeasured.measured == 2)
        #expect(outcome([50]).verdict == .open)
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
