/// A part of a page with a heading that the table of contents leads to.
public struct ReportSection: Sendable {
    /// What links lead to.
    public let id: String
    /// The heading.
    public let title: String
    /// What is below it.
    public var content: [HTML]

    /// A section; its content is listed by the closure.
    public init(_ id: String, _ title: String, @HTMLBuilder content: () -> [HTML]) {
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
    public static func figure(_ chart: LineChart, width: Int = 640, height: Int = 420, caption: String)
        -> HTML
    {
        figure(SVGChartRenderer(width: width, height: height).render(chart), caption: caption)
    }

    /// A dot chart with what it says in words.
    public static func figure(_ chart: DotChart, width: Int = 640, caption: String) -> HTML {
        figure(SVGChartRenderer(width: width).render(chart), caption: caption)
    }

    /// A bar chart with what it says in words.
    public static func figure(_ chart: BarChart, width: Int = 640, caption: String) -> HTML {
        figure(SVGChartRenderer(width: width).render(chart), caption: caption)
    }

    /// Something that is folded away until a reader asks for it.
    ///
    /// - Parameter isPrinted: Whether it is printed though nobody opened it.
    public static func details(
        _ summary: String, isPrinted: Bool = true, @HTMLBuilder content: () -> [HTML]
    ) -> HTML {
        .element(
            .details, isPrinted ? [] : [.data("unprinted", "")],
            [.element(.summary, text: summary)] + content())
    }

    /// A paragraph of words.
    public static func paragraph(_ text: String) -> HTML { .element(.p, text: text) }

    /// A shell command.
    public static func command(_ text: String) -> HTML { .element(.code, .class("command"), text: text) }

    /// A link inside the page.
    public static func link(_ target: String, _ text: String) -> HTML {
        .element(.a, .href("#\(target)"), text: text)
    }
}
