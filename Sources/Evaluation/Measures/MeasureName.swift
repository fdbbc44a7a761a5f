internal import Base

/// What a claim may speak of: a measure of one curve, written `LABEL.tpf@90`.
package struct MeasureName: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// Area under the curve, with the curve's own cut-off, as upstream defines it.
        case aup
        /// Area under the curve, with one cut-off for all curves of the table.
        case commonAUP
        /// Tokens per forward of the operating point.
        case tpf
        /// Accuracy of the operating point, in percent.
        case accuracy
        /// Tokens per forward where the curve falls below so many percent of accuracy.
        case tpfAt(accuracy: Double)
    }

    package let label: String
    package let kind: Kind

    /// How measures are written, for messages.
    package static let forms =
        "LABEL.tpf@90 (or another accuracy), LABEL.tpf, LABEL.accuracy, LABEL.aup or LABEL.commonAUP"

    package init(_ label: String, _ kind: Kind) {
        self.label = label
        self.kind = kind
    }

    /// Nil where the text isn't a measure, or an accuracy isn't above 0 and at most 100.
    package init?(_ text: String) {
        let bytes = text.byteText
        for (suffix, kind): (ByteText, Kind) in [
            (".aup", Kind.aup), (".commonAUP", .commonAUP), (".tpf", .tpf), (".accuracy", .accuracy),
        ] {
            if let label = bytes.dropping(suffix: suffix), !label.isEmpty {
                self.label = label.text
                self.kind = kind
                return
            }
        }
        guard let parts = bytes.cut(atLast: ".tpf@"), !parts.before.isEmpty,
            let accuracy = Double(parts.after.text),
            accuracy > 0, accuracy <= 100
        else { return nil }
        label = parts.before.text
        kind = .tpfAt(accuracy: accuracy)
    }

    /// As configurations write it.
    package var text: String {
        switch kind {
        case .aup: "\(label).aup"
        case .commonAUP: "\(label).commonAUP"
        case .tpf: "\(label).tpf"
        case .accuracy: "\(label).accuracy"
        case .tpfAt(let accuracy): "\(label).tpf@\(Self.number(accuracy))"
        }
    }

    /// 90 rather than 90.0.
    package static func number(_ accuracy: Double) -> String {
        Int(exactly: accuracy).map(String.init) ?? "\(accuracy)"
    }

    /// Whether effects on the measure are ratios unless a claim says otherwise.
    package var isRatio: Bool { if case .tpfAt = kind { true } else { false } }
}
