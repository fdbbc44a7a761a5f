/// A column that has values: a leaf of the schema.
struct Column: Sendable {
    /// How values are stored; the raw values are those of parquet.thrift.
    enum Physical: Int, Sendable {
        case boolean, int32, int64, int96, float, double, byteArray, fixedByteArray
    }

    /// Names from the root on, joined by points.
    let name: String
    let physical: Physical
    let isUnsigned: Bool
    /// The definition level at which there is a value, and the highest repetition level.
    let definition: Int
    let repetition: Int
    /// Why its values can't be read: a type that has no counterpart here.
    let refusal: String?

    /// - Throws: ``ReadProblem`` for a type that Parquet doesn't have.
    init(
        _ element: SchemaElement, name: String, definition: Int, repetition: Int
    ) throws(ReadProblem) {
        self.name = name
        self.definition = definition
        self.repetition = repetition
        guard let physical = element.type.flatMap(Physical.init) else {
            throw .damaged("column \(name) has no known type")
        }
        self.physical = physical
        isUnsigned = element.convertedType.map { (11...14).contains($0) } ?? false
        let other: String? =
            switch (physical, element.convertedType, element.logicalType) {
            case (.int96, _, _): "a time of 96 bits"
            case (.fixedByteArray, _, _): "bytes of fixed length"
            case (_, 5, _), (_, _, 5): "decimal numbers"
            case (_, 6, _), (_, _, 6): "dates"
            case (_, 7, _), (_, 8, _), (_, 9, _), (_, 10, _), (_, _, 7), (_, _, 8): "times"
            case (_, 20, _), (_, _, 13): "BSON"
            default: nil
            }
        refusal = other.map {
            "Column \(name) holds \($0); texts, whole numbers, floating-point numbers and truth values are read, and lists and structures of them."
        }
    }
}
