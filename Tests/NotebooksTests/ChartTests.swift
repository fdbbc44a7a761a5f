import ArtifactStore
import Files
import JSON
import SystemPackage
import TestSupport
import Testing

@testable import Notebooks

/// Pictures that notebooks draw from recorded tables.
@Suite struct ChartTests {
    let folder: NotebookFolder

    init() throws {
        folder = try NotebookFolder()
        try folder.write(
            """
            Method,Setting,TPF,NFE,Inputs,Accuracy (%),Accuracy (%) lower,Accuracy (%) upper,Curve
            slow,slow,1.0,42,68,99.5,98,99.9,yes
            "fast, new",threshold 0.5,8.5,5,400,94,91,96,yes
            "fast, new",threshold 0.1,5.5,7,600,99,97,99.6,yes
            third,x,3,7,600,97,95,99,

            """, "sweep.csv")
        try folder.write(
            """
            Method,Setting,TPF@98,TPF@98 at least,TPF@90,TPF@90 at least
            slow,slow,1,,1,
            "fast, new",threshold 0.1,6.25,,9.5,yes
            third,,,,,

            """, "table.csv")
        try folder.write(
            """
            Claim,Compared,Claimed,Effect (%),Effect (%) lower,Effect (%) upper,Of each,Verdict
            new is faster,fast.tpf@90 vs slow.tpf@90,> +5.0 %,40,12.5,80,"30, 45 / —",holds
            no value,a vs b,> 0.0 %,,,,,not reached

            """, "claims.csv")
        try folder.writeArtifact(
            files: ["sweep.csv", "table.csv", "claims.csv"], metrics: ["target": 97, "taskLimit": 10],
            config: ["subject": "fast, new"])
        try folder.writeChecksums()
    }

    private static let curves =
        "<!-- d3llm: chart figures/curves.svg of results/sweep.csv showing fast, new; slow \"Speed\" -->"
    private static let effects = "<!-- d3llm: chart figures/effects.svg of results/claims.csv -->"

    private func block(_ marker: String) -> String { "\(marker)\n<!-- /d3llm -->\n" }

    private func write(_ rendering: Notebook.Rendering) throws {
        for picture in rendering.pictures {
            try FileSystem.createDirectory(picture.path.removingLastComponent())
            try FileSystem.writeAtomically(picture.bytes, to: picture.path)
        }
    }

    @Test func curvesAreDrawnFromTheTables() throws {
        let rendering = folder.rendered(block(Self.curves))
        #expect(rendering.findings.map(\.kind) == [.stale], "\(rendering.findings)")
        let names = rendering.pictures.map { $0.path.lastComponent?.string ?? "" }
        #expect(names == ["curves.svg", "curves-narrow.svg"])
        let text = String(decoding: rendering.bytes, as: UTF8.self)
        #expect(text.contains("<source media=\"(max-width: 560px)\" srcset=\"figures/curves-narrow.svg\">"))
        #expect(
            text.contains(
                "alt=\"Speed. Accuracy in percent over tokens per forward, 3 methods. Operating points reach 97 % on problems kept for choosing. "
                    + "fast, new: from 99 % at 5.50 to 94 % at 8.50, operating point 5.50. slow: 99.5 % at 1.00. At 98 % fast, new has 6.2 times the speed of slow.\""
            ))
        for picture in rendering.pictures {
            let svg = String(decoding: picture.bytes, as: UTF8.self)
            #expect(svg.contains("target 97 %") && svg.contains("limit of the task 10"))
            #expect(svg.contains("mini/test, seed 1;") && svg.contains("Grey: third."))
        }
    }

    @Test func effectsAreThoseThatHaveAValue() throws {
        let rendering = folder.rendered(block(Self.effects))
        let svg = String(decoding: try #require(rendering.pictures.first).bytes, as: UTF8.self)
        #expect(svg.contains("new is faster: +40.0 % [+12.5, +80.0], claimed &gt; +5.0 %, holds."))
        #expect(svg.contains("of each: 30.0, 45.0") && !svg.contains("no value"))
    }

    @Test func aPictureThatIsOldOrMissingIsStale() throws {
        let first = folder.rendered(block(Self.curves) + block(Self.effects))
        try write(first)
        let text = String(decoding: first.bytes, as: UTF8.self)
        let second = folder.rendered(text)
        #expect(second.findings.isEmpty && second.pictures.isEmpty, "\(second.findings)")
        let picture = folder.path.appending("figures/curves-narrow.svg")
        try FileSystem.writeAtomically("<svg/>", to: picture)
        let third = folder.rendered(text)
        #expect(third.findings.map(\.message) == ["\(picture) isn't what the results give."])
        #expect(third.pictures.map(\.path) == [picture])
        try write(third)
        #expect(folder.rendered(text).findings.isEmpty)
    }

    @Test(arguments: [
        ("results/x.svg of results/sweep.csv", "is in a folder of recorded results"),
        ("../x.svg of results/sweep.csv", "isn't a place below the notebook's folder"),
        ("/tmp/x.svg of results/sweep.csv", "isn't a place below the notebook's folder"),
        ("x.png of results/sweep.csv", "is drawn into an SVG file"),
        ("x.svg", "A chart is written as"),
        ("x.svg of results/figure.svg", "A chart is drawn from sweep.csv"),
        ("x.svg of results/table.csv", "isn't of repeats"),
        ("x.svg of results/claims.csv showing fast", "Only curves"),
        ("x.svg of results/sweep.csv showing slow; slow", "each once"),
        ("x.svg of results/sweep.csv showing slwo", "Did you mean \"slow\"?"),
        ("x.svg of results/sweep.csv \"a\" b", "one title in quotes"),
        ("x y.svg of results/sweep.csv", "without spaces"),
        ("x.svg of results/nothing/sweep.csv", "isn't there"),
    ]) func whatCantBeDrawnIsSaid(marker: String, message: String) {
        let rendering = folder.rendered(block("<!-- d3llm: chart \(marker) -->"))
        // Where a marker can't be read, the one that closes it has nothing to close.
        #expect(rendering.findings.allSatisfy { $0.kind == .marker })
        #expect(rendering.findings.first?.message.contains(message) == true, "\(rendering.findings)")
        #expect(rendering.pictures.isEmpty)
    }

    @Test func aPictureIsNeverWrittenThroughALink() throws {
        let other = folder.path.appending("elsewhere.svg")
        try FileSystem.writeAtomically("kept", to: other)
        try FileSystem.createDirectory(folder.path.appending("figures"))
        try FileSystem.symbolicLink(to: "../elsewhere.svg", at: folder.path.appending("figures/curves.svg"))
        let rendering = folder.rendered(block(Self.curves))
        #expect(rendering.pictures.allSatisfy { $0.path.lastComponent != "curves.svg" })
        #expect(!rendering.findings.isEmpty && rendering.findings.allSatisfy { $0.kind != .stale })
    }
}
