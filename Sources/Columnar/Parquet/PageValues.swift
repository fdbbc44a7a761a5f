internal import JSON

/// The values of a page, or of a dictionary, as they are stored; a JSON value is made when it is asked for.
enum PageValues {
    case booleans([Bool])
    case integers([Int64])
    case numbers([Double])
    case texts([UInt8], [Range<Int>])
    /// Places in a dictionary.
    case places([UInt32], dictionary: [JSONValue])

    var count: Int {
        switch self {
        case .booleans(let values): values.count
        case .integers(let values): values.count
        case .numbers(let values): values.count
        case .texts(_, let ranges): ranges.count
        case .places(let places, _): places.count
        }
    }

    /// One value.
    func value(_ index: Int, of column: Column) throws(ReadProblem) -> JSONValue {
        switch self {
        case .booleans(let values): return .bool(values[index])
        case .numbers(let values): return .number(values[index])
        case .integers(let values):
            guard column.isUnsigned else { return .integer(Int(values[index])) }
            if column.physical == .int32 { return .integer(Int(UInt32(truncatingIfNeeded: values[index]))) }
            guard values[index] >= 0 else {
                throw .unsupported("Column \(column.name) has a number beyond \(Int.max).")
            }
            return .integer(Int(values[index]))
        case .texts(let bytes, let ranges):
            guard let text = String(validating: bytes[ranges[index]], as: UTF8.self) else {
                throw .unsupported("Column \(column.name) has bytes that aren't text in UTF-8.")
            }
            return .string(text)
        case .places(let places, let dictionary):
            guard Int(places[index]) < dictionary.count else {
                throw .damaged("column \(column.name) refers to what isn't in its dictionary")
            }
            return dictionary[Int(places[index])]
        }
    }
}
