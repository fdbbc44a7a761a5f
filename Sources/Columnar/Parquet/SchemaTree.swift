/// A column, a structure or a list, and the levels at which it is there.
///
/// Source: S. Melnik et al., "Dremel", 2010; apache/parquet-format, LogicalTypes.md, "Nested Types".
struct SchemaNode: Sendable {
    indirect enum Kind: Sendable {
        case value
        case structure([SchemaNode])
        /// A list has elements from this definition level on; each further element has this repetition level.
        case list(SchemaNode, definition: Int, repetition: Int)
    }

    let name: String
    /// Below this definition level it is null.
    let definition: Int
    let kind: Kind
    /// The columns below it.
    let columns: Range<Int>

    /// The same with its columns elsewhere: so many places before.
    func moved(by places: Int) -> SchemaNode {
        let moved: Kind =
            switch kind {
            case .value: .value
            case .structure(let parts): .structure(parts.map { $0.moved(by: places) })
            case .list(let element, let definition, let repetition):
                .list(element.moved(by: places), definition: definition, repetition: repetition)
            }
        return SchemaNode(
            name: name, definition: definition, kind: moved,
            columns: columns.lowerBound - places..<columns.upperBound - places)
    }
}

/// Makes a tree of the list in which a footer writes the schema.
struct SchemaTree {
    private(set) var columns: [Column] = []
    private(set) var fields: [SchemaNode] = []
    private let elements: [SchemaElement]
    private let limits: ColumnarLimits
    private var position = 0
    private var nameBytes = 0

    init(_ elements: [SchemaElement], _ limits: ColumnarLimits) throws(ReadProblem) {
        self.elements = elements
        self.limits = limits
        let root = try next()
        for _ in 0..<root.children { fields.append(try node([], definition: 0, repetition: 0)) }
        guard position == elements.count else { throw .damaged("its schema has more columns than it says") }
        guard !fields.isEmpty else { throw .unsupported("It has no columns.") }
        guard Set(fields.map(\.name)).count == fields.count else {
            throw .unsupported("Two of its columns have one name.")
        }
    }

    private mutating func next() throws(ReadProblem) -> SchemaElement {
        guard position < elements.count else { throw .damaged("its schema ends too early") }
        defer { position += 1 }
        let element = elements[position]
        guard (0...elements.count).contains(element.children) else {
            throw .damaged("a column has an impossible number of parts")
        }
        return element
    }

    private mutating func node(
        _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let element = try next()
        let path = path + [element.name]
        guard path.count <= 32 else { throw .unsupported("Its columns are nested more than 32 deep.") }
        let start = columns.count
        // A repeated field without a list around it: a list that is never null.
        if element.repetition == .repeated {
            let item = try content(element, path, definition: definition + 1, repetition: repetition + 1)
            return SchemaNode(
                name: element.name, definition: definition,
                kind: .list(item, definition: definition + 1, repetition: repetition + 1),
                columns: start..<columns.count)
        }
        let own = definition + (element.repetition == .optional ? 1 : 0)
        guard element.isList, element.children == 1, position < elements.count,
            elements[position].repetition == .repeated
        else { return try content(element, path, definition: own, repetition: repetition) }
        let item = try self.item(of: element, path, definition: own + 1, repetition: repetition + 1)
        return SchemaNode(
            name: element.name, definition: own,
            kind: .list(item, definition: own + 1, repetition: repetition + 1),
            columns: start..<columns.count)
    }

    /// The elements of a list: below its repeated group, or that group itself as older writers have it.
    private mutating func item(
        of list: SchemaElement, _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let middle = try next()
        let isElement =
            middle.children != 1 || middle.name == "array" || middle.name == "\(list.name)_tuple"
        if isElement {
            return try content(middle, path + [middle.name], definition: definition, repetition: repetition)
        }
        return try node(path + [middle.name], definition: definition, repetition: repetition)
    }

    /// A value or a structure, whose own repetition is in the levels already.
    private mutating func content(
        _ element: SchemaElement, _ path: [String], definition: Int, repetition: Int
    ) throws(ReadProblem) -> SchemaNode {
        let start = columns.count
        let kind: SchemaNode.Kind
        if element.children == 0 {
            let name = try joined(path)
            guard element.type != nil else {
                throw .unsupported("Column \(name) is a structure without parts.")
            }
            columns.append(
                try Column(element, name: name, definition: definition, repetition: repetition))
            kind = .value
        } else {
            var parts: [SchemaNode] = []
            for _ in 0..<element.children {
                parts.append(try node(path, definition: definition, repetition: repetition))
            }
            kind = .structure(parts)
        }
        return SchemaNode(
            name: element.name, definition: definition, kind: kind, columns: start..<columns.count)
    }

    /// The name of a column; the names of its parents are in it, so that short files can have long ones.
    private mutating func joined(_ path: [String]) throws(ReadProblem) -> String {
        nameBytes += path.reduce(path.count - 1) { $0 + $1.utf8.count }
        guard nameBytes <= limits.nameBytes else { throw .longNames(limits) }
        return path.joined(separator: ".")
    }
}

extension SchemaElement {
    /// Whether it is a list or a map, which is a list of keys with their values.
    fileprivate var isList: Bool {
        [1, 2, 3].contains(convertedType) || logicalType == 2 || logicalType == 3
    }
}
