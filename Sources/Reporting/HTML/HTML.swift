/// A piece of an HTML document: text that is escaped when it is written, an element, or markup that is known to be good.
package enum HTML: Sendable, Hashable {
    /// Words; nothing in them is taken for markup.
    case text(String)
    /// A tag with its attributes and what is in it.
    case element(HTMLTag, [HTMLAttribute], [HTML])
    /// Pieces one after the other, without a tag of their own.
    case group([HTML])
    /// Markup that this module wrote itself, such as a chart; it isn't escaped.
    case markup(TrustedMarkup)

    /// Nothing.
    package static let empty = HTML.group([])

    /// An element with the pieces that the closure lists.
    package static func element(
        _ tag: HTMLTag, _ attributes: HTMLAttribute..., @HTMLBuilder content: () -> [HTML] = { [] }
    ) -> HTML {
        .element(tag, attributes, content())
    }

    /// An element that holds words only.
    package static func element(_ tag: HTMLTag, _ attributes: HTMLAttribute..., text: String) -> HTML {
        .element(tag, attributes, [.text(text)])
    }

    /// The markup.
    ///
    /// Nothing is indented, because white space between words is content; blocks end in a line break.
    package var rendered: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .text(let words): text += Self.escaped(words)
        case .markup(let markup): text += markup.text
        case .group(let pieces): for piece in pieces { piece.write(to: &text) }
        case .element(let tag, let attributes, let content):
            text += "<\(tag.rawValue)"
            for attribute in attributes {
                text += " \(attribute.name)"
                if let value = attribute.value { text += "=\"\(Self.escaped(value))\"" }
            }
            text += ">"
            if !tag.isVoid {
                for piece in content { piece.write(to: &text) }
                text += "</\(tag.rawValue)>"
            }
            if tag.isBlock { text += "\n" }
        }
    }

    /// Text without characters that mean something in HTML, or that HTML can't hold.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n": result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result += "\u{FFFD}"
            case _ where (0xFDD0...0xFDEF).contains(scalar.value) || scalar.value & 0xFFFE == 0xFFFE:
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension HTML: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    package init(stringLiteral value: String) { self = .text(value) }
}

/// Markup that isn't escaped, because this module made it.
package struct TrustedMarkup: Sendable, Hashable {
    let text: String
    init(_ text: String) { self.text = text }
}

/// Lets elements list what is in them, with conditions and loops.
@resultBuilder
package enum HTMLBuilder {
    package static func buildExpression(_ piece: HTML) -> [HTML] { [piece] }
    package static func buildExpression(_ pieces: [HTML]) -> [HTML] { pieces }
    package static func buildBlock(_ parts: [HTML]...) -> [HTML] { parts.flatMap { $0 } }
    package static func buildOptional(_ part: [HTML]?) -> [HTML] { part ?? [] }
    package static func buildEither(first part: [HTML]) -> [HTML] { part }
    package static func buildEither(second part: [HTML]) -> [HTML] { part }
    package static func buildArray(_ parts: [[HTML]]) -> [HTML] { parts.flatMap { $0 } }
}

/// The elements that pages are made of.
package enum HTMLTag: String, Sendable, Hashable, CaseIterable {
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
package struct HTMLAttribute: Sendable, Hashable {
    let name: String
    /// Nil for one that only is there or not, such as `hidden`.
    let value: String?

    private init(_ name: String, _ value: String?) {
        self.name = name
        self.value = value
    }

    package static func id(_ value: String) -> HTMLAttribute { .init("id", value) }
    package static func `class`(_ value: String) -> HTMLAttribute { .init("class", value) }
    package static func href(_ value: String) -> HTMLAttribute { .init("href", value) }
    package static func lang(_ value: String) -> HTMLAttribute { .init("lang", value) }
    package static func charset(_ value: String) -> HTMLAttribute { .init("charset", value) }
    package static func httpEquiv(_ value: String) -> HTMLAttribute { .init("http-equiv", value) }
    package static func name(_ value: String) -> HTMLAttribute { .init("name", value) }
    package static func content(_ value: String) -> HTMLAttribute { .init("content", value) }
    package static func scope(_ value: String) -> HTMLAttribute { .init("scope", value) }
    package static func role(_ value: String) -> HTMLAttribute { .init("role", value) }
    package static func type(_ value: String) -> HTMLAttribute { .init("type", value) }
    package static func value(_ value: String) -> HTMLAttribute { .init("value", value) }
    package static func `for`(_ value: String) -> HTMLAttribute { .init("for", value) }
    package static func title(_ value: String) -> HTMLAttribute { .init("title", value) }
    package static func tabindex(_ value: Int) -> HTMLAttribute { .init("tabindex", "\(value)") }
    /// `aria-NAME`.
    package static func aria(_ name: String, _ value: String) -> HTMLAttribute {
        .init("aria-\(name)", value)
    }
    /// `data-NAME`.
    package static func data(_ name: String, _ value: String) -> HTMLAttribute {
        .init("data-\(name)", value)
    }
    /// The bounds of a slider.
    package static func bound(_ name: Bound, _ value: Int) -> HTMLAttribute {
        .init(name.rawValue, "\(value)")
    }
    package static let hidden = HTMLAttribute("hidden", nil)
    package static let open = HTMLAttribute("open", nil)

    /// What a slider is bounded by.
    package enum Bound: String, Sendable { case min, max, step }
}
