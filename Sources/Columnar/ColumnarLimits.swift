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
