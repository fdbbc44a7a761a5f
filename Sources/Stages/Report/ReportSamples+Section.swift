import ArtifactStore
import Audit
internal import Evaluation
internal import Recipes
internal import Reporting

extension ReportSamples {
    /// The controls and the place of the samples; a script fills them.
    ///
    /// - Parameter shown: How many problems are in the page.
    func section(shown: Int) -> ReportSection {
        ReportSection("samples", "Samples") {
            HTML.paragraph(summary(shown: shown))
            for note in problemsFound { HTML.paragraph(note) }
            if !methods.isEmpty {
                ReportTable(
                    caption: "What of each method is here",
                    columns: [
                        .init("Method"), .init("Setting"), .init("Right", isNumeric: true),
                        .init("Of", isNumeric: true), .init("Stage"),
                    ],
                    rows: methods.map { method in
                        .init([
                            .text(method.name), .text(method.setting),
                            .text("\(method.records.count { $0.isGraded && $0.correct })"),
                            .text("\(method.records.count(where: \.isGraded))"),
                            .element(.code, text: method.item.entry.stage),
                        ])
                    },
                    notes: [
                        isGraded
                            ? "Of all problems, those that settings were chosen on among them."
                            : "Of the problems whose answers something grades: of \(methods[0].records.count(where: \.isGraded)) of \(ids.count)."
                    ]
                ).html
                HTML.element(.noscript) {
                    HTML.paragraph("To search the samples, allow the page's own scripts.")
                }
                panel
            }
        }
    }

    /// Whether something grades the answers to all problems.
    private var isGraded: Bool { methods.allSatisfy { $0.records.allSatisfy(\.isGraded) } }

    private func summary(shown: Int) -> String {
        guard !methods.isEmpty else { return "This run has no samples that could be shown." }
        let all = ids.count
        let samples = ReportText.count(shown * methods.count, "sample")
        let which =
            shown == all
            ? "all \(ReportText.count(all, "problem")) of the test part"
            : "the first \(shown) of \(ReportText.count(all, "problem")), as many as fit into a page of limited size; the files named below have all"
        return
            "\(samples): \(ReportText.count(methods.count, "method")), each at the setting that stands for it, on \(which)."
    }

    private var panel: HTML {
        .element(.div, .id("samples-panel"), .hidden) {
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Which samples")) {
                choice("method", "Method", [("all", "all")])
                choice(
                    "verdict", "Answer",
                    [("all", isGraded ? "right or wrong" : "all"), ("right", "right"), ("wrong", "wrong")]
                        + (isGraded ? [] : [("not graded", "not graded")]))
                choice(
                    "sort", "Order",
                    [
                        ("problem", "by problem"), ("fewest", "fewest forwards first"),
                        ("most", "most forwards first"),
                    ])
                HTML.element(.label) {
                    HTML.text("Search")
                    HTML.element(.input, .id("samples-search"), .type("search"))
                }
            }
            HTML.element(.output, .id("samples-count"), .class("count"), .aria("live", "polite"))
            HTML.element(.div, .class("scroll"), .tabindex(0), .role("region"), .aria("label", "Samples")) {
                HTML.element(.table, .id("sample-rows")) {
                    HTML.element(.caption, text: "Samples")
                    HTML.element(.thead) {
                        HTML.element(.tr) {
                            for (name, style) in [
                                ("Problem", "narrow"), ("Method", "medium"), ("Answer", "narrow"),
                                ("NFE", "narrow number"), ("Tokens", "narrow number"), ("Text", ""),
                            ] {
                                HTML.element(.th, [.scope("col"), .class(style)], [.text(name)])
                            }
                        }
                    }
                    HTML.element(.tbody)
                }
            }
            HTML.element(
                .button, .id("samples-more"), .type("button"), .class("screen"), text: "Show 25 more")
        }
    }

    private func choice(_ name: String, _ label: String, _ options: [(String, String)]) -> HTML {
        .element(.label) {
            HTML.text(label)
            HTML.element(
                .select, [.id("samples-\(name)")],
                options.map { .element(.option, .value($0.0), text: $0.1) })
        }
    }
}
