/// A column of an Arrow file, or a part of one.
///
/// Source: apache/arrow, format/Schema.fbs; the numbers are those of its union Type.
struct ArrowField: Sendable {
    indirect enum Kind: Sendable {
        case null
        case boolean
        case integer(bits: Int, isSigned: Bool)
        case float
        case double
        /// Offsets of 32 or of 64 bits.
        case text(isLarge: Bool)
        case list(ArrowField, isLarge: Bool)
        case structure([ArrowField])
    }

    let name: String
    let kind: Kind

    /// How many columns there may be, and how long their names.
    ///
    /// Tables can refer to one another in circles, and all to one text.
    struct Budget {
        private let limits: ColumnarLimits
        private var columns = 0
        private var nameBytes = 0

        init(_ limits: ColumnarLimits) { self.limits = limits }

        fileprivate mutating func take(_ name: String) throws(ReadProblem) {
            columns += 1
            guard columns <= 10_000 else { throw .tooLarge("It has more than 10000 columns.") }
            nameBytes += name.utf8.count
            guard nameBytes <= limits.nameBytes else { throw .longNames(limits) }
        }
    }

    init(_ table: FlatTable, _ budget: inout Budget, depth: Int = 0) throws(ReadProblem) {
        name = try table.text(0)
        try budget.take(name)
        guard depth <= 32 else { throw .unsupported("Its columns are nested more than 32 deep.") }
        guard try table.table(4) == nil else {
            throw .unsupported(
                "Column \(name) has a dictionary of its own (type dictionary), which isn't read here.")
        }
        var children: [ArrowField] = []
        for child in try table.tables(5) { children.append(try ArrowField(child, &budget, depth: depth + 1)) }
        let type = try table.table(3)
        let code = try table.integer(2, UInt8.self)
        switch (code, children.count) {
        case (1, 0): kind = .null
        case (2, 0):
            let bits = Int(try type?.integer(0, Int32.self) ?? 0)
            guard [8, 16, 32, 64].contains(bits) else {
                throw .damaged("column \(name) has numbers of \(bits) bits")
            }
            kind = .integer(bits: bits, isSigned: try type?.integer(1, UInt8.self) ?? 0 != 0)
        case (3, 0):
            switch try type?.integer(0, Int16.self) ?? 0 {
            case 1: kind = .float
            case 2: kind = .double
            default:
                throw .unsupported(
                    "Column \(name) has numbers of 16 bits with a point, which aren't read here.")
            }
        case (5, 0): kind = .text(isLarge: false)
        case (20, 0): kind = .text(isLarge: true)
        case (6, 0): kind = .boolean
        case (12, 1): kind = .list(children[0], isLarge: false)
        case (21, 1): kind = .list(children[0], isLarge: true)
        case (13, _):
            guard Set(children.map(\.name)).count == children.count else {
                throw .unsupported("Column \(name) has two parts of one name.")
            }
            kind = .structure(children)
        default:
            throw .unsupported(
                "Column \(name) has the type \(Self.name(of: code)), which isn't read here: texts, whole numbers, floating-point numbers, truth values, lists and structures are."
            )
        }
    }

    private static func name(of code: UInt8) -> String {
        let names = [
            "none", "null", "int", "float", "binary", "utf8", "bool", "decimal", "date", "time", "timestamp",
            "interval", "list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration",
            "large binary", "large utf8", "large list", "run-end encoded", "binary view", "utf8 view",
            "list view",
            "large list view",
        ]
        return Int(code) < names.count ? names[Int(code)] : "\(code)"
    }
}
