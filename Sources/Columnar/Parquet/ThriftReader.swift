/// Reads Thrift's compact protocol, in which Parquet writes its footer and its page headers.
///
/// Source: apache/thrift, doc/specs/thrift-compact-protocol.md.
struct ThriftReader {
    private(set) var bytes: ByteReader
    private var depth = 0

    /// The types of a field; the raw values are those of the protocol.
    enum FieldType: UInt8 {
        case yes = 1
        case no, byte, short, int, long, double, binary, list, set, map, structure
    }

    init(_ bytes: ByteReader) { self.bytes = bytes }

    /// Reads a structure: the body gets each field's number and type, and says false to have it skipped.
    mutating func structure(
        _ body: (inout ThriftReader, Int, FieldType) throws(ReadProblem) -> Bool
    ) throws(ReadProblem) {
        try enter()
        var id = 0
        while true {
            let head = try bytes.byte()
            if head == 0 { break }
            let type = try fieldType(head & 0x0F)
            let step = Int(head >> 4)
            if step > 0 {
                id += step
            } else {
                let number = try bytes.zigzag()
                guard let short = Int16(exactly: number) else {
                    throw .damaged("a field's number is too large")
                }
                id = Int(short)
            }
            if try !body(&self, id, type) { try skip(type) }
        }
        depth -= 1
    }

    /// Reads a list of structures, of strings or of numbers: the body reads one element.
    mutating func list(
        of expected: FieldType, _ body: (inout ThriftReader) throws(ReadProblem) -> Void
    ) throws(ReadProblem) {
        guard let (count, type) = try listHeader() else { return }
        guard type == expected else { throw .damaged("a list has elements of another type") }
        for _ in 0..<count { try body(&self) }
    }

    mutating func integer() throws(ReadProblem) -> Int { Int(try bytes.zigzag()) }

    mutating func text() throws(ReadProblem) -> String {
        try bytes.text(Int(clamping: try bytes.varint()))
    }

    mutating func skip(_ type: FieldType) throws(ReadProblem) {
        switch type {
        case .yes, .no: break
        case .byte: _ = try bytes.byte()
        case .short, .int, .long: _ = try bytes.varint()
        case .double: _ = try bytes.take(8)
        case .binary: _ = try bytes.take(Int(clamping: try bytes.varint()))
        case .list, .set:
            try enter()
            if let (count, type) = try listHeader() {
                for _ in 0..<count { try skipElement(type) }
            }
            depth -= 1
        case .map:
            try enter()
            let count = Int(clamping: try bytes.varint())
            if count > 0 {
                let types = try bytes.byte()
                let (key, value) = (try fieldType(types >> 4), try fieldType(types & 0x0F))
                guard count <= bytes.remaining else { throw .damaged("a map goes beyond its end") }
                for _ in 0..<count {
                    try skipElement(key)
                    try skipElement(value)
                }
            }
            depth -= 1
        case .structure:
            try structure { (_, _, _) throws(ReadProblem) in false }
        }
    }

    /// In lists and maps a truth value takes a byte.
    private mutating func skipElement(_ type: FieldType) throws(ReadProblem) {
        if type == .yes || type == .no { _ = try bytes.byte() } else { try skip(type) }
    }

    /// Nil for an empty list, whose elements have no type with some writers.
    private mutating func listHeader() throws(ReadProblem) -> (Int, FieldType)? {
        let head = try bytes.byte()
        let count = head >> 4 == 15 ? Int(clamping: try bytes.varint()) : Int(head >> 4)
        // Every element takes a byte at least.
        guard count <= bytes.remaining else { throw .damaged("a list goes beyond its end") }
        return count == 0 ? nil : (count, try fieldType(head & 0x0F))
    }

    private func fieldType(_ raw: UInt8) throws(ReadProblem) -> FieldType {
        guard let type = FieldType(rawValue: raw) else { throw .damaged("a field has no known type") }
        return type
    }

    private mutating func enter() throws(ReadProblem) {
        depth += 1
        guard depth <= 64 else { throw .damaged("its structures are nested too deeply") }
    }
}
