/// The elements that pages are made of.
public enum HTMLTag: String, Sendable, Hashable, CaseIterable {
    case html, head, meta, title, body
    case header, nav, main, section, footer, div, figure, figcaption, details, summary
    case h1, h2, h3, h4, p, ul, ol, li, dl, dt, dd, pre
    case table, caption, thead, tbody, tr, th, td
    case a, span, strong, em, code, output, label, input, select, option, button, noscript, abbr

    /// Whether it has no content and no end tag.
    var isVoid: Bool { self == .meta || self == .input }

    /// Whether a line break behind it changes nothing that a reader sees.
    var isBlock: Bool {
        switch self {
        case .a, .span, .strong, .em, .code, .output, .label, .input, .select, .option, .button, .abbr: false
        default: true
        }
    }
}

/// A name and a value of an element; the value is escaped when it is written.
public struct HTMLAttribute: Sendable, Hashable {
    let name: String
    /// Nil for one that only is there or not, such as `hidden`.
    let value: String?

    private init(_ name: String, _ value: String?) {
        self.name = name
        self.value = value
    }

    public static func id(_ value: String) -> HTMLAttribute { .init("id", value) }
    public static func `class`(_ value: String) -> HTMLAttribute { .init("class", value) }
    public static func href(_ value: String) -> HTMLAttribute { .init("href", value) }
    public static func lang(_ value: String) -> HTMLAttribute { .init("lang", value) }
    public static func charset(_ value: String) -> HTMLAttribute { .init("charset", value) }
    public static func httpEquiv(_ value: String) -> HTMLAttribute { .init("http-equiv", value) }
    public static func name(_ value: String) -> HTMLAttribute { .init("name", value) }
    public static func content(_ value: String) -> HTMLAttribute { .init("content", value) }
    public static func scope(_ value: String) -> HTMLAttribute { .init("scope", value) }
    public static func role(_ value: String) -> HTMLAttribute { .init("role", value) }
    public static func type(_ value: String) -> HTMLAttribute { .init("type", value) }
    public static func value(_ value: String) -> HTMLAttribute { .init("value", value) }
    public static func `for`(_ value: String) -> HTMLAttribute { .init("for", value) }
    public static func title(_ value: String) -> HTMLAttribute { .init("title", value) }
    public static func tabindex(_ value: Int) -> HTMLAttribute { .init("tabindex", "\(value)") }
    /// `aria-NAME`.
    public static func aria(_ name: String, _ value: String) -> HTMLAttribute { .init("aria-\(name)", value) }
    /// `data-NAME`.
    public static func data(_ name: String, _ value: String) -> HTMLAttribute { .init("data-\(name)", value) }
    /// The bounds of a slider.
    public static func bound(_ name: Bound, _ value: Int) -> HTMLAttribute {
        .init(name.rawValue, "\(value)")
    }
    public static let hidden = HTMLAttribute("hidden", nil)
    public static let open = HTMLAttribute("open", nil)

    /// What a slider is bounded by.
    public enum Bound: String, Sendable { case min, max, step }
}
