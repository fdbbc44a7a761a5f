/// A page that needs nothing but itself: its style, its scripts and its data are in it, and it loads nothing.
///
/// The same content gives the same bytes. Tables, charts and words are there without scripts; only what is to be
/// searched and played needs them.
public struct ReportPage: Sendable {
    /// What the window is called.
    public var title: String
    /// What the page is about, below the title.
    public var lead: String
    /// The parts, in order.
    public var sections: [ReportSection]
    /// What the scripts show, as JSON; nil where there is nothing to search or play.
    public var data: String?
    /// What the page was made from, at its end.
    public var footer: String

    /// A page of the given parts.
    public init(title: String, lead: String, sections: [ReportSection], data: String? = nil, footer: String) {
        self.title = title
        self.lead = lead
        self.sections = sections
        self.data = data
        self.footer = footer
    }

    /// The whole file.
    public var rendered: String {
        let page = HTML.element(.html, .lang("en")) {
            HTML.element(.head) {
                HTML.element(.meta, .charset("utf-8"))
                HTML.element(
                    .meta, .httpEquiv("Content-Security-Policy"), .content(ReportAssets.policy.text))
                HTML.element(
                    .meta, .name("viewport"), .content("width=device-width, initial-scale=1"))
                HTML.element(.meta, .name("color-scheme"), .content("light dark"))
                HTML.element(.title, text: title)
                HTML.markup(TrustedMarkup("<style>\(ReportAssets.style)</style>\n"))
            }
            HTML.element(.body) {
                HTML.element(.a, .class("skip"), .href("#main"), text: "Skip to the content")
                header
                HTML.element(.main, [.id("main")], sections.map(\.html))
                HTML.element(.footer) { HTML.element(.p, text: footer) }
                if let data {
                    HTML.markup(
                        TrustedMarkup(
                            "<script type=\"application/json\" id=\"data\">\(Self.inert(data))</script>\n"))
                }
                HTML.markup(TrustedMarkup("<script>\(ReportAssets.script)</script>\n"))
            }
        }
        return "<!DOCTYPE html>\n" + page.rendered
    }

    private var header: HTML {
        .element(.header) {
            HTML.element(.div, .class("top")) {
                HTML.element(.h1, text: title)
                HTML.element(.div, .class("theme"), .id("theme"), .hidden) {
                    HTML.element(.label, .for("theme-choice"), text: "Colours ")
                    HTML.element(.select, .id("theme-choice")) {
                        HTML.element(.option, .value("auto"), text: "as the system")
                        HTML.element(.option, .value("light"), text: "light")
                        HTML.element(.option, .value("dark"), text: "dark")
                    }
                }
            }
            HTML.element(.p, .class("lead"), text: lead)
            HTML.element(.nav, .aria("label", "Contents")) {
                HTML.element(
                    .ul, [], sections.map { .element(.li, [], [.link($0.id, $0.title)]) })
            }
        }
    }

    /// JSON in which nothing can end the element that it stands in.
    ///
    /// In JSON, these characters occur in strings only, where they can be written as escapes. They are looked for as
    /// scalars: a browser sees "<" beside a combining mark too.
    static func inert(_ json: String) -> String {
        var result = ""
        result.reserveCapacity(json.utf8.count)
        for scalar in json.unicodeScalars {
            switch scalar {
            case "<": result += "\\u003c"
            case ">": result += "\\u003e"
            case "&": result += "\\u0026"
            case "\u{2028}": result += "\\u2028"
            case "\u{2029}": result += "\\u2029"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
