internal import ArtifactStore
internal import Audit
internal import Recipes
internal import Reporting
internal import Runs

extension ReportTraces {
    /// The viewer's controls and panes, which a script fills.
    ///
    /// - Parameter shown: How many of the chosen problems are in the page.
    func section(shown: Int) -> ReportSection {
        ReportSection("viewer", "Trajectories") {
            if count.traces > 0, shown > 0 {
                HTML.paragraph(
                    "How \(ReportText.count(shown, "prompt")) were decoded, forward by forward, by \(ReportText.count(count.methods, "method")). The samples were decoded again for this page with the recorded models, each in the group that it was in; only those that came out exactly as recorded are shown."
                )
                HTML.paragraph(
                    "Which prompts: half of them are the first ids, the others the first on which some methods are right and others wrong."
                )
            }
            for note in notes { HTML.paragraph(note) }
            if count.traces > 0, shown > 0 {
                HTML.element(.noscript) {
                    HTML.paragraph("To see trajectories, allow the page's own scripts.")
                }
                panel
            }
        }
    }

    /// Why there is no viewer.
    static func absent(_ reason: String) -> ReportSection {
        ReportSection("viewer", "Trajectories") { HTML.paragraph(reason) }
    }

    private var panel: HTML {
        .element(.div, .id("viewer-panel"), .hidden) {
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "What is shown")) {
                select("problem", "Prompt")
                select("left", "Decoder")
                select("right", "Beside it")
            }
            HTML.element(.p, .id("viewer-prompt"))
            HTML.element(.p, .id("viewer-divergence"), .class("divergence"), .aria("live", "polite"), .hidden)
            HTML.element(.div, .class("controls"), .role("group"), .aria("label", "Forwards")) {
                button("back", "Back")
                button("play", "Play")
                button("forward", "Forward")
                HTML.element(.label, .for("step"), text: "Forward evaluation")
                HTML.element(
                    .input, .id("step"), .type("range"), .bound(.min, 0), .bound(.max, 1), .bound(.step, 1),
                    .value("0"))
                HTML.element(.output, .id("viewer-at"), .for("step"))
                HTML.element(.label) {
                    HTML.text("Pace")
                    HTML.element(.select, .id("viewer-speed")) {
                        HTML.element(.option, .value("700"), text: "slow")
                        HTML.element(.option, .value("300"), text: "medium")
                        HTML.element(.option, .value("100"), text: "fast")
                    }
                }
            }
            legend
            HTML.element(.div, .class("panes")) {
                HTML.element(.div, .class("pane"), .id("viewer-pane-left"))
                HTML.element(.div, .class("pane"), .id("viewer-pane-right"), .hidden)
            }
        }
    }

    private var legend: HTML {
        .group([
            .element(
                .ul, [.class("legend"), .aria("label", "Colours")],
                [
                    ("inactive", "", "inactive"),
                    ("activated", "", "activated: takes what is certain enough"),
                    ("fully", "", "fully activated: takes at least one token"),
                    ("stabilizing", "", "completed but stabilizing: not in the cache yet"),
                    ("completed", "", "completed"), ("", "●", "decoded by this forward"),
                    ("", "?", "not decoded yet"), ("", "·", "decoded before"),
                ].map(Self.legendEntry)),
            .element(
                .ul, [.class("legend"), .aria("label", "Cache")],
                [
                    ("strip full", "F", "full: no cache"), ("strip prefill", "R", "refresh: cache made anew"),
                    ("strip cached", "C", "cached"), ("strip cache_update", "U", "cache update"),
                    ("strip dual", "D", "dual cache"),
                ].map(Self.legendEntry)),
        ])
    }

    private static func legendEntry(_ style: String, _ mark: String, _ meaning: String) -> HTML {
        .element(.li) {
            HTML.element(.span, .class(style), .aria("hidden", "true"), text: mark)
            HTML.text(" \(meaning)")
        }
    }

    private func select(_ name: String, _ label: String) -> HTML {
        .element(.label) {
            HTML.text(label)
            HTML.element(.select, .id("viewer-\(name)"))
        }
    }

    private func button(_ name: String, _ label: String) -> HTML {
        .element(.button, .id("viewer-\(name)"), .type("button"), text: label)
    }
}
