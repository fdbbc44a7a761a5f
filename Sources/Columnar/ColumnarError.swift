package import Base
package import SystemPackage

/// A columnar file that isn't read, and why.
package struct ColumnarError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What kind of reason it is.
    package enum Code: Sendable, Hashable {
        /// It isn't such a file, isn't whole, or contradicts itself.
        case damaged
        /// It is larger in some way than the limits allow.
        case tooLarge
        /// It has something that isn't read here.
        case unsupported
    }

    /// The file.
    package let file: FilePath
    package let code: Code
    /// A sentence without the file's name.
    package let reason: String

    /// Joins a file and what is wrong with it.
    init(_ file: FilePath, _ problem: ReadProblem) {
        self.file = file
        code = problem.code
        reason = problem.reason
    }

    package var description: String { "\(file) can't be read: \(reason)" }
}

/// What is wrong, before it is known in which file.
struct ReadProblem: Error {
    let code: ColumnarError.Code
    let reason: String

    static func damaged(_ what: String) -> Self {
        Self(code: .damaged, reason: "It is damaged or not whole (\(what)).")
    }

    static func unsupported(_ reason: String) -> Self { Self(code: .unsupported, reason: reason) }

    static func tooLarge(_ reason: String) -> Self { Self(code: .tooLarge, reason: reason) }

    static func tooManyValues(_ limits: ColumnarLimits, _ bytes: Int) -> Self {
        .tooLarge(
            "It has more than \(limits.values(ofFile: bytes)) values in \(bytes) bytes, which is the most that is read of such a file."
        )
    }

    static func tooMuchMemory(_ budget: MemoryBudget) -> Self { .tooLarge(budget.refusal) }

    static func noColumn(_ names: Set<String>, among columns: [String]) -> Self {
        let (names, columns) = (names.sorted(), columns.map { "\"\($0)\"" })
        return .unsupported(
            "It has none of the columns \(names.joined(separator: ", ")), but \(columns.prefix(12).joined(separator: ", "))\(columns.count > 12 ? " and others" : "")."
        )
    }

    static func longNames(_ limits: ColumnarLimits) -> Self {
        .tooLarge("The names of its columns have more than \(limits.nameBytes) bytes together.")
    }
}

/// How large the parts of a columnar file may be.
///
/// A few bytes can say that a value occurs a billion times, so that a file's size doesn't bound what it takes to
/// read it. Only one page of each column (or one record batch) and one row are in memory at a time.
package struct ColumnarLimits: Sendable, Hashable {
    /// The most bytes of the footer or of a message's header.
    package var metadataBytes = 64 << 20
    /// The most bytes of the names of all columns, each from the root on: many can have one long name.
    package var nameBytes = 16 << 20
    /// The most bytes of a page after decompression, or of the body of a record batch.
    package var pageBytes = 1 << 30
    /// The most values of a page, nulls included.
    package var pageValues = 1 << 24
    /// The most values of a row, those of its lists included.
    package var rowValues = 1 << 22
    /// The most values of a file, nulls included: so many, and so many more for each of its bytes.
    package var fileValues = 1 << 26
    package var valuesPerByte = 1 << 12

    /// The limits that are the default.
    package init() {}

    /// The most values of a file of some bytes.
    func values(ofFile bytes: Int) -> Int {
        // No file has so many bytes that this overflows.
        fileValues + valuesPerByte * min(bytes, 1 << 48)
    }
}
