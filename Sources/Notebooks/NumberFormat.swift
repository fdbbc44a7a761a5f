internal import Base
internal import Reporting

/// How a number is written in a sentence: `0`, `0.0`, `+0.00`, `0,000`.
///
/// Negative numbers have a minus sign (U+2212), as in good print; a number that rounds to zero has no sign.
struct NumberFormat: Equatable {
    let digits: Int
    let showsPlus: Bool
    let isGrouped: Bool

    init(_ pattern: String) throws(NotebookProblem) {
        let unsigned = pattern.byteText.dropping(prefix: "+")
        showsPlus = unsigned != nil
        let start = (unsigned ?? pattern.byteText).bytes
        isGrouped = Substring(start[...]).byteText.hasPrefix("0,000")
        let rest = start.dropFirst(isGrouped ? 5 : 1)
        let isWhole = rest.isEmpty
        digits = isWhole ? 0 : rest.count - 1
        guard start.first == UInt8(ascii: "0"), isWhole || (rest.first == UInt8(ascii: ".") && digits > 0),
            rest.dropFirst().allSatisfy({ $0 == UInt8(ascii: "0") }), digits <= FixedPoint.maximumDigits
        else {
            throw .marker(
                "Numbers are written as 0, 0.0, 0,000 and so on, with + in front to show signs; \"\(pattern)\" isn't such a pattern."
            )
        }
    }

    func text(_ number: Double) -> String {
        let size = FixedPoint.text(number.magnitude, digits: digits, grouped: isGrouped)
        guard size.contains(where: { ("1"..."9").contains($0) }) else { return size }
        return (number < 0 ? "\u{2212}" : showsPlus ? "+" : "") + size
    }
}
