internal import Base
internal import JSON
internal import Recipes

extension JSONValue {
    /// What stands below `keys`: members of objects, elements of lists by number from 1 or by one of their strings
    /// (`"label": "d3LLM"`), `*` for all elements.
    func value(at keys: [String]) throws(NotebookProblem) -> Datum {
        let (values, isList) = try values(at: keys[...])
        var data: [Datum] = []
        for value in values { data.append(try value.datum(keys)) }
        guard isList else { return data[0] }
        var numbers: [Double] = []
        for datum in data { numbers += try datum.numbers().numbers }
        return .list(numbers)
    }

    private func values(at keys: ArraySlice<String>) throws(NotebookProblem) -> (
        values: [JSONValue], isList: Bool
    ) {
        guard let key = keys.first else { return ([self], false) }
        switch self {
        case .object(let object):
            guard let member = object[key] else {
                throw .marker(
                    "It has no \"\(key)\" there. \(NearestName.hint(for: key, among: object.keys, what: "There are") ?? "")"
                )
            }
            return try member.values(at: keys.dropFirst())
        case .array(let elements):
            if key == "*" {
                var all: [JSONValue] = []
                for element in elements { all += try element.values(at: keys.dropFirst()).values }
                return (all, true)
            }
            return try Self.element(key, of: elements).values(at: keys.dropFirst())
        default: throw .marker("There is nothing below it that [\(key)] could be.")
        }
    }

    private static func element(_ key: String, of elements: [JSONValue]) throws(NotebookProblem) -> JSONValue
    {
        let named = elements.filter { element in
            element.object?.members.contains { $0.value.string == key } ?? false
        }
        if named.count == 1 { return named[0] }
        if named.count > 1 {
            throw .marker("\(named.count) elements there say \"\(key)\", so that it doesn't say which.")
        }
        guard let number = Int(key) else { throw .marker("No element there says \"\(key)\".") }
        guard number > 0, elements.indices.contains(number - 1) else {
            throw .marker("There are \(elements.count) elements, counted from 1, and no [\(key)].")
        }
        return elements[number - 1]
    }

    private func datum(_ keys: [String]) throws(NotebookProblem) -> Datum {
        switch self {
        case .integer(let integer): return .number(Double(integer))
        case .number(let number): return .number(number)
        case .string(let string): return .text(string)
        case .null: throw .marker("It says that there is no value at \(keys.map { "[\($0)]" }.joined()).")
        default:
            throw .marker(
                "\(keys.map { "[\($0)]" }.joined()) is no single value. \(object.map { "There are \($0.keys.joined(separator: ", "))." } ?? "Add [*] for all its elements.")"
            )
        }
    }
}
