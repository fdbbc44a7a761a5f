internal import Files

/// A page that needs nothing but itself: its style, its scripts and its data are in it, and it loads nothing.
///
/// The same content gives the same bytes. Tables, charts and words are there without scripts; only what is to be
/// searched and played needs them.
package struct ReportPage: Sendable {
    /// What the window is called.
    package var title: String
    /// What the page is about, below the title.
    package var lead: String
    /// The parts, in order.
    package var sections: [ReportSection]
    /// What the scripts show, as JSON; nil where there is nothing to search or play.
    package var data: String?
    /// What the page was made from, at its end.
    package var footer: String

    /// A page of the given parts.
    package init(title: String, lead: String, sections: [ReportSection], data: String? = nil, footer: String)
    {
        self.title = title
        self.lead = lead
        self.sections = sections
        self.data = data
        self.footer = footer
    }

    /// The whole file.
    package var rendered: String {
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

/// The style sheet and the scripts of pages, from the files in `Assets`.
///
/// They are compiled into the program, so that it is one file wherever it runs.
enum ReportAssets {
    static let style = "\n" + text(PackageResources.report_css)

    /// Each file is a function of its own, so that names don't meet.
    static let script =
        "\n"
        + [
            PackageResources.theme_js, PackageResources.charts_js, PackageResources.samples_js,
            PackageResources.viewer_js, PackageResources.teaching_js,
        ].map { "(() => {\n\"use strict\";\n\(text($0))})();\n" }.joined()

    /// What a browser lets a page do.
    ///
    /// It runs these scripts and applies these style sheets, and nothing else. It loads
    /// nothing, sends nothing, and runs no script that text of others brought.
    static let policy = ContentPolicy(scripts: [script], styles: [style, ChartTheme.styleSheet])

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

/// What a browser may do for a page (a Content-Security-Policy): scripts and style sheets in it are named by the hashes
/// of their text.
struct ContentPolicy: Sendable {
    /// As it stands in the page or in a header.
    let text: String

    /// - Parameters:
    ///   - scripts: What stands between the tags of the page's scripts, byte for byte.
    ///   - styles: The same for style sheets.
    init(scripts: [String], styles: [String]) {
        text = [
            "default-src 'none'", "script-src \(Self.sources(scripts))", "style-src \(Self.sources(styles))",
            // Pictures that the page's own script made, to save them as PNG.
            "img-src blob:",
            "base-uri 'none'", "form-action 'none'",
        ].joined(separator: "; ")
    }

    private static func sources(_ texts: [String]) -> String {
        texts.isEmpty ? "'none'" : texts.map { "'sha256-\(base64(digest(of: $0)))'" }.joined(separator: " ")
    }

    private static func digest(of text: String) -> [UInt8] {
        var hash = SHA256()
        hash.update(Array(text.utf8))
        return hash.finalize()
    }

    /// Bytes in base64 with padding (RFC 4648).
    private static func base64(_ bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = (0..<3).reduce(UInt32(0)) {
                $0 << 8 | (start + $1 < bytes.count ? UInt32(bytes[start + $1]) : 0)
            }
            for place in 0..<4 {
                let isFilled = place <= group.count
                text.append(isFilled ? digits[Int(bits >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// A part of a page with a heading that the table of contents leads to.
package struct ReportSection: Sendable {
    /// What links lead to.
    package let id: String
    /// The heading.
    package let title: String
    /// What is below it.
    package var content: [HTML]

    /// A section; its content is listed by the closure.
    package init(_ id: String, _ title: String, @HTMLBuilder content: () -> [HTML]) {
        self.id = id
        self.title = title
        self.content = content()
    }

    var html: HTML {
        .element(
            .section, [.id(id), .aria("labelledby", "\(id)-title")],
            [.element(.h2, [.id("\(id)-title")], [.text(title)])] + content)
    }
}

extension HTML {
    /// A chart with what it says in words.
    ///
    /// It takes the colours of the page, so that it can be read on dark ones too.
    static func figure(_ svg: String, caption: String) -> HTML {
        // Drawn by this module's renderers, which escape what they are given.
        .element(.figure) {
            HTML.element(.div, .class("scroll chart"), .tabindex(0), .role("region"), .aria("label", caption))
            {
                HTML.markup(TrustedMarkup(svg))
            }
            HTML.element(.figcaption, text: caption)
        }
    }

    /// A line chart with what it says in words.
    package static func figure(_ chart: LineChart, width: Int = 640, height: Int = 420, caption: String)
        -> HTML
    {
        figure(SVGChartRenderer(width: width, height: height).render(chart), caption: caption)
    }

    /// A dot chart with what it says in words.
    package static func figure(_ chart: DotChart, width: Int = 640, caption: String) -> HTML {
        figure(SVGChartRenderer(width: width).render(chart), caption: caption)
    }

    /// A bar chart with what it says in words.
    package static func figure(_ chart: BarChart, width: Int = 640, caption: String) -> HTML {
        figure(SVGChartRenderer(width: width).render(chart), caption: caption)
    }

    /// Curves with what they say in words, for wide and for narrow windows, with their numbers for those who take them along.
    ///
    /// - Parameter name: What files are called that a reader takes from it.
    package static func figure(_ chart: TradeoffChart, name: String, caption: String) -> HTML {
        plot(
            wide: TradeoffRenderer(chart, place: .page).svg,
            narrow: TradeoffRenderer(chart, width: 360, place: .page).svg, csv: chart.csv, name: name,
            caption: caption)
    }

    /// Rows of values with what they say in words; the same otherwise.
    package static func figure(_ chart: ForestChart, name: String, caption: String) -> HTML {
        plot(
            wide: ForestRenderer(chart, place: .page).svg,
            narrow: ForestRenderer(chart, width: 360, place: .page).svg, csv: chart.csv, name: name,
            caption: caption)
    }

    private static func plot(wide: String, narrow: String, csv: String, name: String, caption: String) -> HTML
    {
        // Drawn by this module's renderers, which escape what they are given.
        .element(.figure, .class("plot"), .data("name", name)) {
            HTML.element(.div, .class("wide")) { HTML.markup(TrustedMarkup(wide)) }
            HTML.element(.div, .class("narrow")) { HTML.markup(TrustedMarkup(narrow)) }
            HTML.element(.figcaption, text: caption)
            HTML.element(.p, .class("tip"), .aria("live", "polite"), .hidden)
            HTML.element(.pre, .class("csv"), .hidden, text: csv)
        }
    }

    /// A few numbers that say most, each with what it is and how sure it is.
    package static func numbers(_ numbers: [(value: String, what: String, note: String)]) -> HTML {
        .element(
            .ul, [.class("numbers")],
            numbers.map { number in
                .element(.li) {
                    HTML.element(.strong, text: number.value)
                    HTML.text(" ")
                    HTML.element(.span, text: number.what)
                    HTML.text(" ")
                    HTML.element(.span, .class("soft"), text: number.note)
                }
            })
    }

    /// Something that is folded away until a reader asks for it.
    ///
    /// - Parameter isPrinted: Whether it is printed though nobody opened it.
    package static func details(
        _ summary: String, isPrinted: Bool = true, @HTMLBuilder content: () -> [HTML]
    ) -> HTML {
        .element(
            .details, isPrinted ? [] : [.data("unprinted", "")],
            [.element(.summary, text: summary)] + content())
    }

    /// A paragraph of words.
    package static func paragraph(_ text: String) -> HTML { .element(.p, text: text) }

    /// A shell command.
    package static func command(_ text: String) -> HTML { .element(.code, .class("command"), text: text) }

    /// A link inside the page.
    package static func link(_ target: String, _ text: String) -> HTML {
        .element(.a, .href("#\(target)"), text: text)
    }
}
