internal import Base

/// What a number of a configuration may be; `1...8`, `0..<1`, `1...` and `.above(0)` all are.
package protocol FieldBounds<Value> {
    associatedtype Value: Comparable
    /// The limits in the one form that checks, messages and the schema use.
    var bounds: Bounds<Value> { get }
}

/// A lower and an upper limit, each absent, included or excluded.
package struct Bounds<Value: Comparable>: FieldBounds {
    /// One end of an interval.
    package struct Limit {
        package let value: Value
        /// Whether `value` itself is legal.
        package let isIncluded: Bool
    }

    package let lower: Limit?
    package let upper: Limit?

    package var bounds: Bounds { self }

    /// Whether `value` is legal.
    package func contains(_ value: Value) -> Bool {
        if let lower, lower.isIncluded ? value < lower.value : value <= lower.value { return false }
        if let upper, upper.isIncluded ? value > upper.value : value >= upper.value { return false }
        return true
    }

    /// " from 1 to 8", " above 0 and at most 1", or nothing where there is no limit.
    package var phrase: String {
        let low = lower.map { Self.text($0.value) } ?? ""
        let high = upper.map { Self.text($0.value) } ?? ""
        switch (lower?.isIncluded, upper?.isIncluded) {
        case (nil, nil): return ""
        case (true?, nil): return " of at least \(low)"
        case (false?, nil): return " above \(low)"
        case (nil, true?): return " of at most \(high)"
        case (nil, false?): return " below \(high)"
        case (true?, true?): return " from \(low) to \(high)"
        case (let isFrom?, let isTo?):
            return (isFrom ? " of at least \(low)" : " above \(low)")
                + (isTo ? " and at most \(high)" : " and below \(high)")
        }
    }

    /// Whole limits without ".0", as configurations write them.
    private static func text(_ value: Value) -> String {
        let text = "\(value)"
        return text.byteText.dropping(suffix: ".0")?.text ?? text
    }
}

extension Bounds: Sendable where Value: Sendable {}
extension Bounds.Limit: Sendable where Value: Sendable {}

extension FieldBounds where Self == Bounds<Int> {
    /// Any whole number.
    package static var any: Bounds<Int> { Bounds(lower: nil, upper: nil) }
}

extension FieldBounds where Self == Bounds<Double> {
    /// Any finite number.
    package static var any: Bounds<Double> { Bounds(lower: nil, upper: nil) }
    /// Greater than `value`.
    package static func above(_ value: Double) -> Bounds<Double> {
        Bounds(lower: .init(value: value, isIncluded: false), upper: nil)
    }
    /// Greater than `value` and at most `limit`.
    package static func above(_ value: Double, upTo limit: Double) -> Bounds<Double> {
        Bounds(lower: .init(value: value, isIncluded: false), upper: .init(value: limit, isIncluded: true))
    }
    /// Greater than `value` and less than `limit`.
    package static func above(_ value: Double, below limit: Double) -> Bounds<Double> {
        Bounds(lower: .init(value: value, isIncluded: false), upper: .init(value: limit, isIncluded: false))
    }
}

extension ClosedRange: FieldBounds {
    package typealias Value = Bound
    package var bounds: Bounds<Bound> {
        Bounds(
            lower: .init(value: lowerBound, isIncluded: true),
            upper: .init(value: upperBound, isIncluded: true))
    }
}

extension Range: FieldBounds {
    package typealias Value = Bound
    package var bounds: Bounds<Bound> {
        Bounds(
            lower: .init(value: lowerBound, isIncluded: true),
            upper: .init(value: upperBound, isIncluded: false))
    }
}

extension PartialRangeFrom: FieldBounds {
    package typealias Value = Bound
    package var bounds: Bounds<Bound> {
        Bounds(lower: .init(value: lowerBound, isIncluded: true), upper: nil)
    }
}

extension PartialRangeThrough: FieldBounds {
    package typealias Value = Bound
    package var bounds: Bounds<Bound> {
        Bounds(lower: nil, upper: .init(value: upperBound, isIncluded: true))
    }
}
