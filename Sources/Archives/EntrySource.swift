/// The entries of an archive, one after the other.
protocol EntrySource {
    /// The next entry; nil behind the last.
    func next() throws -> ArchiveEntry?
    /// The next bytes of the entry's content; none at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
    /// Checks that nothing is missing and nothing stands behind the archive's end.
    func finish() throws
}
