internal import JSON

/// One column of a record batch, whose sizes have all been checked.
struct ArrowColumn {
    private let field: ArrowField
    private let body: [UInt8]
    let count: Int
    /// Where the bits are that say which values are there; nil if all are.
    private let validity: Range<Int>?
    private let values: Range<Int>
    private let offsets: [Int]
    private let children: [ArrowColumn]

    /// Takes the next nodes and buffers of a batch, in the order of the schema.
    init(_ field: ArrowField, _ batch: inout BatchReader) throws(ReadProblem) {
        self.field = field
        body = batch.body
        let (count, nulls) = try batch.nextNode()
        self.count = count
        if case .null = field.kind {
            (validity, values, offsets, children) = (nil, 0..<0, [], [])
            return
        }
        let bits = try batch.nextBuffer()
        validity = nulls == 0 || bits.isEmpty ? nil : bits
        if let validity { try Self.check(validity, (count + 7) / 8) }
        guard nulls == 0 || validity != nil else {
            throw .damaged("a column doesn't say which values are null")
        }
        switch field.kind {
        case .null: (values, offsets, children) = (0..<0, [], [])
        case .boolean:
            values = try Self.check(try batch.nextBuffer(), (count + 7) / 8)
            (offsets, children) = ([], [])
        case .integer(let bits, _):
            values = try Self.check(try batch.nextBuffer(), count * bits / 8)
            (offsets, children) = ([], [])
        case .float:
            values = try Self.check(try batch.nextBuffer(), count * 4)
            (offsets, children) = ([], [])
        case .double:
            values = try Self.check(try batch.nextBuffer(), count * 8)
            (offsets, children) = ([], [])
        case .text(let isLarge):
            try batch.takePlaces(count)
            offsets = try Self.offsets(batch.body, try batch.nextBuffer(), count, isLarge)
            values = try Self.check(try batch.nextBuffer(), offsets[count])
            children = []
        case .list(let element, let isLarge):
            try batch.takePlaces(count)
            offsets = try Self.offsets(batch.body, try batch.nextBuffer(), count, isLarge)
            let child = try ArrowColumn(element, &batch)
            guard child.count >= offsets[count] else { throw .damaged("a list has too few elements") }
            (values, children) = (0..<0, [child])
        case .structure(let parts):
            var columns: [ArrowColumn] = []
            for part in parts {
                let column = try ArrowColumn(part, &batch)
                guard column.count >= count else {
                    throw .damaged("a part of a structure has too few values")
                }
                columns.append(column)
            }
            (values, offsets, children) = (0..<0, [], columns)
        }
    }

    /// One value; `budget` bounds the values of a row.
    func value(_ index: Int, _ budget: inout Int) throws(ReadProblem) -> JSONValue {
        budget -= 1
        guard budget >= 0 else { throw .tooLarge("A row has more values than the limits allow.") }
        if let validity, !bit(index, validity) { return .null }
        switch field.kind {
        case .null: return .null
        case .boolean: return .bool(bit(index, values))
        case .integer(let bits, let isSigned):
            let raw = number(index, bits / 8)
            if isSigned {
                return .integer(Int(truncatingIfNeeded: Int64(bitPattern: raw << (64 - bits)) >> (64 - bits)))
            }
            guard let number = Int(exactly: raw) else {
                throw .unsupported("Column \(field.name) has a number beyond \(Int.max).")
            }
            return .integer(number)
        case .float: return .number(Double(Float(bitPattern: UInt32(truncatingIfNeeded: number(index, 4)))))
        case .double: return .number(Double(bitPattern: number(index, 8)))
        case .text:
            let start = values.lowerBound
            guard
                let text = String(
                    validating: body[start + offsets[index]..<start + offsets[index + 1]], as: UTF8.self)
            else { throw .damaged("column \(field.name) has a text that isn't UTF-8") }
            return .string(text)
        case .list:
            var elements: [JSONValue] = []
            for element in offsets[index]..<offsets[index + 1] {
                elements.append(try children[0].value(element, &budget))
            }
            return .array(elements)
        case .structure(let parts):
            var members: [(String, JSONValue)] = []
            for (part, column) in zip(parts, children) {
                members.append((part.name, try column.value(index, &budget)))
            }
            return .object(JSONObject(members))
        }
    }

    private func bit(_ index: Int, _ range: Range<Int>) -> Bool {
        body[range.lowerBound + index / 8] >> UInt8(index % 8) & 1 == 1
    }

    private func number(_ index: Int, _ size: Int) -> UInt64 {
        let start = values.lowerBound + index * size
        return body[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    @discardableResult
    private static func check(_ range: Range<Int>, _ size: Int) throws(ReadProblem) -> Range<Int> {
        guard range.count >= size else { throw .damaged("a column is shorter than its batch") }
        return range
    }

    /// `count + 1` places that don't fall, the first at least 0.
    private static func offsets(
        _ body: [UInt8], _ range: Range<Int>, _ count: Int, _ isLarge: Bool
    ) throws(ReadProblem) -> [Int] {
        // Without rows there may be no offset at all.
        if count == 0, range.isEmpty { return [0] }
        try check(range, (count + 1) * (isLarge ? 8 : 4))
        var reader = ByteReader(body, range)
        var offsets: [Int] = []
        offsets.reserveCapacity(count + 1)
        for _ in 0...count {
            offsets.append(
                isLarge ? Int(try reader.integer(Int64.self)) : Int(try reader.integer(Int32.self)))
            guard offsets[offsets.count - 1] >= (offsets.count > 1 ? offsets[offsets.count - 2] : 0) else {
                throw .damaged("a text or a list ends before its start")
            }
        }
        return offsets
    }
}
