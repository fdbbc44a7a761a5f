import ArtifactStore
import Files
import Measures
import Reporting
import SystemPackage
import TestSupport
import Testing

@testable import ResultStages

/// A run's own comparisons as papers lay them out, from artifacts that were written by hand.
@Suite struct ComparisonLayoutTests {
    private let scratch: ScratchFolder
    private let store: Store

    init() throws {
        scratch = try ScratchFolder()
        store = Store(scratch.path.appending("store"))
    }

    private struct Made {
        let stage: String
        let type: String
        let csv: String
        var metrics = #"{"reported": 50}"#
        var inputs = "{}"
    }

    private static let heading =
        "Method,TPF,TPF lower,TPF upper,Accuracy (%),Accuracy (%) lower,Accuracy (%) upper,AUP,AUP lower,AUP upper"

    private static let first = Made(
        stage: "words", type: "table",
        csv:
            "\(heading)\nslow,1.0,,,90.04,85.0,94.0,90,80,100\nfast & good,5.5,5.0,6.0,90.0,85.0,94.0,300,250,350\n"
    )

    private static let second = Made(
        stage: "sums", type: "table", csv: "\(heading)\nslow,1.0,,,50,40,60,50,40,60\nother,,,,,,,70,60,80\n")

    /// A run with these artifacts.
    private func run(_ made: [Made]) throws -> RunLocation {
        let experiment = "mini/layout"
        var entries: [String] = []
        for artifact in made {
            let folder = "\(experiment)/\(artifact.stage)-1"
            let place = store.root.pushing(FilePath(folder))
            try FileSystem.createDirectory(place)
            try FileSystem.writeAtomically(artifact.csv, to: place.appending("table.csv"))
            try FileSystem.writeAtomically(
                #"{"format": 1, "experiment": "\#(experiment)", "stage": "\#(artifact.stage)", "type": "\#(artifact.type)", "fingerprint": "f-\#(artifact.stage)", "recipe": {"kind": "k", "inputs": \#(artifact.inputs)}, "files": [{"path": "table.csv", "size": \#(artifact.csv.utf8.count), "sha256": "00"}], "summary": "s", "metrics": \#(artifact.metrics), "report": null, "started": "s", "finished": "f"}"#,
                to: place.appending("artifact.json"))
            entries.append(
                #"{"stage": "\#(artifact.stage)", "artifact": "\#(folder)", "fingerprint": "f-\#(artifact.stage)", "status": "made"}"#
            )
        }
        let folder = store.root.pushing(FilePath("\(experiment)/runs/20261130T100000Z-1"))
        try FileSystem.createDirectory(folder)
        try FileSystem.writeAtomically(
            #"{"format": 2, "experiment": "\#(experiment)", "status": "finished", "message": null, "stages": [\#(entries.joined(separator: ", "))], "started": "2026-11-30T10:00:00Z", "finished": "2026-11-30T10:01:00Z", "seconds": 1, "arguments": []}"#,
            to: folder.appending("run.json"))
        return try RunLocation.find(experiment, in: store)
    }

    @Test func oneComparisonIsATableOfItsMethods() throws {
        let table = try ComparisonLayout(run([Self.first])).rendered
        #expect(table.columns.map(\.heading) == ["Method", "Acc. (%)", "TPF", "AUP"])
        #expect(!table.hasColumnGroups && table.label == "mini/layout")
        #expect(table.rows[0].dropFirst().first == .interval(90.04, lower: 85, upper: 94, digits: 1))
        #expect(table.rows[0][2] == .number(1, digits: 2))
        #expect(table.rows[1][3] == .interval(300, lower: 250, upper: 350, digits: 0))
        // 90.04 and 90.0 look the same, so that neither accuracy is best.
        #expect(table.emphasis == [[], [2, 3]])
        #expect(
            table.notes[0].contains("mini/layout/runs/20261130T100000Z-1")
                && table.notes[0].contains("50 problems"))
        #expect(
            LaTeXTableRenderer().render(table).contains("fast \\& good & 90.0 [85.0, 94.0] & \\textbf{5.50 [")
        )
    }

    @Test func severalComparisonsStandSideBySide() throws {
        let table = try ComparisonLayout(run([Self.first, Self.second])).rendered
        #expect(table.columns.map(\.group) == [nil, "words", "words", "words", "sums", "sums", "sums"])
        #expect(table.rows.map { $0[0] } == [.text("slow"), .text("fast & good"), .text("other")])
        #expect(table.rows[1][4] == .missing(reason: "the comparison doesn't have the method"))
        #expect(table.rows[2][5] == .missing(reason: "no setting reaches the target accuracy"))
        #expect(table.rows[2][6] == .interval(70, lower: 60, upper: 80, digits: 0))
    }

    @Test func repeatedComparisonsAreShownByTheirSummary() throws {
        let summary = Made(
            stage: "seeds", type: "summary", csv: "\(Self.heading)\nslow,1.0,,,80,70,90,80,70,90\n",
            metrics: #"{"repeats": 2}"#, inputs: #"{"tables": ["f-words"]}"#)
        let table = try ComparisonLayout(run([Self.first, Self.second, summary])).rendered
        #expect(table.columns.map(\.group) == [nil, "sums", "sums", "sums", "seeds", "seeds", "seeds"])
        #expect(table.notes[0].contains("seeds: means of 2 repeats"))
    }

    @Test func aRunWithoutComparisonsSaysSo() throws {
        let samples = Made(stage: "words", type: "samples", csv: "x\n")
        let error = #expect(throws: NoComparisonError.self) { try ComparisonLayout(run([samples])) }
        #expect(error?.description.contains("\"aup\"") == true)
    }

    @Test func aDamagedTableIsNamed() throws {
        let damaged = Made(stage: "words", type: "table", csv: "Method,TPF\nslow,1,2\n")
        #expect(throws: (any Error).self) { try ComparisonLayout(run([damaged])) }
    }

    // MARK: - What is printed

    @Test func anEmptyTableOfClaimsIsNotPrinted() {
        let above = "Operating points\n\nMethod  TPF\n------  ---\nslow    1.0\n\nA note.\n"
        let empty = TextTableRenderer().render(ClaimTable(entries: [], notes: ["holds: …"]).forPeople)
        #expect(ComparisonText.printed("\(above)\n\(empty)") == above)
        let bare = TextTableRenderer().render(ClaimTable(entries: [], notes: []).forPeople)
        #expect(ComparisonText.printed("\(above)\n\(bare)") == above)
        let claim = JudgedClaim(
            statement: "faster", left: "a.tpf", right: "b.tpf", scale: .difference,
            relation: .greater(margin: 0), result: .notReached(["a"]))
        let entry = ClaimTable.Entry(
            claim: claim, effect: nil, verdict: claim.verdict, reason: "not reached: a")
        let full = TextTableRenderer().render(ClaimTable(entries: [entry], notes: ["n"]).forPeople)
        #expect(ComparisonText.printed("\(above)\n\(full)") == "\(above)\n\(full)")
        #expect(ComparisonText.printed(above) == above)
    }
}
