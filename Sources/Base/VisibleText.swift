extension StringProtocol {
    /// The same with what a terminal or a reader's eye would be led astray by made visible, for text that comes from
    /// somebody else: a file, a server, an imported result.
    ///
    /// Control characters (escape sequences, carriage returns, C1), marks that turn the direction of writing,
    /// invisible format characters and line separators become `\u{…}`, line feeds and tabs `\n` and `\t`: what is shown
    /// stays on its line and can't move the cursor, hide, or pose as the program's own words.
    public var visible: String {
        guard unicodeScalars.contains(where: \.isInvisible) else { return String(self) }
        var shown = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar {
            case "\n": shown.append(contentsOf: "\\n".unicodeScalars)
            case "\t": shown.append(contentsOf: "\\t".unicodeScalars)
            case "\r": shown.append(contentsOf: "\\r".unicodeScalars)
            case _ where scalar.isInvisible:
                let digits = String(scalar.value, radix: 16, uppercase: true)
                shown.append(contentsOf: "\\u{\(digits)}".unicodeScalars)
            default: shown.append(scalar)
            }
        }
        return String(shown)
    }

    /// As ``visible`` for text of several lines or with columns: line feeds and tabs stay.
    public var visibleLines: String {
        ByteText(self).split("\n", keepingEmpty: true).map { line in
            line.split("\t", keepingEmpty: true).map(\.text.visible).joined(separator: "\t")
        }.joined(separator: "\n")
    }
}

extension Unicode.Scalar {
    /// Whether a terminal acts on it, or nobody sees it.
    public var isInvisible: Bool {
        switch properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
        // Joiners belong to scripts and to emoji; they move nothing.
        case .format: value != 0x200C && value != 0x200D
        default: false
        }
    }
}

extension String {
    /// The beginning of a text that somebody else wrote, for a message that quotes it.
    ///
    /// - Parameter bytes: About how many bytes of UTF-8 it may have.
    package func shortened(to bytes: Int = 80) -> String {
        guard utf8.count > bytes else { return self }
        return String(decoding: utf8.prefix(bytes), as: UTF8.self).unicodeScalars.filter { $0 != "\u{FFFD}" }
            .reduce(into: "") { $0.unicodeScalars.append($1) } + "…"
    }
}
