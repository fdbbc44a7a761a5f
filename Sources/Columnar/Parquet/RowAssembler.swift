internal import Files
internal import JSON

/// Puts the columns of a row group together to rows.
struct RowAssembler {
    private let fields: [SchemaNode]
    private var cursors: [ColumnCursor]
    private let limits: ColumnarLimits
    private var taken = 0

    init(_ fields: [SchemaNode], _ cursors: [ColumnCursor], _ limits: ColumnarLimits) {
        self.fields = fields
        self.cursors = cursors
        self.limits = limits
    }

    mutating func row() throws(ReadProblem) -> JSONObject {
        taken = 0
        var members: [(String, JSONValue)] = []
        for field in fields {
            for index in field.columns {
                guard try cursors[index].advance() else {
                    throw .damaged("column \(cursors[index].column.name) has too few rows")
                }
                guard cursors[index].repetition == 0 else {
                    throw .damaged("column \(cursors[index].column.name) has a row without a start")
                }
            }
            members.append((field.name, try value(field)))
        }
        return JSONObject(members)
    }

    /// That nothing is left behind the last row.
    mutating func finish() throws(ReadProblem) {
        for field in fields {
            for index in field.columns where try cursors[index].advance() {
                throw .damaged("column \(cursors[index].column.name) has more rows than its row group")
            }
        }
    }

    private mutating func value(_ node: SchemaNode) throws(ReadProblem) -> JSONValue {
        // The first column below a node tells for all whether it is there.
        let first = node.columns.lowerBound
        guard try cursors[first].advance() else {
            throw .damaged("column \(cursors[first].column.name) has too few values")
        }
        if cursors[first].definition < node.definition { return try skip(node, giving: .null) }
        switch node.kind {
        case .value:
            try count()
            return try cursors[first].take()
        case .structure(let parts):
            var members: [(String, JSONValue)] = []
            for part in parts { members.append((part.name, try value(part))) }
            return .object(JSONObject(members))
        case .list(let element, let definition, let repetition):
            if cursors[first].definition < definition { return try skip(node, giving: []) }
            var elements: [JSONValue] = []
            repeat {
                elements.append(try value(element))
            } while try cursors[first].advance() && cursors[first].repetition == repetition
            return .array(elements)
        }
    }

    private mutating func skip(_ node: SchemaNode, giving value: JSONValue) throws(ReadProblem) -> JSONValue {
        for index in node.columns {
            try count()
            _ = try cursors[index].take()
        }
        return value
    }

    private mutating func count() throws(ReadProblem) {
        taken += 1
        guard taken <= limits.rowValues else {
            throw .tooLarge("A row has more than \(limits.rowValues) values.")
        }
    }
}
