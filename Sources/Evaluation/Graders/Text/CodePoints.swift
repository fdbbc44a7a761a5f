/// Text as the reference graders see it: an array of code points.
///
/// They are written in Python, where a position is a code point, `é` and e with a combining accent differ, and a
/// carriage return and a line feed are two things. Swift's characters are none of that, so the graders work on
/// this type and give strings back.
struct CodePoints: Sendable, Hashable, ExpressibleByStringLiteral {
    var scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    init(_ scalars: some Sequence<Unicode.Scalar>) { self.scalars = Array(scalars) }

    init(stringLiteral text: String) { self.init(text) }

    var string: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    var count: Int { scalars.count }
    var isEmpty: Bool { scalars.isEmpty }

    subscript(index: Int) -> Unicode.Scalar { scalars[index] }

    subscript(range: Range<Int>) -> CodePoints { CodePoints(scalars[range]) }

    /// The code points from `start` on; none when it lies beyond the end.
    func suffix(from start: Int) -> CodePoints { CodePoints(scalars.dropFirst(start)) }

    static func + (a: CodePoints, b: CodePoints) -> CodePoints { CodePoints(a.scalars + b.scalars) }

    static func += (a: inout CodePoints, b: CodePoints) { a.scalars += b.scalars }
}
