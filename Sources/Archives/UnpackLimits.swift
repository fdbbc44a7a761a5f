extension Unpacker {
    /// How large an archive may be in each way; what is beyond is refused.
    package struct Limits: Sendable, Hashable {
        /// Bytes of all files together.
        package var bytes: Int
        /// Files and folders.
        package var entries: Int
        /// How many times as large as the archive its content may be; small archives may give 16 MiB in any case.
        package var ratio: Int
        /// Folders within folders.
        package var depth: Int
        /// Bytes of one path.
        package var pathBytes: Int
        /// Bytes of what stands before an entry's content.
        package var headerBytes: Int

        /// Limits that data sets and results stay below by far.
        package init(
            bytes: Int = 64 << 30, entries: Int = 200_000, ratio: Int = 200, depth: Int = 32,
            pathBytes: Int = 1024, headerBytes: Int = 64 << 10
        ) {
            self.bytes = bytes
            self.entries = entries
            self.ratio = ratio
            self.depth = depth
            self.pathBytes = pathBytes
            self.headerBytes = headerBytes
        }

        /// The most bytes that an archive of this size may hold, headers included.
        func most(ofArchive size: Int) -> Int {
            let byRatio = size.multipliedReportingOverflow(by: ratio)
            let most = byRatio.overflow ? Int.max : byRatio.partialValue
            return max(most, 16 << 20)
        }
    }
}
