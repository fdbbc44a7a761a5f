package import JSON

/// What a number of ``Facts`` says: "layers of the model".
///
/// Kinds declare their own in extensions; what the numbers mean is their matter.
package struct FactName: Hashable, Sendable {
    package let name: String

    /// A fact of this name.
    package init(_ name: String) { self.name = name }
}

/// Named numbers and documents: what is known of an artifact before it is made, or how large a piece of work is.
package struct Facts: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    private var numbers: [FactName: Double]
    private var documents: [FactName: JSONValue] = [:]

    /// The numbers with their names.
    package init(dictionaryLiteral elements: (FactName, Double)...) {
        numbers = Dictionary(elements, uniquingKeysWith: { _, last in last })
    }

    /// The number of that name; nil where it isn't known.
    package subscript(name: FactName) -> Double? {
        get { numbers[name] }
        set { numbers[name] = newValue }
    }

    /// The document of that name, for what more than a number says; nil where it isn't known.
    package subscript(document name: FactName) -> JSONValue? {
        get { documents[name] }
        set { documents[name] = newValue }
    }

    /// The number of that name, rounded; nil where it isn't known or is no sensible count.
    package func count(_ name: FactName) -> Int? {
        guard let number = numbers[name], number.isFinite, number >= 0, number < 1e18 else { return nil }
        return Int(number.rounded())
    }

    /// These facts with those of `other` added; where both know one, `other`'s.
    package func merging(_ other: Facts) -> Facts {
        var result = self
        result.numbers.merge(other.numbers) { _, new in new }
        result.documents.merge(other.documents) { _, new in new }
        return result
    }
}
